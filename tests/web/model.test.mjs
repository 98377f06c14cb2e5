// What a model answers in each form that a program may have its data in, and what it says of a record's faults.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";

import { load, SkewlessError } from "../../web/dist/node.js";
import { paths, readRows, root } from "./harness.mjs";

const { bundle, rows } = paths();
const model = await load(bundle);
const { inputs, labels, example } = model.info;
const records = (await readRows(rows)).slice(0, 200);
const single = records.map((record) => model.predict(record));

describe("a batch", () => {
  const value = (record, name) => record[name] ?? null;
  const numbers = (make) => ({ name, type }) => type === "number" && make(records.map((record) => value(record, name) ?? NaN));
  const strings = (make) => ({ name, type }) => type !== "number" && make(records.map((record) => value(record, name)));
  const dictionary = (Codes, missing) => (values) => {
    const words = [...new Set(values.filter((word) => word !== null))];
    return { dictionary: words, codes: Codes.from(values, (word) => (word === null ? missing : words.indexOf(word))) };
  };
  const plain = (values) => values.map((number) => (Number.isNaN(number) ? undefined : number));
  const forms = {
    "typed arrays and arrays of strings": [numbers((values) => Float64Array.from(values)), strings((values) => values)],
    "arrays with gaps": [numbers(plain), strings((values) => values)],
    "strings by dictionary": [numbers((values) => Float64Array.from(values)), strings(dictionary(Int32Array, -1))],
    "strings by unsigned dictionary": [numbers(plain), strings(dictionary(Uint32Array, 0xffff_ffff))],
  };
  for (const [name, makers] of Object.entries(forms)) {
    test(`of ${name} has the answers of its records`, () => {
      const columns = Object.fromEntries(inputs.map((input) => [input.name, makers.map((make) => make(input)).find(Boolean)]));
      const answers = model.predictBatch(columns);
      assert.deepEqual([answers.rows, answers.errors], [records.length, []]);
      assert.ok(answers.raw instanceof Float64Array && answers.values instanceof Float64Array && answers.labels instanceof Uint32Array);
      const found = [...answers.labels].map((label, row) => ({ label: labels[label], probability: answers.values[row], raw: answers.raw[row] }));
      assert.deepEqual(found, single);
    });
  }

  test("of single-precision numbers has the answers of those numbers", () => {
    const rounded = records.map((record) => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, typeof value === "number" ? Math.fround(value) : value])));
    const columns = Object.fromEntries(inputs.map((input) => [input.name, numbers((values) => Float32Array.from(values))(input) || strings((values) => values)(input)]));
    assert.deepEqual([...model.predictBatch(columns).raw], rounded.map((record) => model.predict(record).raw));
  });

  test("of records has the answers of its records", () => {
    assert.deepEqual([...model.predictBatch(records).raw], single.map(({ raw }) => raw));
  });
});

describe("validate", () => {
  test("tells every fault at once, with field, value, rule and code", () => {
    const faults = model.validate({ ...example, carrier: 5, origin: undefined, dest: "ABCDEFGHIJ", scheduled_departure: "noon", distance: -3, temp: "x", humid: Infinity });
    assert.ok(faults.every((fault) => fault instanceof SkewlessError && fault.kind === "invalid_input"));
    assert.deepEqual(faults.map(({ field, value, rule, code }) => [field, value, rule, code]), [
      ["carrier", "5", "must be a category, not the number 5", "input.wrong_type"],
      ["origin", undefined, "is required and missing", "input.missing_field"],
      ["dest", "ABCDEFGHIJ", "has 10 characters, and may have 8", "input.too_long"],
      ["scheduled_departure", "noon", "must be local time YYYY-MM-DDThh:mm[:ss] without an offset", "input.invalid_timestamp"],
      ["distance", "-3", "is -3, and must be between 1 and 12000 mi", "input.out_of_range"],
      ["temp", "x", 'must be a number, not the string "x"', "input.wrong_type"],
      ["humid", "inf", "is inf, which is not a finite number", "input.not_finite"],
    ]);
  });

  test("tells a rule of every bad record that has a field", async () => {
    const cases = JSON.parse(await readFile(join(root, "tests/bad_inputs.json"), "utf8")).filter(({ record }) => record !== undefined);
    let told = 0;
    for (const { name, record, code } of cases) {
      const faults = model.validate(record);
      assert.ok(faults.some((fault) => fault.code === code), name);
      for (const { field, rule, message } of faults) {
        if (field === undefined) continue;
        told += 1;
        assert.equal(message, `field \`${field}\` ${rule}`, name);
      }
    }
    assert.ok(told > 5, `${told} rules`);
  });

  test("finds nothing in what can be answered", () => {
    for (const record of records) assert.deepEqual(model.validate(record), []);
  });
});
