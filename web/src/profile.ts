// The profile: how often each input took which values, counted by the module in the bins of the bundle's reference.

import type { Parts } from "./parts.js";
import type { Model as Native } from "./wasm/skewless.js";

/** Counts of inputs and predictions, in the form of the bundle's part `profile.json`. */
export interface Profile {
  /** Rows counted, failed ones aside. */
  readonly rows: number;
  /** Rows that failed. */
  readonly failed: number;
  /** One entry an input that features are made from. */
  readonly inputs: readonly InputProfile[];
  /** The predictions' first value: the probability of the positive label, or the value. */
  readonly predictions: Bins;
}

/** One input's counts. */
export interface InputProfile {
  readonly name: string;
  /** Rows in which it was missing. */
  readonly missing: number;
  /** The other rows. */
  readonly counts: { readonly numbers: Bins } | { readonly categories: Categories } | { readonly tensors: number };
}

/** A histogram: `counts[i]` values lie in [edges[i − 1], edges[i]); the first and last bins are open to their sides. */
export interface Bins {
  /** Rising; dates are days and timestamps are seconds since 1970. */
  readonly edges: readonly number[];
  /** One more than edges. */
  readonly counts: readonly number[];
}

/** Counts of categories. */
export interface Categories {
  /** The most frequent ones of the training data, in byte order. */
  readonly values: readonly string[];
  /** One count a listed category. */
  readonly counts: readonly number[];
  /** Known categories that are not listed. */
  readonly other: number;
  /** Categories that no feature knows. */
  readonly out_of_vocabulary: number;
}

/** Counts what one module's model answers. @internal */
export class Watch {
  #native: Native;
  #reference: Profile;

  constructor(native: Native, parts: Parts) {
    const reference = parts.json("profile.json") as Profile;
    const shape: number[] = [];
    const edges: number[] = [];
    const values: string[] = [];
    const bins = (histogram: Bins) => {
      shape.push(0, histogram.edges.length);
      edges.push(...histogram.edges);
    };
    for (const { counts } of reference.inputs) {
      if ("numbers" in counts) bins(counts.numbers);
      else if ("categories" in counts) {
        shape.push(1, counts.categories.values.length);
        values.push(...counts.categories.values);
      } else shape.push(2, 0);
    }
    bins(reference.predictions);
    const lengths = Uint32Array.from(values, (value) => value.length);
    native.watch(Uint32Array.from(shape), Float64Array.from(edges), values.join(""), lengths);
    this.#native = native;
    this.#reference = reference;
  }

  /** What was counted so far. */
  profile(): Profile {
    const all = this.#native.counts();
    let at = 0;
    const next = () => all[at++] as number;
    const take = (listed: readonly unknown[]) => Array.from(listed, next);
    const bins = ({ edges, counts }: Bins): Bins => ({ edges, counts: take(counts) });
    const counted = ({ counts }: InputProfile): InputProfile["counts"] => {
      if ("numbers" in counts) return { numbers: bins(counts.numbers) };
      if ("tensors" in counts) return { tensors: next() };
      const { values } = counts.categories;
      return { categories: { values, counts: take(values), other: next(), out_of_vocabulary: next() } };
    };
    const { inputs, predictions } = this.#reference;
    return {
      rows: next(),
      failed: next(),
      inputs: inputs.map((input) => ({ name: input.name, missing: next(), counts: counted(input) })),
      predictions: bins(predictions),
    };
  }
}
