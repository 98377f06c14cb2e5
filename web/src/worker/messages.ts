// What a page and its worker say to each other. Every message has the key `skewless`, so that a worker of the caller's own
// may have other messages besides.

import { type ErrorData, SkewlessError } from "../error.js";
import type { ModelInfo } from "../info.js";
import type { Model } from "../model.js";
import type { LoadOptions, Progress } from "../options.js";
import type { Source } from "../source.js";

/** The name of a method that a worker answers: all of a model's but `close`, which is a message of its own. */
export type Method = Exclude<keyof Model, "info" | "close">;

/** One line for each of them; what is missing does not compile. */
const FORWARDED: { readonly [method in Method]: true } = {
  predict: true,
  predictBatch: true,
  validate: true,
  explain: true,
  score: true,
  profile: true,
};

/** The methods that a worker answers. */
export const METHODS = Object.keys(FORWARDED) as readonly Method[];

/** Options that a message can hold. */
export type PlainOptions = Omit<LoadOptions, "signal" | "onProgress">;

/** What a page asks; `skewless` counts its questions. */
export type Question = { readonly skewless: number } & (
  | { readonly ask: "load"; readonly source: Source; readonly options: PlainOptions; readonly progress: boolean }
  | { readonly ask: "abort"; readonly load: number }
  | { readonly ask: "call"; readonly model: number; readonly method: Method; readonly given: readonly unknown[] }
  | { readonly ask: "close"; readonly model: number }
);

/** What the worker answers to the question of that number. */
export type Reply = { readonly skewless: number } & (
  | { readonly progress: Progress }
  | { readonly result: unknown }
  | { readonly error: ErrorData; readonly cause: unknown }
);

/** What `load` gives a page. */
export interface Opened {
  readonly model: number;
  readonly info: ModelInfo;
}

/** One end of the line to a worker, or to the page. */
export interface Port {
  post(message: unknown, transfer: ArrayBuffer[]): void;
  /** Is told when somebody begins and ends to wait for answers. */
  awaited?(waits: boolean): void;
}

/** An error among results: errors lose their codes on the way, so that they travel as data. */
interface Packed {
  readonly skewlessError: ErrorData;
}

/** A result as it travels. */
export function packed(result: unknown): unknown {
  if (result instanceof SkewlessError) return { skewlessError: result.toJSON() } satisfies Packed;
  return mapped(result, packed);
}

/** A result as it was. */
export function unpacked(result: unknown): unknown {
  const data = (result as Partial<Packed> | undefined)?.skewlessError;
  return data ? new SkewlessError(data) : mapped(result, unpacked);
}

/** The memory of the typed arrays in a value: what is handed over in place of being copied. */
export function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else {
    mapped(value, (inner) => buffersOf(inner, found));
  }
  return found;
}

/** Changes what a list or a plain object holds; a long list of plain values is left as it is. */
function mapped(value: unknown, change: (inner: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 && typeof value[0] === "object" ? value.map(change) : value;
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, change(inner)]));
}
