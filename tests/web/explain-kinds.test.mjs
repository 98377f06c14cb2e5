// What each feature added, for models of one output and of several, trees and linear: what the command line says.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { load as loadRemote } from "../../web/dist/worker-client-node.js";
import { KINDS, packedKind, packedNetwork } from "./kinds.mjs";
import { explanations } from "./program.mjs";

const METHODS = { multiclass: ["tree_shap", 3], regression: ["tree_shap", 1], linear: ["linear", 1], linear_multiclass: ["linear", 3] };

let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "skewless-explain-"));
});
after(() => rm(folder, { recursive: true }));

for (const kind of KINDS) {
  test(`a ${kind.replace("_", " ")} model, to the bit`, async () => {
    const { bundle, rows, records } = await packedKind(kind, folder);
    const said = await explanations(bundle, rows);
    const model = await load(bundle);
    const [method, outputs] = METHODS[kind];
    assert.ok(said.length > 20);
    for (const [at, record] of records.entries()) {
      const explanation = model.explain(record);
      assert.deepEqual(explanation, said[at], `row ${at}`);
      assert.deepEqual([explanation.method, explanation.raw.length], [method, outputs]);
      const sums = explanation.base.map((base, output) => explanation.features.reduce((sum, { contributions }) => sum + contributions[output], base));
      sums.forEach((sum, output) => assert.ok(Math.abs(sum - explanation.raw[output]) < 1e-12 * Math.max(1, Math.abs(sum)), `${sum} for ${explanation.raw[output]}`));
    }
    // The first thing that is asked of a model, where nothing was answered before it.
    assert.deepEqual((await load(bundle, { verify: false })).explain(records[0]), said[0]);
    const remote = await loadRemote(bundle);
    assert.deepEqual(await remote.explain(records[0]), said[0]);
    await remote.close();
  });
}

test("a network explains nothing, and says so by code", async () => {
  const { bundle, records } = await packedNetwork(folder);
  const model = await load(bundle);
  assert.throws(() => model.explain(records[0]), { name: "SkewlessError", code: "unsupported.explain", kind: "unsupported" });
  assert.equal(model.predict(records[0]).raw.length, 5);
});
