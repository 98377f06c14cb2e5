// JSON lines and numbers, character by character as `skewless predict` writes them.

import type { ErrorData } from "../src/public.js";

/**
 * A number as the shortest text that reads back as it: always with a point or an exponent, the latter from 1e16 on and below
 * 1e-5.
 */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-5)) return value.toExponential();
  const text = Object.is(value, -0) ? "-0" : String(value);
  return Number.isInteger(value) ? `${text}.0` : text;
}

/** JSON in which every number is a float; a map is an object whose members keep their order. */
export function json(value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? numberText(value) : "null";
  if (Array.isArray(value)) return `[${value.map(json).join()}]`;
  if (value instanceof Map) return `{${Array.from(value, ([name, member]) => `${JSON.stringify(name)}:${json(member)}`).join()}}`;
  return JSON.stringify(value ?? null);
}

/** The line of a row that could not be answered. */
export function errorLine({ code, field, message, row, value }: ErrorData): string {
  return `${JSON.stringify({ error: { code, field, message, row, value } })}\n`;
}
