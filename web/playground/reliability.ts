// The calibration plot: of the rows with a predicted probability around p, which share had the outcome?

import { axisBelow, drawing, place, scale } from "./chart.js";
import { element, shape, table } from "./element.js";
import { count, percent } from "./words.js";

/** Rows with similar predictions. */
export interface ReliabilityBin {
  /** The mean of their predicted probabilities. */
  readonly predicted: number;
  /** The share that had the outcome. */
  readonly observed: number;
  readonly rows: number;
}

const TICKS = [0, 0.25, 0.5, 0.75, 1];

/** The plot with its numbers; dots grow with their rows. */
export function reliability(bins: readonly ReliabilityBin[], label: string): HTMLElement {
  const known = bins.filter(({ rows }) => rows > 0);
  const most = Math.max(...known.map(({ rows }) => rows), 1);
  const plot = place((width) => {
    const side = Math.min(width, 340);
    const x = scale([0, 1], [46, side - 10]);
    const y = scale([0, 1], [side - 26, 8]);
    const dots = known.flatMap(({ predicted, observed, rows }) => {
      // The 95 % interval of a share (Wilson 1927).
      const [low, high] = interval(observed, rows);
      return [
        shape("line", { class: "whisker", x1: x(predicted), x2: x(predicted), y1: y(low), y2: y(high) }),
        shape("circle", { class: "dot", cx: x(predicted), cy: y(observed), r: 2 + 4 * Math.sqrt(rows / most) }),
      ];
    });
    const grid = TICKS.map((at) => shape("g", {}, shape("line", { class: "rule", x1: x(0), x2: x(1), y1: y(at), y2: y(at) }), shape("text", { class: "axis", x: x(0) - 5, y: y(at) + 4, "text-anchor": "end" }, `${at * 100} %`)));
    const diagonal = shape("line", { class: "cut", x1: x(0), y1: y(0), x2: x(1), y2: y(1) });
    return drawing(side, side, ...grid, axisBelow(TICKS, x, { y: y(0), width: side, say: (at) => `${at * 100} %` }), diagonal, ...dots);
  });
  const rows = known.map(({ predicted, observed, rows }) => [percent(predicted), percent(observed), count(rows)]);
  const numbers = table(["Predicted", "Observed", "Rows"], rows, { caption: "Calibration by bin", numbers: [0, 1, 2] });
  return element(
    "figure",
    { class: "reliability" },
    element("figcaption", {}, `Across: the predicted probability of ${label}. Up: the share of ${label} that was observed, with its 95 % interval. On the dashed line they are equal.`),
    plot,
    element("details", { class: "numbers" }, element("summary", {}, "As numbers"), numbers),
  );
}

/** Bins of equal width over predictions and their outcomes. */
export function reliabilityOf(predictions: readonly number[], outcomes: readonly boolean[], count: number): ReliabilityBin[] {
  const sums = Array.from({ length: count }, () => ({ predicted: 0, observed: 0, rows: 0 }));
  predictions.forEach((predicted, row) => {
    const bin = sums[Math.min(count - 1, Math.floor(predicted * count))];
    if (!bin) return;
    bin.predicted += predicted;
    bin.observed += outcomes[row] ? 1 : 0;
    bin.rows += 1;
  });
  return sums.filter(({ rows }) => rows > 0).map(({ predicted, observed, rows }) => ({ predicted: predicted / rows, observed: observed / rows, rows }));
}

function interval(share: number, rows: number): [number, number] {
  const z = 1.96;
  const middle = (share + (z * z) / (2 * rows)) / (1 + (z * z) / rows);
  const half = (z / (1 + (z * z) / rows)) * Math.sqrt((share * (1 - share)) / rows + (z * z) / (4 * rows * rows));
  return [middle - half, middle + half];
}
