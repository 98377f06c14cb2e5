// Bundles that promise a coverage: intervals and sets of labels are those of the command line, character by character.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { root } from "./harness.mjs";
import { explanations, predictions } from "./program.mjs";
import { byQuantiles, promising } from "./promising.mjs";

const CASES = [
  ["diabetes", "split", { method: "split", confidence: 0.9, quantile: 41.3 }, []],
  ["diabetes", "split, without a promise", { method: "split", confidence: 0.9, quantile: null }, []],
  ["wine", "lac", { method: "lac", confidence: 0.9, quantile: 0.05 }, []],
  ["wine", "aps", { confidence: 0.9, method: "aps", quantile: 0.97 }, []],
  ["wine", "aps, without a promise", { confidence: 0.9, method: "aps", quantile: null }, []],
  [
    "flights",
    "lac by carrier",
    { by: "carrier", confidence: 0.9, groups: [{ quantile: 0.5, value: "AA" }, { quantile: null, value: "EV" }, { quantile: 0.2, value: "UA" }], method: "lac", quantile: 0.7 },
    [{ carrier: "??" }],
  ],
];

describe("what is promised", () => {
  let folder;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "promises-"));
  });
  after(() => rm(folder, { recursive: true }));

  for (const [name, said, conformal, changes] of CASES) {
    test(`by ${name}, ${said}, is what the command line says`, async () => {
      const bundle = join(folder, `${name}.skw`);
      await writeFile(bundle, promising(await readFile(join(root, `models/${name}/${name}.skw`)), conformal));
      const model = await load(bundle);
      assert.deepEqual(model.info.conformal, conformal);
      const golden = model.info.golden.map(({ record }) => record);
      const records = [...golden, ...changes.map((change) => ({ ...golden[0], ...change }))];
      const table = join(folder, `${name}.jsonl`);
      await writeFile(table, records.map((record) => JSON.stringify(record)).join("\n"));
      const due = await predictions(bundle, table);
      const found = records.map((record) => model.predict(record));
      assert.deepEqual(found, due);
      const sizes = new Set(found.map(({ set, interval }) => (set ? set.length : String(interval === null))));
      if (name !== "diabetes" && conformal.quantile !== null) assert.ok(sizes.size > 1, "sets of one size tell little");

      const { quantiles, values } = model.predictBatch(records);
      assert.equal(quantiles.length, records.length);
      if (conformal.method === "split" && conformal.quantile !== null) {
        const intervals = [...values].map((value, row) => [value - quantiles[row], value + quantiles[row]]);
        assert.deepEqual(intervals, due.map(({ interval }) => interval));
      }
      model.close();
    });
  }

  test("by cqr is what the command line says, and explanations are of the value alone", async () => {
    const bundle = await byQuantiles(folder);
    const model = await load(bundle);
    const records = model.info.golden.map(({ record }) => record);
    const table = join(folder, "quantiles.jsonl");
    await writeFile(table, records.map((record) => JSON.stringify(record)).join("\n"));
    const due = await predictions(bundle, table);
    assert.deepEqual(records.map((record) => model.predict(record)), due);
    assert.deepEqual(records.map((record) => model.explain(record)), await explanations(bundle, table));
    assert.equal(model.explain(records[0]).raw.length, 1);
    assert.ok(new Set(due.map(({ interval: [low, high] }) => (high - low).toFixed(3))).size > 5, "intervals of one width tell little");

    const { quantiles, raw } = model.predictBatch(records);
    const ends = ({ interval }) => interval;
    const made = [...quantiles].map((quantile, row) => {
      const [low, high] = raw.slice(3 * row + 1, 3 * row + 3).sort();
      return [low - quantile, high + quantile];
    });
    assert.deepEqual(made, due.map(ends));
    model.close();
  });

  test("is refused where spec.plan says something else", async () => {
    const bundle = await readFile(join(root, "models/wine/wine.skw"));
    const wrong = promising(bundle, { confidence: 0.9, method: "split", quantile: 0.5 });
    await assert.rejects(load(wrong), { code: "bundle.invalid_output" });
  });
});
