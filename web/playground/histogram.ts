// Distributions: shares of rows by bins, of one or of two populations.

import { axisBelow, drawing, place, scale } from "./chart.js";
import { shape } from "./element.js";

/** What a histogram shows. */
export interface Histogram {
  /** The borders between the bins and at both ends, rising. */
  readonly edges: readonly number[];
  /** The share of the rows in each bin. */
  readonly shares: readonly number[];
  /** The same of what they are compared with. */
  readonly reference?: readonly number[];
  /** Labels below; none by default. */
  readonly ticks?: readonly number[];
  say(value: number): string;
  /** A line across the bins, for example a threshold. */
  readonly mark?: number | undefined;
  readonly height: number;
}

/** Draws a histogram: bars for the rows, a grey silhouette for what they are compared with. */
export function histogram({ edges, shares, reference = [], ticks = [], say, mark, height }: Histogram): HTMLElement {
  return place((width) => {
    const bottom = height - (ticks.length > 0 ? 24 : 2);
    const x = scale([edges[0] ?? 0, edges[edges.length - 1] ?? 1], [1, width - 1]);
    const y = scale([0, Math.max(...shares, ...reference, Number.MIN_VALUE)], [bottom, 4]);
    const bar = (kind: string) => (share: number, at: number) => {
      const [left, right] = [x(edges[at] ?? 0), x(edges[at + 1] ?? 0)];
      const inset = kind === "ours" ? Math.min(2, (right - left) / 6) : 0;
      return shape("rect", { class: kind, x: left + inset, y: y(share), width: Math.max(0.5, right - left - 2 * inset), height: Math.max(0, bottom - y(share)) });
    };
    const line = mark === undefined ? [] : [shape("line", { class: "cut", x1: x(mark), x2: x(mark), y1: 0, y2: bottom })];
    return drawing(
      width,
      height,
      ...reference.map(bar("theirs")),
      ...shares.map(bar("ours")),
      ...line,
      shape("line", { class: "ground", x1: 0, x2: width, y1: bottom, y2: bottom }),
      ...(ticks.length > 0 ? [axisBelow(ticks, x, { y: bottom, width, say })] : []),
    );
  });
}

/** Counts as shares of their sum. */
export function sharesOf(counts: readonly number[]): number[] {
  const sum = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (sum === 0 ? 0 : count / sum));
}

/** How many values lie in each bin between the borders; the outermost bins are open to their sides. */
export function counted(values: Iterable<number>, inner: readonly number[]): number[] {
  const counts = new Array<number>(inner.length + 1).fill(0);
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    let at = 0;
    while (at < inner.length && value >= (inner[at] as number)) at++;
    counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}
