// Contributions as `model.explain` gives them, where the package has it.

import { type Model, type RawRecord, SkewlessError } from "../src/public.js";

export interface FeatureContribution {
  readonly feature: string;
  readonly inputs: readonly string[];
  readonly contributions: readonly number[];
}

export interface Explanation {
  readonly method: "linear" | "tree_shap";
  readonly raw: readonly number[];
  readonly base: readonly number[];
  readonly features: readonly FeatureContribution[];
}

export function explanationOf(model: Model, record: RawRecord): Explanation {
  const { explain } = model as { explain?: (record: RawRecord) => Explanation };
  if (!explain) throw new SkewlessError({ kind: "unsupported", code: "unsupported.explain", message: "this package explains nothing" });
  return explain.call(model, record);
}
