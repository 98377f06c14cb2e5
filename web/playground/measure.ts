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

/** The measure of a model; of several labels that of `label`. */
export function measureOf({ task, labels, target, unit }: ModelInfo, label = labels[1] ?? labels[0] ?? ""): Measure {
  if (task === "binary" || task === "multiclass") {
    const [width, at] = task === "binary" ? [1, 0] : [labels.length, labels.indexOf(label)];
    return { name: `probability of ${words(label)}`, isShare: true, of: column(width, at), say: percent };
  }
  const name = `predicted ${words(target)}`;
  const say = (value: number) => (unit ? `${figure(value)} ${unit}` : figure(value));
  // Of a vector, whose width the batch tells, the first number.
  return { name, isShare: false, of: (batch) => column(batch.values.length / Math.max(1, batch.rows), 0)(batch), say };
}

function column(width: number, at: number): Measure["of"] {
  return ({ values, rows }) => Float64Array.from({ length: rows }, (_, row) => values[row * width + at] ?? NaN);
}
