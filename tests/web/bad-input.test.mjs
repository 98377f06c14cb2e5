// Bad records, bad batches and damaged bundles through the JavaScript door and the Worker: always a coded error, never a
// trap, and the next call works.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { load, SkewlessError } from "../../web/dist/node.js";
import { paths, root } from "./harness.mjs";
import { startWorker } from "./worker.mjs";

const path = process.env.SKEWLESS_BUNDLE ?? paths().bundle;
const bytes = new Uint8Array(await readFile(path));
const cases = JSON.parse(await readFile(join(root, "tests/bad_inputs.json"), "utf8"));
const model = await load(bytes);
const { example } = model.info;
const healthy = JSON.stringify(model.predict(example));

/** The error that `work` throws, which must be a coded one and leave the model in order. */
function thrown(work) {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof SkewlessError, `not a SkewlessError: ${error}`);
    assert.equal(JSON.stringify(model.predict(example)), healthy);
    return error;
  }
  return assert.fail("nothing was thrown");
}

describe("records", () => {
  const records = cases.filter(({ record }) => record !== undefined);
  assert.ok(records.length > 0, "tests/bad_inputs.json holds no records");
  for (const { name, record, code } of records) {
    test(name, () => assert.equal(thrown(() => model.predict(record)).code, code));
  }

  const number = model.info.inputs.find(({ type, nullable }) => type === "number" && !nullable).name;
  const values = [
    [NaN, "input.missing_field"],
    [undefined, "input.missing_field"],
    [null, "input.missing_field"],
    [Infinity, "input.not_finite"],
    [-Infinity, "input.not_finite"],
    ["1", "input.wrong_type"],
    [1n, "input.wrong_type"],
    [true, "input.wrong_type"],
    [[1], "input.wrong_type"],
    [[], "input.wrong_type"],
    [[[1], [2]], "input.wrong_type"],
    [[[1], [2, 3]], "input.wrong_type"],
    [[1, "x"], "input.wrong_type"],
    [new Float32Array(2), "input.wrong_type"],
    [{}, "input.wrong_type"],
    [() => 1, "input.wrong_type"],
    [Symbol("1"), "input.wrong_type"],
    [new Date(0), "input.wrong_type"],
  ];
  for (const [value, code] of values) {
    test(`${typeof value} ${String(value)} for a number`, () => {
      const error = thrown(() => model.predict({ ...example, [number]: value }));
      assert.deepEqual([error.code, error.field], [code, number]);
    });
  }

  test("a getter that throws", () => {
    const record = Object.defineProperty({ ...example }, number, {
      enumerable: true,
      get() {
        throw new Error("no");
      },
    });
    assert.equal(thrown(() => model.predict(record)).code, "input.wrong_type");
  });

  for (const record of [null, undefined, 3, "text", [example]]) {
    test(`${JSON.stringify(record)?.slice(0, 20)} for a record`, () => {
      assert.equal(thrown(() => model.predict(record)).code, "input.not_an_object");
    });
  }

  test("validate reports every field at once", () => {
    const required = model.info.inputs.filter(({ nullable }) => !nullable).map(({ name }) => name);
    const errors = model.validate({});
    assert.deepEqual(errors.map(({ field }) => field), required);
    assert.ok(errors.every(({ code }) => code === "input.missing_field"));
    assert.deepEqual(model.validate(example), []);
  });
});

describe("batches", () => {
  const columns = (rows) => Object.fromEntries(Object.keys(example).map((name) => [name, Array(rows).fill(example[name])]));
  const first = Object.keys(example)[0];

  test("no rows", () => {
    assert.equal(thrown(() => model.predictBatch({})).code, "input.empty_batch");
    assert.equal(thrown(() => model.predictBatch([])).code, "input.empty_batch");
  });

  test("columns of different lengths", () => {
    assert.equal(thrown(() => model.predictBatch({ ...columns(3), [first]: ["x"] })).code, "input.ragged_columns");
  });

  test("a code outside its dictionary", () => {
    const column = { dictionary: ["x"], codes: new Uint32Array([0, 1]) };
    assert.equal(thrown(() => model.predictBatch({ ...columns(2), [first]: column })).code, "misuse.dictionary_code");
  });

  test("what is no column", () => {
    const dictionary = { dictionary: [1], codes: new Uint32Array(2) };
    for (const column of [3, null, "text", {}, new DataView(new ArrayBuffer(2)), new BigInt64Array(2), dictionary]) {
      const error = thrown(() => model.predictBatch({ ...columns(2), [first]: column }));
      assert.deepEqual([error.code, error.field], ["input.wrong_type", first]);
    }
    for (const rows of [null, undefined, 3]) {
      assert.equal(thrown(() => model.predictBatch(rows)).code, "input.empty_batch");
    }
  });

  test("a batch for which memory grows has all its numbers", async () => {
    const fresh = await load(bytes);
    const rows = 30_000;
    const { raw, values, labels } = fresh.predictBatch(columns(rows));
    assert.deepEqual([raw.length, values.length, labels.length], [rows, rows, rows]);
    assert.ok(raw.every((score) => score === raw[0]) && raw[0] === model.predict(example).raw);
    fresh.close();
  });

  test("that make the memory grow are answered", async () => {
    const fresh = await load(bytes);
    for (const rows of [30_000, 60_000]) {
      const answers = fresh.predictBatch(columns(rows));
      assert.deepEqual([answers.errors.length, answers.labels.length], [0, rows]);
      assert.equal(answers.raw.length, rows);
      assert.equal(answers.raw[rows - 1], answers.raw[0]);
      assert.deepEqual(fresh.predict(example), model.predict(example));
    }
    fresh.close();
  });

  test("a bad row fails alone, in columns and in records", () => {
    const answer = model.predict(example);
    const mixed = { ...columns(3), [first]: [example[first], {}, example[first]] };
    for (const rows of [mixed, [example, { ...example, [first]: {} }, example]]) {
      const batch = model.predictBatch(rows);
      assert.deepEqual(batch.errors.map(({ row, code, field }) => [row, code, field]), [[1, "input.wrong_type", first]]);
      assert.deepEqual([batch.raw[0], batch.raw[2]], [answer.raw, answer.raw].flat());
      assert.ok(Number.isNaN(batch.raw[1]));
      assert.equal(batch.labels[1], 0xffff_ffff);
    }
    const { errors } = model.predictBatch([example, 3, example]);
    assert.deepEqual(errors.map(({ row, code }) => [row, code]), [[1, "input.not_an_object"]]);
  });
});

