// Columns as JavaScript has them, made ready for WebAssembly: numbers as doubles, strings by dictionary.

import { SkewlessError } from "./error.js";
import { Batch, type RawValue } from "./wasm/skewless.js";

/** A typed array of numbers. */
export type NumberArray =
  | Float64Array
  | Float32Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** Strings by dictionary: a code a row; a negative code, or 4294967295, is missing. */
export interface DictionaryColumn {
  readonly dictionary: readonly string[];
  readonly codes: Int32Array | Uint32Array;
}

/** One column: one value a row. `NaN`, `null` and `undefined` are missing. */
export type RawColumn = NumberArray | DictionaryColumn | readonly RawValue[];

/** Columns of one length under the names of the model's inputs. */
export type RawColumns = { readonly [input: string]: RawColumn };

/** The code of a missing string. */
const MISSING = 0xffff_ffff;

/** Hands columns to WebAssembly. The batch is freed by the prediction that takes it. */
export function toBatch(columns: RawColumns): Batch {
  const entries = Object.entries(columns ?? {});
  for (const [name, column] of entries) {
    if (!isColumn(column)) throw noColumn(name);
  }
  const batch = new Batch(entries[0] ? rowsOf(entries[0][1]) : 0);
  try {
    for (const [name, column] of entries) push(batch, name, column);
  } catch (error) {
    batch.free();
    throw error;
  }
  return batch;
}

function rowsOf(column: RawColumn): number {
  return isDictionary(column) ? column.codes.length : column.length;
}

function push(batch: Batch, name: string, column: RawColumn): void {
  if (isDictionary(column)) {
    batch.text(name, column.dictionary as string[], new Uint32Array(column.codes));
  } else if (ArrayBuffer.isView(column)) {
    batch.numbers(name, column instanceof Float64Array ? column : new Float64Array(column as NumberArray));
  } else {
    pushValues(batch, name, column as readonly RawValue[]);
  }
}

function pushValues(batch: Batch, name: string, values: readonly RawValue[]): void {
  const present = values.find((value) => value !== null && value !== undefined);
  const pushed =
    typeof present === "string" ? pushTexts(batch, name, values) : typeof present === "number" && pushNumbers(batch, name, values);
  // Booleans, and columns that mix types: each value is judged as in a record.
  if (!pushed) batch.values(name, values as RawValue[]);
}

function pushTexts(batch: Batch, name: string, values: readonly RawValue[]): boolean {
  const codes = new Uint32Array(values.length);
  const known = new Map<string, number>();
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null || value === undefined) {
      codes[row] = MISSING;
      continue;
    }
    if (typeof value !== "string") return false;
    let code = known.get(value);
    if (code === undefined) known.set(value, (code = known.size));
    codes[row] = code;
  }
  batch.text(name, [...known.keys()], codes);
  return true;
}

function pushNumbers(batch: Batch, name: string, values: readonly RawValue[]): boolean {
  const numbers = new Float64Array(values.length);
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null || value === undefined) numbers[row] = NaN;
    else if (typeof value === "number") numbers[row] = value;
    else return false;
  }
  batch.numbers(name, numbers);
  return true;
}

function isColumn(column: unknown): boolean {
  if (Array.isArray(column)) return true;
  if (typeof column !== "object" || column === null) return false;
  if (ArrayBuffer.isView(column)) return isNumbers(column);
  const { dictionary, codes } = column as Partial<DictionaryColumn>;
  const strings = Array.isArray(dictionary) && dictionary.every((entry) => typeof entry === "string");
  return strings && (codes instanceof Uint32Array || codes instanceof Int32Array);
}

function isNumbers(column: ArrayBufferView): boolean {
  return !(column instanceof DataView || column instanceof BigInt64Array || column instanceof BigUint64Array);
}

function noColumn(name: string): SkewlessError {
  const message = `column \`${name}\` must be an array, a typed array of numbers, or strings by dictionary`;
  return new SkewlessError({ kind: "invalid_input", code: "input.wrong_type", field: name, message });
}

function isDictionary(column: RawColumn): column is DictionaryColumn {
  return "dictionary" in column;
}
