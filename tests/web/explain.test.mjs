// What each feature added, in WebAssembly: the numbers that the native build wrote, to the bit.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { load, SkewlessError } from "../../web/dist/node.js";
import { paths, readRows, root } from "./harness.mjs";

const bytes = new Uint8Array(await readFile(paths().bundle));
const model = await load(bytes);
const rows = await readRows(paths().rows);

/** The explanations of every hundredth row, which `tests/tests/flights.rs` writes. */
async function native() {
  const text = await readFile(join(root, "tests/tests/snapshots/flights__explanations.snap"), "utf8");
  const [, , lines] = text.split("---\n");
  return lines.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

test("the bits of the native build", async () => {
  const expected = await native();
  assert.equal(expected.length, 10);
  expected.forEach((explanation, at) => assert.deepEqual(model.explain(rows[100 * at]), explanation));
});

test("base and contributions are the raw score that predict gives", () => {
  for (const row of rows) {
    const { raw, base, features } = model.explain(row);
    assert.deepEqual(raw, [model.predict(row).raw]);
    const sum = features.reduce((sum, { contributions }) => sum + contributions[0], base[0]);
    assert.ok(Math.abs(sum - raw[0]) < 1e-13, `${sum} for ${raw}`);
  }
});

test("the features are those that the model sees", () => {
  const { features } = model.explain(rows[0]);
  const seen = model.info.features.filter(({ hidden }) => !hidden);
  assert.deepEqual(features.map(({ feature }) => feature), seen.map(({ name }) => name));
  const inputs = model.info.inputs.map(({ name }) => name);
  for (const feature of features) assert.ok(feature.inputs.length > 0 && feature.inputs.every((name) => inputs.includes(name)));
});

test("a faulty record is refused as by predict, and the next call works", () => {
  const bad = { ...rows[0], distance: "far" };
  const told = (work) => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof SkewlessError);
      return error.toJSON();
    }
    return assert.fail("nothing was thrown");
  };
  assert.deepEqual(told(() => model.explain(bad)), told(() => model.predict(bad)));
  assert.throws(() => model.explain([rows[0]]), { code: "input.not_an_object" });
  assert.equal(model.explain(rows[0]).method, "tree_shap");
  assert.deepEqual(model.explain(rows[0]).raw, [model.predict(rows[0]).raw]);
});
