// The number of a prediction that is drawn: a probability, or the estimate.

import type { BatchPrediction, ModelInfo } from "../src/public.js";
import { figure, percent, words } from "./words.js";

/** What curves and histograms show. */
export interface Measure {
  /** What the number is, for example "probability of late". */
  readonly name: string;
  /** A probability, between 0 and 1. */
  readonly isShare: boolean;
  /** Its number for each row; `NaN` for a row that failed. */
  of(batch: BatchPrediction): Float64Array;
  /** The number as people read it. */
  say(value: number): string;
}

/** The measure of a model; of several labels that of `label`, or of whichever is predicted. */
export function measureOf({ task, labels, target, unit }: ModelInfo, label?: string): Measure {
  const probability = { isShare: true, say: percent };
  if (task === "binary") return { ...probability, name: `probability of ${words(labels[1] ?? "")}`, of: column(1, 0) };
  if (task === "multiclass") {
    if (label === undefined) return { ...probability, name: "probability of the predicted label", of: highest(labels.length) };
    return { ...probability, name: `probability of ${words(label)}`, of: column(labels.length, labels.indexOf(label)) };
  }
  const name = `predicted ${words(target)}`;
  const say = (value: number) => (unit ? `${figure(value)} ${unit}` : figure(value));
  // Of a vector, whose width the batch tells, the first number.
  return { name, isShare: false, of: (batch) => column(batch.values.length / Math.max(1, batch.rows), 0)(batch), say };
}

function highest(width: number): Measure["of"] {
  return ({ values, rows }) => Float64Array.from({ length: rows }, (_, row) => Math.max(...values.subarray(row * width, (row + 1) * width)));
}

function column(width: number, at: number): Measure["of"] {
  return ({ values, rows }) => Float64Array.from({ length: rows }, (_, row) => values[row * width + at] ?? NaN);
}
