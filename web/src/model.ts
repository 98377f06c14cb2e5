// A loaded model: the public face of the WebAssembly model behind it.

import { SkewlessError } from "./error.js";
import type { Explanation } from "./explanation.js";
import { infoOf, type ModelInfo } from "./info.js";
import { Loaded, type Open } from "./loaded.js";
import type { LoadOptions } from "./options.js";
import type { BatchPrediction, Prediction } from "./prediction.js";
import type { Profile } from "./profile.js";
import type { Columns, RawColumns, RawRecord } from "./raw.js";
import { Held, type Runtime } from "./runtime.js";

/**
 * A model that answers; `load` makes it. `npx skewless types` writes the types of a bundle's records and predictions;
 * without them, records may have any fields.
 */
export class Model<Row extends RawRecord = RawRecord, Output extends Prediction = Prediction> {
  #held: Held<Loaded>;
  #size: number;
  #info: ModelInfo | undefined;

  /** @internal */
  constructor(runtime: Runtime, open: Open, bundle: Uint8Array, { verify = true, profile = false }: Pick<LoadOptions, "verify" | "profile"> = {}) {
    this.#size = bundle.length;
    this.#held = new Held(runtime, (again) => new Loaded(runtime, open, bundle, verify && !again, profile));
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
  predict(record: Row): Output {
    return this.#held.run((loaded) => loaded.predict(record)) as Output;
  }

  /**
   * The answers for many rows, given as columns of one length or as an array of records.
   * @throws {SkewlessError} when no row can be answered, for example `input.ragged_columns`.
   */
  predictBatch(batch: Columns<Row> | readonly Row[]): BatchPrediction {
    return this.#held.run((loaded) => {
      const { rows, errors } = Array.isArray(batch)
        ? { rows: batch.length, errors: loaded.predictRecords(batch) }
        : loaded.predictColumns(batch as RawColumns);
      const { memory } = loaded;
      const answers = { rows, raw: memory.raw(rows), values: memory.values(rows), labels: memory.labels(rows), errors };
      return loaded.promises ? { ...answers, quantiles: memory.quantiles(rows) } : answers;
    });
  }

  /**
   * What each feature added to the raw scores of one record: `raw` is `base` plus all contributions.
   * @throws {SkewlessError} `unsupported.explain` where the bundle cannot say it; `input.*`, as `predict` does.
   */
  explain(record: Row): Explanation {
    return this.#held.run((loaded) => loaded.explain(record));
  }

  /** All that is wrong with a record, field by field; empty when it can be answered. */
  validate(record: RawRecord): SkewlessError[] {
    return this.#held.run((loaded) => loaded.validate(record));
  }

  /**
   * How often each input took which values in what was answered so far, in the form of the bundle's part `profile.json`:
   * `mergeProfiles` adds up several. Counting begins anew where a fault took the module away.
   * @throws {SkewlessError} `misuse.no_profile` where `load` was not told to count.
   */
  profile(): Profile {
    return this.#held.run(({ watch }) => {
      if (watch) return watch.profile();
      const message = "nothing is counted: load the bundle with { profile: true }";
      throw new SkewlessError({ kind: "misuse", code: "misuse.no_profile", message });
    });
  }

  /**
   * The raw scores of feature rows that were made elsewhere: row after row, one for each output. No specification is
   * applied and no link; a row has the columns that `info.columns` names, `NaN` for missing.
   * @throws {SkewlessError} `misuse.shape` for numbers that are no rows of that width.
   */
  score(rows: Float64Array | Float32Array): Float64Array {
    const isList = ArrayBuffer.isView(rows) || Array.isArray(rows);
    if (!isList) throw new SkewlessError({ kind: "misuse", code: "misuse.shape", message: "rows are numbers in a typed array" });
    const doubles = rows instanceof Float64Array ? rows : new Float64Array(rows);
    return this.#held.run(({ native }) => native.score(doubles));
  }

  /** Gives the model's memory back; every later call throws `misuse.closed`. */
  close(): void {
    this.#held.close();
  }
}
