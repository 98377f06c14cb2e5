// Explanations as callers receive them; the shape is that of every door's JSON.

import type { FeaturesPart } from "./parts.js";

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

const METHODS = ["linear", "tree_shap"] as const;

/** Names the numbers that WebAssembly gives: the method, then scores, base and contributions, of each as many as outputs. @internal */
export function explanationOf([method, ...numbers]: Float64Array, spec: FeaturesPart): Explanation {
  const seen = spec.features.filter(({ hidden }) => !hidden);
  const outputs = numbers.length / (seen.length + 2);
  const [raw, base, ...contributions] = Array.from({ length: seen.length + 2 }, (_, at) =>
    numbers.slice(at * outputs, (at + 1) * outputs),
  ) as [number[], number[], ...number[][]];
  return {
    method: METHODS[method as 0 | 1],
    raw,
    base,
    features: seen.map(({ name }, at) => ({ feature: name, inputs: inputsOf(name, spec), contributions: contributions[at] as number[] })),
  };
}

/** The inputs behind a feature. Features stand after what they are made from, so that one walk backwards does. */
function inputsOf(feature: string, { inputs, features }: FeaturesPart): string[] {
  const needed = new Set([feature]);
  for (const { name, from } of [...features].reverse()) {
    if (needed.has(name)) from.forEach((source) => needed.add(source));
  }
  return inputs.map(({ name }) => name).filter((name) => needed.has(name));
}
