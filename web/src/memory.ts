// The model's memory as JavaScript writes rows into it and reads answers out of it, without a call for each value.

import type { Runtime } from "./runtime.js";
import { isNumbers, type NumberArray } from "./raw.js";
import type { Model as Native } from "./wasm/skewless.js";

/** An input of the model: the name, the type, and the elements of a tensor. */
export interface InputSlot {
  readonly name: string;
  readonly type: string;
  readonly elements: number;
}

/** What a value is, as the module's `Rows` knows it. */
const MISSING = 0;
const NUMBER = 1;
const BOOLEAN = 2;
const TEXT = 3;
const NUMBERS = 4;
const NESTED = 5;
const OTHER: { readonly [type: string]: number } = { array: 6, bigint: 7, function: 8, symbol: 9, object: 10, unreadable: 11 };

/** Places in the module's table. */
const AT = { kinds: 0, cells: 1, text: 2, elements: 3, textSize: 4, elementsSize: 5, raw: 6, values: 7, labels: 8, outputs: 9, width: 10, quantiles: 11 };

/** A value that a getter did not give. */
export const UNREADABLE = Symbol("unreadable");

const utf8 = new TextEncoder();

/** Writes rows and reads answers. */
export class Memory {
  #runtime: Runtime;
  #native: Native;
  #inputs: number;
  #bytes = new Uint8Array();
  #words = new Uint32Array();
  #doubles = new Float64Array();
  #table = 0;
  #rows = 0;
  #text = 0;
  #elements = 0;

  constructor(runtime: Runtime, native: Native, inputs: number) {
    this.#runtime = runtime;
    this.#native = native;
    this.#inputs = inputs;
    this.begin(1);
  }

  /** Makes room for so many rows and forgets the last ones. */
  begin(rows: number): void {
    this.#text = this.#elements = 0;
    if (rows > this.#rows || this.#words.length === 0) {
      this.#rows = rows;
      this.#reserve(4096, 0);
    } else if (this.#bytes.length === 0) {
      this.#view();
    }
  }

  /** Writes a row's value. */
  write(row: number, input: number, value: unknown): void {
    const place = row * this.#inputs + input;
    const cell = (this.#at(AT.cells) >>> 3) + 2 * place;
    let kind = MISSING;
    switch (typeof value) {
      case "number":
        kind = NUMBER;
        this.#doubles[cell] = value;
        break;
      case "string":
        kind = TEXT;
        this.#writeText(place, value);
        break;
      case "boolean":
        kind = BOOLEAN;
        this.#doubles[cell] = Number(value);
        break;
      case "undefined":
        break;
      default:
        if (value !== null) kind = this.#writeObject(place, value as object);
    }
    this.#bytes[this.#at(AT.kinds) + place] = kind;
  }

  /** The raw scores of the last answers, row after row. */
  raw(rows: number): Float64Array {
    return this.#numbers(AT.raw, rows * this.outputs);
  }

  /** The values of the last answers, row after row. */
  values(rows: number): Float64Array {
    return this.#numbers(AT.values, rows * this.width);
  }

  /** The conformal quantiles of the last answers, one a row. */
  quantiles(rows: number): Float64Array {
    return this.#numbers(AT.quantiles, rows);
  }

  /** The first number of the last answers' raw scores, values or quantiles. */
  first(which: "raw" | "values" | "quantiles"): number {
    const place = this.#at(AT[which]) >>> 3;
    return this.#doubles[place] as number;
  }

  /** The labels of the last answers. */
  labels(rows: number): Uint32Array {
    const start = this.#at(AT.labels) >>> 2;
    return this.#words.slice(start, start + rows);
  }

  /** The label of the last answers' first row. */
  label(): number {
    const place = this.#at(AT.labels) >>> 2;
    return this.#words[place] as number;
  }

  /** Raw scores a row. */
  get outputs(): number {
    this.#fresh();
    return this.#at(AT.outputs);
  }

  /** Values a row. */
  get width(): number {
    this.#fresh();
    return this.#at(AT.width);
  }

  #at(place: number): number {
    this.#fresh();
    return this.#words[this.#table + place] as number;
  }

  #numbers(place: number, count: number): Float64Array {
    const start = this.#at(place) >>> 3;
    return this.#doubles.slice(start, start + count);
  }

  /** Memory that has grown leaves its old views empty. */
  #fresh(): void {
    if (this.#bytes.length === 0) this.#view();
  }

  #view(): void {
    const { buffer } = this.#runtime.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#doubles = new Float64Array(buffer);
  }

  #reserve(text: number, elements: number): void {
    this.#table = this.#native.reserve(this.#rows, text, elements) >>> 2;
    this.#view();
  }

  #writeText(place: number, value: string): void {
    const { length } = value;
    if (this.#text + 3 * length > this.#at(AT.textSize)) this.#reserve(2 * this.#text + 3 * length, 0);
    const start = this.#at(AT.text) + this.#text;
    const bytes = this.#bytes;
    let written = 0;
    for (; written < length; written++) {
      const unit = value.charCodeAt(written);
      if (unit > 0x7f) break;
      bytes[start + written] = unit;
    }
    if (written < length) written = utf8.encodeInto(value, bytes.subarray(start, start + 3 * length)).written;
    this.#range(place, this.#text, written);
    this.#text += written;
  }

  #writeObject(place: number, value: object | bigint | symbol): number {
    if (isNumbers(value)) return this.#writeNumbers(place, value);
    if (!Array.isArray(value)) return OTHER[value === (UNREADABLE as unknown) ? "unreadable" : typeof value] as number;
    const shape: number[] = [];
    for (let inner: unknown = value; Array.isArray(inner) || isNumbers(inner); inner = inner[0]) shape.push(inner.length);
    if (shape.length < 2) return value.every((element) => typeof element === "number") ? this.#writeNumbers(place, value) : (OTHER["array"] as number);
    const elements: number[] = [];
    if (!flattened(value, shape, 0, elements)) return OTHER["array"] as number;
    this.#writeNumbers(place, elements);
    this.#native.nest(place, Uint32Array.from(shape));
    this.#fresh();
    return NESTED;
  }

  #writeNumbers(place: number, value: NumberArray | readonly number[]): number {
    if (this.#elements + value.length > this.#at(AT.elementsSize)) this.#reserve(0, 2 * this.#elements + value.length);
    this.#doubles.set(value, (this.#at(AT.elements) >>> 3) + this.#elements);
    this.#range(place, this.#elements, value.length);
    this.#elements += value.length;
    return NUMBERS;
  }

  #range(place: number, start: number, count: number): void {
    const cell = (this.#at(AT.cells) >>> 3) + 2 * place;
    this.#doubles[cell] = start;
    this.#doubles[cell + 1] = count;
  }
}

/** Gathers the numbers of nested arrays; false where they are not of the shape, or no numbers. */
function flattened(value: readonly unknown[] | NumberArray, shape: readonly number[], depth: number, into: number[]): boolean {
  if (value.length !== shape[depth]) return false;
  for (const inner of value) {
    if (depth + 1 === shape.length) {
      if (typeof inner !== "number") return false;
      into.push(inner);
    } else if (!(Array.isArray(inner) || isNumbers(inner)) || !flattened(inner, shape, depth + 1, into)) {
      return false;
    }
  }
  return true;
}

/** The type's name, as errors say it. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
