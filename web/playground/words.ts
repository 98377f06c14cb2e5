// How names, numbers and sizes read to people.

import type { RawValue } from "../src/public.js";

/** `scheduled_departure` as `Scheduled departure`. */
export function title(name: string): string {
  return sentence(words(name));
}

/** `on_time` as `on time`. */
export function words(name: string): string {
  return name.replaceAll(/[_.-]+/g, " ").trim();
}

/** A sentence of the specification without Markdown's marks. */
export function plain(text: string): string {
  return text.replaceAll(/[*_`]/g, (mark) => (mark === "_" ? mark : "")).replaceAll(/\s+/g, " ");
}

/** The same with a capital letter at its beginning. */
export function sentence(text: string): string {
  const said = plain(text);
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** A probability as a percentage with one decimal. */
export function percent(probability: number): string {
  return Number.isNaN(probability) ? "–" : `${(probability * 100).toFixed(1)}\u00a0%`;
}

/** A number with at most six significant digits. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return "–";
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(value).replace("-", "−");
}

/** A whole number with its thousands apart. */
export function count(value: number): string {
  return new Intl.NumberFormat("en").format(value);
}

/** A count with its noun, which takes an s. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A difference: its sign is there wherever it is not nothing. */
export function signed(value: number): string {
  const size = Math.abs(value).toFixed(3);
  return `${Number(size) === 0 ? "" : value < 0 ? "−" : "+"}${size}`;
}

/** A count of bytes. */
export function size(bytes: number): string {
  const [value, unit] = bytes < 1000 ? [bytes, "B"] : bytes < 1e6 ? [bytes / 1000, "KB"] : [bytes / 1e6, "MB"];
  return `${new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value)} ${unit}`;
}

/** A time given in milliseconds. */
export function duration(milliseconds: number): string {
  const [value, unit] = milliseconds < 1 ? [milliseconds * 1000, "µs"] : milliseconds < 1000 ? [milliseconds, "ms"] : [milliseconds / 1000, "s"];
  return `${new Intl.NumberFormat("en", { maximumSignificantDigits: 2 }).format(value)} ${unit}`;
}

/** A value of a record. */
export function valueText(value: RawValue, unit?: string): string {
  if (value === null || value === undefined || value === "") return "missing";
  if (typeof value === "number") return `${figure(value)}${unit ? `\u00a0${unit}` : ""}`;
  if (typeof value === "object") return "a tensor";
  return typeof value === "string" ? value.replace(/^(\d{4}-\d\d-\d\d)T/, "$1 ") : String(value);
}
