// The parts of a bundle that people read. WebAssembly has proven their digests and needs none of them; the host parses
// the JSON.

import { SkewlessError } from "./error.js";

/** What is predicted. */
export type Task = "binary" | "multiclass" | "regression" | "vector";

/** `output.json`. */
export interface OutputPart {
  readonly name: string;
  readonly task: Task;
  readonly labels?: readonly string[];
  readonly threshold?: number;
  readonly unit?: string;
  readonly conformal?: Conformal;
}

/** The promise of a coverage: how intervals or sets of labels are made around predictions. */
export interface Conformal {
  /**
   * `split`: an interval, value ± quantile; `cqr`: an interval from quantiles of the model's own, as wide as the record needs;
   * `lac`: the smallest sets on average; `aps`: sets that grow with doubt.
   */
  readonly method: "split" | "cqr" | "lac" | "aps";
  /** The share of truths that is promised to lie inside. */
  readonly confidence: number;
  /** `null` where too few rows promise nothing; by `cqr` possibly below 0. */
  readonly quantile: number | null;
  /** The input whose values have quantiles of their own. */
  readonly by?: string;
  /** Their quantiles; other values have the one for all. */
  readonly groups?: readonly { readonly value: string; readonly quantile: number | null }[];
}

/** An input in `features.json`, as far as it is shown. */
export interface InputPart {
  readonly name: string;
  readonly type: string;
  readonly unit?: string;
  readonly doc?: string;
  readonly nullable?: boolean;
  readonly missing?: readonly (string | number)[];
  readonly range?: { readonly min?: number; readonly max?: number };
  readonly zone?: string;
  readonly shape?: readonly number[];
}

/** The parameters of an op in `features.json`, as far as names and vocabularies come from them. */
export interface OpPart {
  readonly vocabulary?: readonly string[];
  readonly unknown_column?: boolean;
  readonly missing_column?: boolean;
  readonly indicator?: boolean;
  readonly encode?: "index" | "one_hot";
  readonly edges?: readonly number[];
  readonly buckets?: number;
  readonly table?: string;
}

/** A feature in `features.json`. */
export interface FeaturePart {
  readonly name: string;
  readonly from: readonly string[];
  readonly op: string | { readonly [op: string]: OpPart };
  readonly hidden?: boolean;
  readonly doc?: string;
}

/** `features.json`. */
export interface FeaturesPart {
  readonly inputs: readonly InputPart[];
  readonly features: readonly FeaturePart[];
  readonly lookups?: readonly { readonly name: string; readonly keys: readonly string[] }[];
}

/** The parts in the order in which the module tells where they stand. */
const NAMES = ["features.json", "output.json", "profile.json", "golden.jsonl", "card.md", "provenance.json"] as const;

/** The name of a part that people read. */
export type PartName = (typeof NAMES)[number];

/** The parts of one bundle. */
export class Parts {
  #bundle: Uint8Array;
  #ranges: Uint32Array;

  constructor(bundle: Uint8Array, ranges: Uint32Array) {
    this.#bundle = bundle;
    this.#ranges = ranges;
  }

  /** A part's text. */
  text(name: PartName): string {
    const [start, end] = this.#ranges.subarray(2 * NAMES.indexOf(name));
    return new TextDecoder().decode(this.#bundle.subarray(start, end));
  }

  /** The JSON of each of a part's lines. */
  lines(name: PartName): unknown[] {
    const lines = this.text(name).split("\n");
    return lines.flatMap((line) => (line ? [parsed(line, name)] : []));
  }

  /** A part's JSON. */
  json(name: PartName): unknown {
    return parsed(this.text(name), name);
  }
}

/** JSON that a bundle holds; what is none is the bundle's fault. */
export function parsed(text: string, name: PartName): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const code = `bundle.invalid_${name.split(".", 1)[0]}`;
    throw new SkewlessError({ kind: "invalid_bundle", code, field: name, message: `${name}: ${String(cause)}` }, { cause });
  }
}
