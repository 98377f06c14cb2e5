// The check of a bundle's golden rows: this instance must give each feature and each number of them, to the bit.

import { SkewlessError } from "./error.js";
import type { GoldenRow } from "./info.js";
import type { Loaded } from "./loaded.js";
import { parsed, type Parts } from "./parts.js";

const NO_LABEL = 0xffff_ffff;

/**
 * Predicts the golden rows.
 * @throws {SkewlessError} `bundle.golden_mismatch`, `bundle.invalid_golden`.
 */
export function checkGolden(loaded: Loaded, parts: Parts): void {
  const lines = parts.text("golden.jsonl").split("\n");
  if (lines.pop() !== "" || lines.length === 0) throw fault("bundle.invalid_golden", "golden.jsonl holds no rows", 0);
  lines.forEach((line, row) => {
    const part = differing(loaded, parsed(line, "golden.jsonl") as GoldenRow);
    if (part !== undefined) throw fault("bundle.golden_mismatch", `golden row ${row}: ${part}`, row);
  });
}

function differing(loaded: Loaded, { record, features, prediction }: GoldenRow): string | undefined {
  const found = loaded.features(record);
  const failed = loaded.fails(record);
  if (failed) return `the record fails with ${failed.code}: ${failed.message}`;
  const { memory } = loaded;
  if (!same(found, features)) return "the feature row differs";
  const label = prediction.label ?? NO_LABEL;
  const equal = same(memory.raw(1), prediction.raw) && same(memory.values(1), prediction.values) && memory.label() === label;
  return equal ? undefined : "the prediction differs";
}

/** Equal to the bit, with `NaN` for what is missing. */
function same(found: Float64Array, expected: readonly (number | null)[]): boolean {
  return found.length === expected.length && expected.every((number, at) => Object.is(number ?? NaN, found[at]));
}

function fault(code: string, message: string, row: number): SkewlessError {
  return new SkewlessError({ kind: "invalid_bundle", code, message, field: "golden.jsonl", row });
}
