// An instance whose memory is in ruins: one call ends with a coded error, and the next works on a fresh instance.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { paths, readRows } from "./harness.mjs";
import { columnsOf } from "./remote.mjs";

/** Every memory that the package has ever had. */
const memories = [];
const { Instance } = WebAssembly;
WebAssembly.Instance = new Proxy(Instance, {
  construct(target, given) {
    const instance = Reflect.construct(target, given);
    memories.push(instance.exports.memory);
    return instance;
  },
});

const { load: loadPlain, SkewlessError } = await import("../../web/dist/node.js");
const bytes = new Uint8Array(await readFile(paths().bundle));
const records = (await readRows(paths().rows)).slice(0, 7);
/** What counts, too, so that the counts of a lost instance are seen. */
const load = (bundle) => loadPlain(bundle, { profile: true });

const calls = {
  predict: (model) => model.predict(model.info.example),
  predictBatch: (model) => model.predictBatch([model.info.example]).raw[0],
  validate: (model) => model.validate({ distance: "x" }).map(({ code, field }) => [code, field]),
  "predictBatch of typed columns": (model) => {
    const { raw, labels, errors } = model.predictBatch(columnsOf(records, model.info.inputs));
    return [...raw, ...labels, errors.length];
  },
  explain: (model) => model.explain(model.info.example),
  score: (model) => model.score(new Float64Array(model.info.columns.length))[0],
};

for (const [name, call] of Object.entries(calls)) {
  // Zeros make WebAssembly itself stop; other bytes are noticed by its bindings.
  for (const [ruin, Cause] of [[0, WebAssembly.RuntimeError], [0xff, Error]]) {
    test(`${name} over ${ruin}`, async () => {
      const [model, neighbour] = [await load(bytes), await load(bytes)];
      const healthy = [model, neighbour].map(call);
      const before = memories.length;
      new Uint8Array(memories.at(-1).buffer).fill(ruin);
      assert.throws(() => call(model), (error) => {
        assert.ok(error instanceof SkewlessError, String(error));
        assert.equal(error.code, "internal.trap");
        assert.ok(error.cause instanceof Cause, String(error.cause));
        return true;
      });
      // Every model of that instance is opened again in the next one.
      assert.deepEqual([model, neighbour].map(call), healthy);
      assert.equal(memories.length, before + 1);
      assert.equal(model.info.name, "flights");
      // What went with the instance can be closed, and what comes after works.
      model.close();
      assert.throws(() => call(model), { code: "misuse.closed" });
      assert.deepEqual(call(neighbour), healthy[1]);
    });
  }
}

// Over zeros nothing stops it: it counts nothing, because there is nothing to be seen.
for (const [name, fails] of [["profile", (model) => model.profile()], ["a prediction before profile", calls.predict]]) {
  test(`${name} over 255, and what was counted before is gone`, async () => {
    const model = await load(bytes);
    for (const record of records) model.predict(record);
    assert.equal(model.profile().rows, records.length);
    new Uint8Array(memories.at(-1).buffer).fill(0xff);
    assert.throws(() => fails(model), { name: "SkewlessError", code: "internal.trap" });
    assert.equal(model.profile().rows, 0);
    model.predictBatch(columnsOf(records, model.info.inputs));
    assert.equal(model.profile().rows, records.length);
  });
}

test("a model is closed in ruins", async () => {
  const [model, neighbour] = [await load(bytes), await load(bytes)];
  const healthy = calls.predict(neighbour);
  new Uint8Array(memories.at(-1).buffer).fill(0xff);
  try {
    model.close();
  } catch (error) {
    assert.equal(error.code, "internal.trap");
  }
  assert.throws(() => calls.predict(model), { code: "misuse.closed" });
  const answers = [];
  for (let time = 0; time < 2; time++) {
    try {
      answers.push(calls.predict(neighbour));
    } catch (error) {
      assert.equal(error.code, "internal.trap");
    }
  }
  assert.deepEqual(answers.at(-1), healthy);
});

test("an instance that cannot be started anew is a coded error, and works once it can", async () => {
  const model = await load(bytes);
  const healthy = calls.predict(model);
  const whole = WebAssembly.Instance;
  new Uint8Array(memories.at(-1).buffer).fill(0);
  assert.throws(() => calls.predict(model), { code: "internal.trap" });
  WebAssembly.Instance = class {
    constructor() {
      throw new RangeError("no memory");
    }
  };
  assert.throws(() => calls.predict(model), (error) => error instanceof SkewlessError && error.code === "internal.trap");
  WebAssembly.Instance = whole;
  assert.deepEqual(calls.predict(model), healthy);
});

test("what is no list of numbers is refused", async () => {
  const model = await load(bytes);
  for (const rows of [-1, 1e13, Symbol("x"), "x", undefined, null, {}]) {
    assert.throws(() => model.score(rows), { name: "SkewlessError", code: "misuse.shape" });
  }
});
