// Bundles that promise a coverage, made of others.

import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { changed } from "./bundles.mjs";
import { root } from "./harness.mjs";
import { train } from "./program.mjs";

/** A bundle of models/diabetes whose intervals are made from quantiles, trained into a folder; gives its path. */
export async function byQuantiles(folder) {
  const models = join(root, "models/diabetes");
  const written = await readFile(join(models, "skewless.toml"), "utf8");
  const [shared] = written.split("[[experiment]]");
  const rest = `
[[experiment]]
name = "quantiles"

[[experiment.model]]
kind = "trees"
iterations = [30]
learning_rate = [0.1]
max_depth = [2]

[conformal]
method = "cqr"
confidence = 0.8
`;
  await cp(join(models, "data"), join(folder, "data"), { recursive: true });
  const config = join(folder, "quantiles.toml");
  await writeFile(config, shared.replace(/\[gates\][^]*?(?=\[\[input\]\])/, "") + rest);
  const bundle = join(folder, "quantiles.skw");
  await train(config, bundle);
  return bundle;
}

/** A list, an option and a number of spec.plan (docs/bundle.md). */
const list = (elements, write) => [elements.length, ...elements.flatMap(write)];
const option = (value, write) => (value === null || value === undefined ? [0] : [1, ...write(value)]);
const number = (value) => [1, ...new Uint8Array(Float64Array.of(value).buffer)];
const text = (value) => [value.length, ...Buffer.from(value)];

/** The bundle with a promise in `output.json` and in `spec.plan`. */
export function promising(bundle, conformal) {
  const { method, confidence, quantile, by, groups = [] } = conformal;
  const group = (one) => [...text(one.value), ...option(one.quantile, number)];
  const plan = [0, 1, ["split", "lac", "aps"].indexOf(method), ...number(confidence), ...option(quantile, number), ...option(by, text), ...list(groups, group)];
  return changed(bundle, {
    parts: {
      // The members stand in the order of their names.
      "output.json": (data) => {
        const written = Object.entries({ ...JSON.parse(data), conformal }).sort(([a], [b]) => (a < b ? -1 : 1));
        return ["output.json", Buffer.from(`${JSON.stringify(Object.fromEntries(written))}\n`)];
      },
      "spec.plan": (data) => ["spec.plan", Buffer.from([2, ...data.subarray(1), ...plan])],
    },
  });
}
