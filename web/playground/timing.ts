// How long one prediction takes in this page.

import { duration } from "./words.js";

/** Rounds of timing; the fastest counts, because the others were disturbed or ran code not yet optimised. */
const ROUNDS = 6;

/** Times `predict`. Clocks in pages are coarse, so a round repeats it for some milliseconds and divides. */
export function timeOf(predict: () => unknown): string {
  const rounds = Array.from({ length: ROUNDS }, () => round(predict));
  return duration(Math.min(...rounds));
}

function round(predict: () => unknown): number {
  const begin = performance.now();
  let runs = 0;
  let elapsed = 0;
  while (elapsed < 4) {
    for (let run = 0; run < 8; run++) predict();
    runs += 8;
    elapsed = performance.now() - begin;
  }
  return elapsed / runs;
}
