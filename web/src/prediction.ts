// Predictions as callers receive them; the shapes are those of every door's JSON.

import { intervalOf, setOf } from "./conformal.js";
import type { SkewlessError } from "./error.js";
import type { Memory } from "./memory.js";
import type { OutputPart, Task } from "./parts.js";

/** The answer of a model that chooses between two labels. */
export interface BinaryPrediction<Label extends string = string> {
  /** The label chosen by the model's threshold. */
  readonly label: Label;
  /** The probability of the second label, between 0 and 1. */
  readonly probability: number;
  /** The score before the link function. */
  readonly raw: number;
  /** The labels that hold the truth with the probability `info.conformal.confidence`, where the bundle promises one. */
  readonly set?: Label[];
}

/** The answer of a model that chooses among several labels. */
export interface MulticlassPrediction<Label extends string = string> {
  /** The most probable label. */
  readonly label: Label;
  /** The probability of each label. */
  readonly probabilities: Readonly<Record<Label, number>>;
  /** The scores before the link function, in the order of the labels. */
  readonly raw: number[];
  /** As for two labels. */
  readonly set?: Label[];
}

/** The answer of a model that estimates a number. */
export interface RegressionPrediction {
  /** The estimate, in the unit of the target. */
  readonly value: number;
  /** The score before the link function. */
  readonly raw: number;
  /**
   * Holds the truth with the probability `info.conformal.confidence`, where the bundle promises one; `null` where too few
   * rows were there to promise anything.
   */
  readonly interval?: readonly [low: number, high: number] | null;
}

/** The answer of a model that gives several numbers. */
export interface VectorPrediction {
  /** The numbers, in the unit of the target. */
  readonly values: number[];
}

/** The answer for one record; `info.task` says which. */
export type Prediction = BinaryPrediction | MulticlassPrediction | RegressionPrediction | VectorPrediction;

/** The answers for a batch. Rows that could not be answered hold `NaN` and stand in `errors`; the others are answered. */
export interface BatchPrediction {
  /** Number of rows. */
  readonly rows: number;
  /** Scores before the link function: row after row, one for each output; by `cqr` value, lower and upper quantile. */
  readonly raw: Float64Array;
  /** Row after row: the probability of the second label (binary), of each label (multiclass), or the numbers. */
  readonly values: Float64Array;
  /** The index of each row's label in `info.labels`; 4294967295 for none. */
  readonly labels: Uint32Array;
  /**
   * Where the bundle promises a coverage, each row's conformal quantile; `Infinity` where nothing is promised. A
   * regression's interval is its value ± the quantile; by `cqr` it goes from the lesser of the second and the third raw score
   * − the quantile to the greater + the quantile, or is the point between them where these ends would cross.
   */
  readonly quantiles?: Float64Array;
  /** The rows that failed, each with its `row`. */
  readonly errors: readonly SkewlessError[];
}

/** Reads the answer for one record. @internal */
export type Answer = (memory: Memory) => Prediction;

const ANSWERS: { readonly [task in Task]: (output: OutputPart, labels: readonly string[]) => Answer } = {
  binary: ({ conformal }, labels) => (memory) => {
    const probability = memory.first("values");
    const answer = { label: labels[memory.label()] as string, probability, raw: memory.first("raw") };
    return conformal ? { ...answer, set: setOf(conformal, [1 - probability, probability], labels, memory.first("quantiles")) } : answer;
  },
  multiclass: ({ conformal }, labels) => (memory) => {
    const values = memory.values(1);
    const probabilities = Object.fromEntries(labels.map((label, at) => [label, values[at] as number]));
    const answer = { label: labels[memory.label()] as string, probabilities, raw: [...memory.raw(1)] };
    return conformal ? { ...answer, set: setOf(conformal, values, labels, memory.first("quantiles")) } : answer;
  },
  regression: ({ conformal }) => (memory) => {
    const value = memory.first("values");
    const answer = { value, raw: memory.first("raw") };
    return conformal ? { ...answer, interval: intervalOf(conformal, { value, raw: memory.raw(1), quantile: memory.first("quantiles") }) } : answer;
  },
  vector: () => (memory) => ({ values: [...memory.values(1)] }),
};

/** How answers of this output are read. @internal */
export function answerOf(output: OutputPart): Answer {
  return ANSWERS[output.task](output, output.labels ?? []);
}
