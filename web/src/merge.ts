// `skewless/profile`: adds up what several models, pages or days have counted.

import { SkewlessError } from "./error.js";
import type { Bins, InputProfile, Profile } from "./profile.js";

export type { Bins, Categories, InputProfile, Profile } from "./profile.js";

/**
 * The counts of several profiles together.
 * @throws {SkewlessError} `misuse.profile` where they do not count the same inputs in the same bins.
 */
export function mergeProfiles(first: Profile, ...more: readonly Profile[]): Profile {
  return more.reduce(merged, first);
}

function merged(a: Profile, b: Profile): Profile {
  if (a.inputs.length !== b.inputs.length) throw other("the profiles have other inputs");
  return {
    rows: a.rows + b.rows,
    failed: a.failed + b.failed,
    inputs: a.inputs.map((input, at) => inputOf(input, b.inputs[at] as InputProfile)),
    predictions: bins("the predictions", a.predictions, b.predictions),
  };
}

function inputOf(a: InputProfile, b: InputProfile): InputProfile {
  if (a.name !== b.name) throw other(`input \`${a.name}\` stands where the other profile has \`${b.name}\``);
  return { name: a.name, missing: a.missing + b.missing, counts: counts(a, b) };
}

function counts({ name, counts: a }: InputProfile, { counts: b }: InputProfile): InputProfile["counts"] {
  if ("numbers" in a && "numbers" in b) return { numbers: bins(`input \`${name}\``, a.numbers, b.numbers) };
  if ("tensors" in a && "tensors" in b) return { tensors: a.tensors + b.tensors };
  if ("categories" in a && "categories" in b) {
    const [mine, theirs] = [a.categories, b.categories];
    if (!same(mine.values, theirs.values)) throw other(`input \`${name}\` has other categories`);
    return {
      categories: {
        values: mine.values,
        counts: added(mine.counts, theirs.counts),
        other: mine.other + theirs.other,
        out_of_vocabulary: mine.out_of_vocabulary + theirs.out_of_vocabulary,
      },
    };
  }
  throw other(`input \`${name}\` has another type`);
}

function bins(what: string, a: Bins, b: Bins): Bins {
  if (!same(a.edges, b.edges)) throw other(`${what} are counted in other bins`);
  return { edges: a.edges, counts: added(a.counts, b.counts) };
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}

function added(a: readonly number[], b: readonly number[]): number[] {
  return a.map((count, at) => count + (b[at] ?? 0));
}

function other(message: string): SkewlessError {
  return new SkewlessError({ kind: "misuse", code: "misuse.profile", message });
}
