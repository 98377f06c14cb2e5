// A bundle inside one WebAssembly instance: records go in as rows, answers come out of memory.

import { toColumns } from "./columns.js";
import { asData, type ErrorData, SkewlessError, type Thrown } from "./error.js";
import { type Explanation, explanationOf } from "./explanation.js";
import { checkGolden } from "./golden.js";
import { type InputSlot, Memory, typeName, UNREADABLE } from "./memory.js";
import { type FeaturesPart, type OutputPart, Parts } from "./parts.js";
import { Watch } from "./profile.js";
import { type Answer, answerOf, type Prediction } from "./prediction.js";
import { isDictionary, isNumbers, type RawColumns, type RawRecord } from "./raw.js";
import type { Runtime } from "./runtime.js";
import type { Model as Native } from "./wasm/skewless.js";

/** Makes the module's model of a bundle's bytes. */
export type Open = (bundle: Uint8Array) => Native;

/** No row could be answered. */
const REFUSED = 0xffff_ffff;

const isEnumerable = Object.prototype.propertyIsEnumerable;

export class Loaded {
  readonly memory: Memory;
  readonly parts: Parts;
  readonly inputs: readonly InputSlot[];
  readonly native: Native;
  /** Counts what is answered, where that was asked for. */
  readonly watch: Watch | undefined;
  /** Whether the bundle promises a coverage. */
  readonly promises: boolean;
  #answer: Answer;
  #values: unknown[];
  /** Read when something is explained. */
  #spec: FeaturesPart | undefined;
  /** The fields that a record may have, where it may not have any. */
  #fields: ReadonlySet<string> | undefined;

  constructor(runtime: Runtime, open: Open, bundle: Uint8Array, verify: boolean, profile: boolean) {
    const native = open(bundle);
    this.native = native;
    const told = native.inputs() as unknown[];
    this.inputs = Array.from({ length: told.length / 3 }, (_, at) => {
      const [name, type, elements] = told.slice(3 * at) as [string, string, number];
      return { name, type, elements };
    });
    const fields = native.fields() as string[] | undefined;
    this.#fields = fields && new Set(fields);
    this.memory = new Memory(runtime, native, this.inputs.length);
    this.parts = new Parts(bundle, native.parts());
    const output = this.parts.json("output.json") as OutputPart;
    this.#answer = answerOf(output);
    this.promises = output.conformal !== undefined;
    this.#values = this.inputs.map(() => undefined);
    if (verify) checkGolden(this, this.parts);
    if (profile) this.watch = new Watch(native, this.parts);
  }

  /** The answer for one record. */
  predict(record: RawRecord): Prediction {
    const failed = this.fails(record);
    if (failed) throw failed;
    return this.#answer(this.memory);
  }

  /** Answers one record into memory, or says why it cannot. */
  fails(record: RawRecord): SkewlessError | undefined {
    this.memory.begin(1);
    this.#write(0, record);
    return this.native.predict(1) === 0 ? undefined : this.#error(0);
  }

  /** Answers records into memory; gives the number of failed rows. */
  predictRecords(records: readonly RawRecord[]): SkewlessError[] {
    this.memory.begin(records.length);
    for (let row = 0; row < records.length; row++) this.#write(row, records[row]);
    return this.#failed(this.native.predict(records.length));
  }

  /** Answers columns into memory; a batch with a column that mixes types is judged value by value, as records are. */
  predictColumns(columns: RawColumns): { rows: number; errors: SkewlessError[] } {
    const { rows, mixed } = toColumns(this.native, this.inputs, columns);
    const count = mixed ? this.#predictMixed(columns, rows) : this.native.predictColumns();
    return { rows, errors: this.#failed(count) };
  }

  /** All that is wrong with a record. */
  validate(record: RawRecord): SkewlessError[] {
    this.memory.begin(1);
    this.#write(0, record);
    return Array.from({ length: this.native.validate() }, (_, at) => this.#error(at));
  }

  /** What each feature of a record added to its raw scores. */
  explain(record: RawRecord): Explanation {
    this.memory.begin(1);
    this.#write(0, record);
    const numbers = this.native.explain();
    return explanationOf(numbers, (this.#spec ??= this.parts.json("features.json") as FeaturesPart));
  }

  /** A golden row's features. */
  features(record: RawRecord): Float64Array {
    this.memory.begin(1);
    this.#write(0, record);
    return this.native.features();
  }

  free(): void {
    this.native.free();
  }

  #failed(count: number): SkewlessError[] {
    if (count === REFUSED) throw this.#error(0);
    return Array.from({ length: count }, (_, at) => this.#error(at));
  }

  #error(at: number): SkewlessError {
    return new SkewlessError(asData(this.native.error(at) as Thrown) satisfies ErrorData);
  }

  /** Writes a record's own enumerable properties; getters run before anything is written. */
  #write(row: number, record: unknown): void {
    const { inputs, memory } = this;
    const values = this.#values;
    if (typeof record !== "object" || record === null || Array.isArray(record)) {
      this.native.refuse(row, typeName(record));
      values.fill(undefined);
    } else {
      for (let at = 0; at < inputs.length; at++) values[at] = property(record, (inputs[at] as InputSlot).name);
      if (this.#fields) this.#refuseUnknown(row, record, this.#fields);
    }
    for (let at = 0; at < inputs.length; at++) memory.write(row, at, values[at]);
  }

  #refuseUnknown(row: number, record: object, known: ReadonlySet<string>): void {
    for (const name of Object.keys(record)) {
      if (!known.has(name)) this.native.unknown(row, name);
    }
  }

  #predictMixed(columns: RawColumns, rows: number): number {
    const values = this.inputs.map(({ name, elements }) => reader(Object.hasOwn(columns, name) ? columns[name] : undefined, elements));
    this.memory.begin(rows);
    for (let row = 0; row < rows; row++) {
      if (this.#fields) this.#refuseUnknown(row, columns, this.#fields);
      values.forEach((value, at) => this.memory.write(row, at, value(row)));
    }
    return this.native.predict(rows);
  }
}

function property(record: object, name: string): unknown {
  if (!isEnumerable.call(record, name)) return undefined;
  try {
    return (record as RawRecord)[name];
  } catch {
    return UNREADABLE;
  }
}

/** The value of each row of a column. */
function reader(column: RawColumns[string] | undefined, elements: number): (row: number) => unknown {
  if (column === undefined) return () => undefined;
  if (isDictionary(column)) return (row) => column.dictionary[column.codes[row] as number];
  if (elements > 0 && isNumbers(column)) return (row) => column.subarray(row * elements, (row + 1) * elements);
  return (row) => column[row];
}
