// Intervals and sets of labels that hold the truth as often as a bundle promises.

import type { Conformal } from "./parts.js";

/** What an interval is made from: the value, and the raw scores and the conformal quantile of its row. @internal */
export interface Around {
  readonly value: number;
  readonly raw: ArrayLike<number>;
  readonly quantile: number;
}

/** The ends of a conformal interval, as everywhere; `null` where nothing is promised. @internal */
export function intervalOf({ method }: Conformal, { value, raw, quantile }: Around): [number, number] | null {
  if (!(quantile < Infinity)) return null;
  if (method !== "cqr") return [value - quantile, value + quantile];
  const [one, other] = [raw[1] as number, raw[2] as number];
  const [low, high] = [Math.min(one, other), Math.max(one, other)];
  const middle = low + (high - low) / 2;
  return [Math.min(low - quantile, middle), Math.max(high + quantile, middle)];
}

/**
 * The labels of a conformal set, in the order of the labels; the same sums as everywhere, so that no label differs.
 * `shares` holds a probability a label. @internal
 */
export function setOf({ method }: Conformal, shares: ArrayLike<number>, labels: readonly string[], quantile: number): string[] {
  const share = (at: number) => shares[at] as number;
  if (method === "lac") return labels.filter((_, at) => 1 - share(at) <= quantile);
  const falling = labels.map((_, at) => at).sort((a, b) => share(b) - share(a));
  let sum = 0;
  const last = falling.findIndex((at) => (sum += share(at)) >= quantile);
  const taken = new Set(last < 0 ? falling : falling.slice(0, last + 1));
  return labels.filter((_, at) => taken.has(at));
}