describe("feature rows", () => {
  const text = new TextDecoder().decode(bytes);
  const golden = text.split("\n").filter((line) => line.includes('"features":[') && line.includes('"prediction":')).map((line) => {
    return JSON.parse(line.slice(line.indexOf('{"record"')));
  });

  test("give the raw scores of the golden rows", () => {
    assert.ok(golden.length >= 32, `${golden.length} golden rows`);
    const rows = golden.flatMap(({ features }) => features.map((feature) => feature ?? NaN));
    const expected = golden.flatMap(({ prediction }) => prediction.raw);
    assert.deepEqual([...model.score(Float64Array.from(rows))], expected);
    assert.deepEqual([...model.score(new Float64Array(0))], []);
  });

  test("of another width are refused", () => {
    const { length } = golden[0].features;
    assert.equal(model.info.columns.length, length);
    for (const width of [1, length - 1, length + 1]) {
      assert.equal(thrown(() => model.score(new Float32Array(width))).code, "misuse.shape");
    }
  });
});

describe("an instance that stops", () => {
  test("gives one coded error, and the next call works", () => {
    const hostile = new Proxy({}, {
      getOwnPropertyDescriptor() {
        throw new Error("thrown in the middle of a call");
      },
    });
    assert.equal(thrown(() => model.predict(hostile)).code, "internal.trap");
  });

  test("a closed model says so", async () => {
    const closed = await load(bytes);
    closed.close();
    closed.close();
    assert.equal(thrown(() => closed.predict(example)).code, "misuse.closed");
  });
});

describe("bundles", () => {
  const refused = async (damaged, what) => {
    try {
      const opened = await load(damaged);
      return opened;
    } catch (error) {
      assert.ok(error instanceof SkewlessError, `${what}: ${error}`);
      assert.match(error.code, /^(bundle|unsupported)\./, what);
      return undefined;
    }
  };

  test("a truncated bundle is refused", async () => {
    const step = Math.max(1, Math.floor(bytes.length / 200));
    for (let length = 0; length < bytes.length; length += step) {
      assert.equal(await refused(bytes.subarray(0, length), `${length} bytes`), undefined, `${length} bytes`);
    }
    assert.equal(await refused(bytes.subarray(0, -1), "one byte short"), undefined);
    assert.equal(await refused(new Uint8Array([...bytes, 0]), "one byte more"), undefined);
  });

  test("a flipped byte is refused", async () => {
    const step = Math.max(1, Math.floor(bytes.length / 1500));
    for (let at = 0; at < bytes.length; at += step) {
      const damaged = bytes.slice();
      damaged[at] ^= 1 << at % 8;
      assert.equal(await refused(damaged, `byte ${at}`), undefined, `byte ${at} is not covered`);
    }
  });

  test("what can't be reached is coded", async () => {
    await assert.rejects(load("no/such/bundle.skw"), { name: "SkewlessError", code: "input.unreachable" });
    await assert.rejects(load(new Response("", { status: 404 })), { code: "input.unreachable" });
    await assert.rejects(load(42), { code: "misuse.source" });
  });
});

describe("the Worker", () => {
  let worker;
  before(async () => {
    worker = await startWorker(path);
  });
  after(() => worker?.stop());
  const post = (body) =>
    fetch(`${worker.url}/invocations`, { method: "POST", headers: { "content-type": "application/json" }, body });

  test("gives the same codes over HTTP, and serves on", async (context) => {
    for (const { name, record, body, code } of cases) {
      await context.test(name, async () => {
        const answer = await post(body ?? JSON.stringify({ dataframe_records: [record] }));
        assert.equal(answer.headers.get("x-skewless-error"), code);
        assert.equal((await answer.json()).error.code, code);
        assert.ok(answer.status >= 400 && answer.status < 500, `status ${answer.status}`);
      });
    }
    const answer = await post(JSON.stringify({ dataframe_records: [example] }));
    assert.deepEqual(await answer.json(), { predictions: [JSON.parse(healthy)] });
  });

  test("answers the Open Inference Protocol and health", async () => {
    const { name, version, digest } = model.info;
    for (const path of ["/v2/health/live", "/v2/health/ready", `/v2/models/${name}/ready`, "/ping"]) {
      assert.equal((await fetch(worker.url + path)).status, 200, path);
    }
    const metadata = await fetch(`${worker.url}/v2/models/${name}`);
    assert.equal((await metadata.json()).name, name);
    assert.equal(metadata.headers.get("x-skewless-digest"), digest);
    assert.equal(metadata.headers.get("x-skewless-version"), version);
    assert.equal((await fetch(`${worker.url}/nowhere`)).status, 404);
  });
});
