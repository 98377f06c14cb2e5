// Sets of labels that hold the truth as often as a bundle promises.

import type { Conformal } from "./parts.js";

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
