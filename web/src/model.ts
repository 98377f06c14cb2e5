// A loaded model: the public face of the WebAssembly model behind it.

import type { SkewlessError } from "./error.js";
import type { Explanation } from "./explanation.js";
import { infoOf, type ModelInfo } from "./info.js";
import { Loaded, type Open } from "./loaded.js";
import type { BatchPrediction, Prediction } from "./prediction.js";
import type { RawColumns, RawRecord } from "./raw.js";
import { Held, type Runtime } from "./runtime.js";

/** How a bundle is opened. */
export interface LoadOptions {
  /** Predict the bundle's golden rows and refuse the bundle when one number differs. Default: true. */
  readonly verify?: boolean;
}

/** A model that answers; `load` makes it. */
export class Model {
  #held: Held<Loaded>;
  #size: number;
  #info: ModelInfo | undefined;

  /** @internal */
  constructor(runtime: Runtime, open: Open, bundle: Uint8Array, { verify = true }: LoadOptions = {}) {
    this.#size = bundle.length;
    this.#held = new Held(runtime, (again) => new Loaded(runtime, open, bundle, verify && !again));
  }

  /** What the bundle says of itself: name, version, digest, inputs, features, card, provenance. */
  get info(): ModelInfo {
    return (this.#info ??= this.#held.run(({ native, parts, inputs }) => {
      const identity = { name: native.name(), version: native.version(), digest: native.digest(), size: this.#size };
      return infoOf(identity, parts, inputs.map(({ name }) => name));
    }));
  }

  /**
   * The answer for one record.
   * @throws {SkewlessError} `input.*`, naming the field and the value.
   */
  predict(record: RawRecord): Prediction {
    return this.#held.run((loaded) => loaded.predict(record));
  }

  /**
   * The answers for many rows, given as columns of one length or as an array of records.
   * @throws {SkewlessError} when no row can be answered, for example `input.ragged_columns`.
   */
  predictBatch(batch: RawColumns | readonly RawRecord[]): BatchPrediction {
    return this.#held.run((loaded) => {
      const { rows, errors } = Array.isArray(batch)
        ? { rows: batch.length, errors: loaded.predictRecords(batch) }
        : loaded.predictColumns(batch as RawColumns);
      const { memory } = loaded;
      return { rows, raw: memory.raw(rows), values: memory.values(rows), labels: memory.labels(rows), errors };
    });
  }

  /**
   * What each feature added to the raw scores of one record: `raw` is `base` plus all contributions.
   * @throws {SkewlessError} `unsupported.explain` where the bundle cannot say it; `input.*`, as `predict` does.
   */
  explain(record: RawRecord): Explanation {
    return this.#held.run((loaded) => loaded.explain(record));
  }

  /** All that is wrong with a record, field by field; empty when it can be answered. */
  validate(record: RawRecord): SkewlessError[] {
    return this.#held.run((loaded) => loaded.validate(record));
  }

  /**
   * The raw scores of feature rows that were made elsewhere: row after row, one for each output. No specification is
   * applied and no link; a row has the columns that `info.columns` names, `NaN` for missing.
   * @throws {SkewlessError} `misuse.shape` for numbers that are no rows of that width.
   */
  score(rows: Float64Array | Float32Array): Float64Array {
    const doubles = rows instanceof Float64Array ? rows : new Float64Array(rows);
    return this.#held.run(({ native }) => native.score(doubles));
  }

  /** Gives the model's memory back; every later call throws `misuse.closed`. */
  close(): void {
    this.#held.close();
  }
}
