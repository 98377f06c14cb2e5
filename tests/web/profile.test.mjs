// What a model counts of the rows that it answers, and how profiles add up.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";

import { dist, readRows, root } from "./harness.mjs";

const { load } = await import(join(dist, "node.js"));
const { mergeProfiles } = await import(join(dist, "profile.js"));

let bundle;
let records;

before(async () => {
  bundle = await readFile(join(root, "models/flights/flights.skw"));
  records = (await readRows(join(root, "models/flights/sample.jsonl"))).slice(0, 400);
});

const open = () => load(bundle, { profile: true });
const input = (profile, name) => profile.inputs.find((counted) => counted.name === name);
const sum = (counts) => counts.reduce((all, count) => all + count, 0);

/** All rows of an input, however they were counted. */
function all({ missing, counts }) {
  const { numbers, categories } = counts;
  return missing + (numbers ? sum(numbers.counts) : sum(categories.counts) + categories.other + categories.out_of_vocabulary);
}

test("nothing is counted unless that was asked for", async () => {
  const model = await load(bundle);
  assert.throws(() => model.profile(), { code: "misuse.no_profile" });
});

test("golden rows are not counted, and every answered row is, one by one, as records and as columns", async () => {
  const model = await open();
  assert.equal(model.profile().rows, 0);
  for (const record of records.slice(0, 100)) model.predict(record);
  const one = model.profile();
  assert.equal(one.rows, 100);
  for (const counted of one.inputs) assert.equal(all(counted), 100, counted.name);
  assert.equal(sum(one.predictions.counts), 100);

  const asRecords = await open();
  asRecords.predictBatch(records.slice(0, 100));
  assert.deepEqual(asRecords.profile(), one);

  const asColumns = await open();
  const columns = Object.fromEntries(
    model.info.inputs.map(({ name }) => [name, records.slice(0, 100).map((record) => record[name])]),
  );
  asColumns.predictBatch(columns);
  assert.deepEqual(asColumns.profile(), one);
});

test("a record that is also explained or validated counts once", async () => {
  const model = await open();
  const [record] = records;
  model.predict(record);
  model.explain(record);
  model.validate(record);
  assert.equal(model.profile().rows, 1);
});

test("numbers fall into the bins of the reference, categories under their names", async () => {
  const model = await open();
  model.predictBatch(records);
  const profile = model.profile();
  const { edges, counts } = input(profile, "distance").counts.numbers;
  const due = Array(edges.length + 1).fill(0);
  for (const { distance } of records) due[edges.filter((edge) => edge <= distance).length] += 1;
  assert.deepEqual(counts, due);
  const carriers = input(profile, "carrier").counts.categories;
  carriers.values.forEach((carrier, at) => {
    assert.equal(carriers.counts[at], records.filter((record) => record.carrier === carrier).length, carrier);
  });
});

test("what no feature knows is out of vocabulary, and a failed row counts as one alone", async () => {
  const model = await open();
  const [record] = records;
  model.predict({ ...record, carrier: "??" });
  assert.throws(() => model.predict({ ...record, distance: "far" }), { code: "input.wrong_type" });
  const profile = model.profile();
  assert.deepEqual([profile.rows, profile.failed], [1, 1]);
  assert.equal(input(profile, "carrier").counts.categories.out_of_vocabulary, 1);
});

test("profiles of parts add up to that of the whole", async () => {
  const whole = await open();
  whole.predictBatch(records);
  const parts = [];
  for (let first = 0; first < records.length; first += 150) {
    const model = await open();
    model.predictBatch(records.slice(first, first + 150));
    parts.push(JSON.parse(JSON.stringify(model.profile())));
  }
  assert.deepEqual(mergeProfiles(...parts), whole.profile());
  const other = structuredClone(parts[0]);
  other.predictions.edges[0] += 1e-3;
  assert.throws(() => mergeProfiles(parts[0], other), { code: "misuse.profile" });
  assert.throws(() => mergeProfiles(parts[0], { ...parts[0], inputs: [] }), { code: "misuse.profile" });
});
