// A loaded model: the public face of the WebAssembly model behind it.

import { type RawColumns, toBatch } from "./columns.js";
import { SkewlessError } from "./error.js";
import { Held, type Runtime } from "./runtime.js";
import {
  type BatchPrediction as NativeBatch,
  type ErrorData,
  Model as Native,
  type ModelInfo,
  type Prediction,
  type RawRecord,
} from "./wasm/skewless.js";

/** How a bundle is opened. */
export interface LoadOptions {
  /** Predict the bundle's golden rows and refuse the bundle when one number differs. Default: true. */
  readonly verify?: boolean;
}

/** The answers for a batch. Rows that could not be answered hold `NaN` and stand in `errors`; the others are answered. */
export interface BatchPrediction extends Omit<NativeBatch, "errors"> {
  /** The rows that failed, each with its `row`. */
  readonly errors: readonly SkewlessError[];
}

/** A model that answers; `load` makes it. */
export class Model {
  #held: Held<Native>;
  #info: ModelInfo | undefined;

  /** @internal */
  constructor(runtime: Runtime, bundle: Uint8Array, { verify = true }: LoadOptions = {}) {
    this.#held = new Held(runtime, (again) => new Native(bundle, verify && !again));
  }

  /** What the bundle says of itself: name, version, digest, inputs, features, card, provenance. */
  get info(): ModelInfo {
    return (this.#info ??= this.#held.run((native) => native.info()));
  }

  /**
   * The answer for one record.
   * @throws {SkewlessError} `input.*`, naming the field and the value.
   */
  predict(record: RawRecord): Prediction {
    return this.#held.run((native) => native.predict(record));
  }

  /**
   * The answers for many rows, given as columns of one length or as an array of records.
   * @throws {SkewlessError} when no row can be answered, for example `input.ragged_columns`.
   */
  predictBatch(rows: RawColumns | readonly RawRecord[]): BatchPrediction {
    const { errors, ...answers } = this.#held.run((native) =>
      Array.isArray(rows) ? native.predictRecords(rows) : native.predictBatch(toBatch(rows as RawColumns)),
    );
    return { ...answers, errors: errors.map(asError) };
  }

  /** All that is wrong with a record, field by field; empty when it can be answered. */
  validate(record: RawRecord): SkewlessError[] {
    return this.#held.run((native) => native.validate(record)).map(asError);
  }

  /** Gives the model's memory back; every later call throws `misuse.closed`. */
  close(): void {
    this.#held.close();
  }
}

function asError(data: ErrorData): SkewlessError {
  return new SkewlessError(data);
}
