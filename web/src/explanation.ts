// Explanations as callers receive them; the shape is that of every door's JSON.

/** What each feature added to the raw scores. */
export interface Explanation {
  /** How contributions were computed. */
  readonly method: "linear" | "tree_shap";
  /** The raw scores, one an output, before the link. */
  readonly raw: readonly number[];
  /** What the model says where nothing is known: `raw` is `base` plus all contributions. */
  readonly base: readonly number[];
  /** The features that the model sees, in the specification's order. */
  readonly features: readonly FeatureContribution[];
}

/** What one feature added. */
export interface FeatureContribution {
  /** The feature's name. */
  readonly feature: string;
  /** The inputs that the feature is made from. */
  readonly inputs: readonly string[];
  /** One an output. */
  readonly contributions: readonly number[];
}

/** An explanation as WebAssembly gives it. */
type Told = [Explanation["method"], number[], number[], [string, string[], number[]][]];

/** Names what WebAssembly tells. */
export function explanationOf(told: unknown[]): Explanation {
  const [method, raw, base, features] = told as Told;
  return {
    method,
    raw,
    base,
    features: features.map(([feature, inputs, contributions]) => ({ feature, inputs, contributions })),
  };
}
