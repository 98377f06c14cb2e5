// Columns as JavaScript has them, made ready for WebAssembly: numbers as doubles, strings by dictionary.

import { SkewlessError } from "./error.js";
import type { InputSlot } from "./memory.js";
import { type DictionaryColumn, isDictionary, isNumbers, type RawColumn, type RawColumns, type RawValue } from "./raw.js";
import type { Model as Native } from "./wasm/skewless.js";

/** The code of a missing string. */
const MISSING = 0xffff_ffff;

/** Hands columns to WebAssembly; says how long they are, and whether one mixes types and is judged value by value. */
export function toColumns(native: Native, inputs: readonly InputSlot[], columns: RawColumns): { rows: number; mixed: boolean } {
  const entries = Object.entries(columns ?? {});
  for (const [name, column] of entries) {
    if (!isColumn(column)) throw noColumn(name);
  }
  const slots = new Map(inputs.map((input) => [input.name, input]));
  const elements = (name: string) => slots.get(name)?.elements ?? 0;
  const rows = entries[0] ? rowsOf(entries[0][1], elements(entries[0][0])) : 0;
  native.columns(rows);
  let mixed = false;
  for (const [name, column] of entries) {
    if (push(native, name, column, slots.get(name))) continue;
    mixed = true;
    // Columns know the rule on lengths and names; a column of nothing asks them.
    native.numbers(name, new Float64Array(rowsOf(column, 0)).fill(NaN), 0);
  }
  return { rows, mixed };
}

function rowsOf(column: RawColumn, elements: number): number {
  if (isDictionary(column)) return column.codes.length;
  return elements > 0 && isNumbers(column) ? Math.floor(column.length / elements) : column.length;
}

function push(native: Native, name: string, column: RawColumn, input: InputSlot | undefined): boolean {
  if (isDictionary(column)) {
    pushText(native, name, column.dictionary, new Uint32Array(column.codes));
  } else if (isNumbers(column)) {
    native.numbers(name, column instanceof Float64Array ? column : new Float64Array(column), input?.elements ?? 0);
  } else {
    return pushValues(native, name, column as readonly RawValue[], input);
  }
  return true;
}

function pushValues(native: Native, name: string, values: readonly RawValue[], input: InputSlot | undefined): boolean {
  const present = values.find((value) => value !== null && value !== undefined);
  if (present === undefined && input?.type !== "tensor") {
    const text = input && !["number", "integer", "boolean"].includes(input.type);
    return text ? pushTexts(native, name, values) : pushNumbers(native, name, values, "number");
  }
  if (typeof present === "string") return pushTexts(native, name, values);
  if (typeof present === "number") return pushNumbers(native, name, values, "number");
  // Booleans where booleans are due, or where nobody reads them.
  const booleans = typeof present === "boolean" && (!input || input.type === "boolean");
  return booleans && pushNumbers(native, name, values, "boolean");
}

function pushTexts(native: Native, name: string, values: readonly RawValue[]): boolean {
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
  pushText(native, name, [...known.keys()], codes);
  return true;
}

/** Entries side by side, because one string crosses the border faster than many. */
function pushText(native: Native, name: string, dictionary: readonly string[], codes: Uint32Array): void {
  const lengths = Uint32Array.from(dictionary, (entry) => entry.length);
  native.text(name, dictionary.map(wellFormed).join(""), lengths, codes);
}

/** A surrogate without its other half would join the next entry's. */
function wellFormed(entry: string): string {
  return /[\ud800-\udfff]/.test(entry) ? entry.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd") : entry;
}

function pushNumbers(native: Native, name: string, values: readonly RawValue[], type: "number" | "boolean"): boolean {
  const numbers = new Float64Array(values.length);
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (value === null || value === undefined) numbers[row] = NaN;
    else if (typeof value === type) numbers[row] = Number(value);
    else return false;
  }
  native.numbers(name, numbers, 0);
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

function noColumn(name: string): SkewlessError {
  const message = `column \`${name}\` must be an array, a typed array of numbers, or strings by dictionary`;
  return new SkewlessError({ kind: "invalid_input", code: "input.wrong_type", field: name, message });
}
