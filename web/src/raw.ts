// Raw values as callers give them: records, and columns of one length.

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

/** Numbers of a tensor: all elements side by side, row-major, or arrays nested as the input's shape says. */
export type RawTensor = NumberArray | readonly number[] | readonly RawTensor[];

/** A raw value: `null`, `undefined` and `NaN` are missing. */
export type RawValue = number | string | boolean | null | undefined | RawTensor;

/** A raw record: what was known, under the names of the model's inputs. */
export type RawRecord = { readonly [input: string]: RawValue };

/** Strings by dictionary: a code a row; a negative code, or 4294967295, is missing. */
export interface DictionaryColumn {
  readonly dictionary: readonly string[];
  readonly codes: Int32Array | Uint32Array;
}

/**
 * One column: one value a row. `NaN`, `null` and `undefined` are missing. Of a tensor, a typed array holds the elements
 * of all rows.
 */
export type RawColumn = NumberArray | DictionaryColumn | readonly RawValue[];

/** Columns of one length under the names of the model's inputs. */
export type RawColumns = { readonly [input: string]: RawColumn };

/** Columns of records of this type, one for each of their fields. */
export type Columns<Row extends RawRecord> = { readonly [input in keyof Row]: NumberArray | DictionaryColumn | readonly Row[input][] };

/** True for typed arrays of numbers. */
export function isNumbers(value: unknown): value is NumberArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array);
}

/** True for strings by dictionary. */
export function isDictionary(column: RawColumn): column is DictionaryColumn {
  return "dictionary" in column;
}
