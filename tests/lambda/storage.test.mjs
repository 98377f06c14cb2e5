// The built function over S3: where its bundle is from, objects and messages that it answers, what it logs, and what it
// does when any of it is gone.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { anotherBundle, answered, bundle, lines, records } from "../edge/cases.mjs";
import { root } from "../web/harness.mjs";
import { Lambda } from "./runtime.mjs";
import { Storage } from "./storage.mjs";

const run = promisify(execFile);
const program = process.env.TESTED_BOOTSTRAP;
const skewless = process.env.TESTED_PROGRAM ?? join(root, "target/ci/skewless");

let storage, another, folder;
before(async () => {
  await mkdir(join(root, "target/lambda"), { recursive: true });
  await mkdir(join(root, "target/edge"), { recursive: true });
  folder = await mkdtemp(join(root, "target/lambda/storage-"));
  another = await anotherBundle();
  storage = await Storage.start(await freePort());
});
after(async () => {
  storage?.stop();
  await another?.remove();
  await rm(folder, { recursive: true });
});

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function started(t, variables) {
  const lambda = await Lambda.start(program, { ...storage.variables, SKEWLESS_BUNDLE: bundle, ...variables });
  t.after(() => lambda.stop());
  return lambda;
}

const url = (path, method = "GET") => ({
  version: "2.0",
  rawPath: path,
  headers: {},
  requestContext: { http: { method, path }, stage: "$default" },
  isBase64Encoded: false,
});

const version = ({ value }) => value.headers["x-skewless-version"];

test("a bundle in S3 is replaced between requests, and a bad one never serves", async (t) => {
  await storage.bucket("models");
  await storage.put("models/flights.skw", await readFile(bundle));
  const lambda = await started(t, { SKEWLESS_BUNDLE: "s3://models/flights.skw", SKEWLESS_CHECK_SECONDS: "0.000001" });
  const ask = () => lambda.invoke(url("/v2/health/ready"));
  assert.equal(version(await ask()), "1.0.0");
  assert.deepEqual(lambda.extensions, ["skewless"]);
  await storage.put("models/flights.skw", await readFile(another.path));
  assert.equal(version(await ask()), "1.0.0", "this request began with the old one");
  assert.equal(version(await ask()), "2.0.0");
  assert.equal(JSON.stringify((await lambda.invoke(another.record)).value), another.answer);
  await storage.put("models/flights.skw", "<html>gone</html>");
  await ask();
  const refused = await ask();
  assert.equal(version(refused), "2.0.0");
  assert.equal(JSON.parse(refused.value.body).refused_bundle.code, "bundle.not_a_bundle");
  assert.equal(JSON.stringify((await lambda.invoke(another.record)).value), another.answer);
  await storage.removeBucket("models");
  await ask();
  const gone = await ask();
  assert.equal(JSON.parse(gone.value.body).refused_bundle.code, "input.unreachable");
  assert.equal(JSON.stringify((await lambda.invoke(another.record)).value), another.answer);
  await storage.bucket("models");
  await storage.put("models/flights.skw", await readFile(bundle));
  await ask();
  const back = await ask();
  assert.equal(version(back), "1.0.0");
  assert.equal(JSON.parse(back.value.body).refused_bundle, undefined);
  const outcomes = lambda.entries.filter((entry) => entry.event === "bundle").map(({ outcome }) => outcome);
  assert.deepEqual(new Set(outcomes), new Set(["opened", "replaced", "refused", "unreachable"]));
});

test("a bucket that is not there fails the start by code", async (t) => {
  const lambda = await started(t, { SKEWLESS_BUNDLE: "s3://nowhere/flights.skw" });
  const { code } = await lambda.ended();
  assert.notEqual(code, 0);
  assert.equal(lambda.initError.type, "input.unreachable");
  assert.match(lambda.initError.errorMessage, /s3:\/\/nowhere\/flights\.skw/);
});

const created = (...keys) => ({
  Records: keys.map((key) => ({
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: "us-east-1",
    eventTime: "2026-11-28T07:00:00.000Z",
    eventName: "ObjectCreated:Put",
    userIdentity: { principalId: "x" },
    requestParameters: { sourceIPAddress: "127.0.0.1" },
    responseElements: {},
    s3: { s3SchemaVersion: "1.0", configurationId: "c", bucket: { name: "tables", arn: "arn:aws:s3:::tables" }, object: { key } },
  })),
});

test("created tables become tables of predictions, to the byte as the program writes them", async (t) => {
  await storage.bucket("tables");
  await storage.bucket("answers");
  await storage.put("tables/2026/flights of today.jsonl", lines);
  const rows = join(folder, "rows.jsonl");
  await writeFile(rows, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const names = Object.keys(records[0]);
  const csv = [names, ...records.map((record) => names.map((name) => record[name] ?? ""))].map((row) => row.join(",")).join("\n");
  await writeFile(join(folder, "rows.csv"), `${csv}\n`);
  await storage.put("tables/rows.csv", await readFile(join(folder, "rows.csv")));
  await storage.put("tables/rows.parquet", await readFile(join(root, "models/flights/data/flights.parquet")));
  const lambda = await started(t, { SKEWLESS_OUTPUT: "s3://answers/late" });
  const first = await lambda.invoke(created("2026/flights+of+today.jsonl", "rows.csv"));
  assert.deepEqual(
    first.value.objects.map(({ output }) => output),
    ["s3://answers/late/2026/flights of today.jsonl", "s3://answers/late/rows.csv"],
  );
  assert.equal((await storage.get("answers/late/2026/flights of today.jsonl")).toString(), answered.text);
  const ours = join(folder, "ours.csv");
  await run(skewless, ["predict", bundle, join(folder, "rows.csv"), "-o", ours]);
  assert.deepEqual(await storage.get("answers/late/rows.csv"), await readFile(ours));
  // 336,776 rows: more than one part of an upload, more than one row group.
  const parquet = await lambda.invoke(created("rows.parquet"));
  assert.equal(parquet.value.objects[0].rows, 336_776);
  const table = join(folder, "ours.parquet");
  await run(skewless, ["predict", bundle, join(root, "models/flights/data/flights.parquet"), "-o", table]).catch(({ code }) => assert.equal(code, 1));
  assert.deepEqual(await storage.get("answers/late/rows.parquet"), await readFile(table));
});

test("rows of tables are counted, logged and shown to the shadow as those of requests are", async (t) => {
  await storage.bucket("tables");
  await storage.bucket("answers");
  await storage.put("tables/few.jsonl", records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  await writeFile(join(folder, "few.csv"), "carrier,distance\nUA,1400\n??,\n");
  await storage.put("tables/few.csv", await readFile(join(folder, "few.csv")));
  const lambda = await started(t, {
    SKEWLESS_OUTPUT: "s3://answers/watched",
    SKEWLESS_SHADOW: bundle,
    SKEWLESS_SHADOW_SHARE: "1",
    SKEWLESS_FEATURE_LOG: "stdout",
    SKEWLESS_FEATURE_LOG_SHARE: "1",
  });
  await lambda.invoke(created("few.jsonl"));
  await lambda.settled();
  const rows = (await storage.get("answers/watched/few.jsonl")).toString().trimEnd().split("\n").map((line) => JSON.parse(line));
  const raws = rows.map(({ raw }) => raw).filter((raw) => raw !== undefined);
  assert.deepEqual(lambda.logged({ event: "features" }).map(({ raw }) => raw[0]), raws);
  const directly = await started(t, {});
  await directly.invoke(records);
  const [ofTable, ofList] = [lambda, directly].map(({ metrics }) => metrics.find(({ Rows }) => Rows > 0));
  assert.equal(ofTable.Missing, ofList.Missing);
  assert.ok(ofTable.Missing > 0, "the sample lacks something");
  await lambda.invoke(created("few.csv"));
  await lambda.settled();
  const shadowed = lambda.metrics.reduce((sum, { ShadowRows = 0 }) => sum + ShadowRows, 0);
  assert.equal(shadowed, raws.length, "the second event's line tells what the first one's rows came to");
});

test("a table of any size streams through, and one whose function is killed is answered whole or not at all", async (t) => {
  await storage.bucket("tables");
  await storage.bucket("answers");
  const some = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  await storage.put("tables/some.jsonl", some);
  await storage.put("tables/many.jsonl", some.repeat(200));
  const lambda = await started(t, { SKEWLESS_OUTPUT: "s3://answers/sizes" });
  await lambda.invoke(created("some.jsonl"));
  const most = async () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${lambda.pid}/status`, "utf8"))[1]);
  const before = await most();
  const killed = await lambda.invoke(created("many.jsonl"), { taken: () => setTimeout(() => lambda.kill("SIGKILL"), 300) });
  assert.equal(killed.error?.errorType, "Runtime.ExitError");
  await lambda.ended();
  await assert.rejects(storage.get("answers/sizes/many.jsonl"), "a part of an object is no object");
  lambda.launch();
  const { value } = await lambda.invoke(created("many.jsonl"));
  assert.equal(value.objects[0].rows, 200 * records.length);
  const answer = await storage.get("answers/sizes/many.jsonl");
  const one = (await storage.get("answers/sizes/some.jsonl")).toString();
  const withoutRow = (text) => text.replaceAll(/"row":\d+/g, '"row":0');
  assert.ok(withoutRow(answer.toString()) === withoutRow(one).repeat(200));
  const grown = (await most()) - before;
  assert.ok(grown < 48 << 10, `${grown} kB more for ${some.length * 200} bytes in and ${answer.length} out`);
});

test("what is no table is the function's error, and nothing is written", async (t) => {
  await storage.bucket("tables");
  await storage.bucket("empty");
  const lambda = await started(t, { SKEWLESS_OUTPUT: "s3://empty/out" });
  for (const [key, body, code] of [
    ["picture.png", "x", "table.unknown_format"],
    ["broken.parquet", "PAR1 but no more", "table.invalid_parquet"],
    ["empty.jsonl", "", "input.empty_batch"],
    ["absent.jsonl", undefined, "input.unreachable"],
  ]) {
    if (body !== undefined) await storage.put(`tables/${key}`, body);
    const answer = await lambda.invoke(created(key));
    assert.equal(answer.error?.errorType, code, key);
  }
  assert.deepEqual(await storage.list("empty"), []);
  const test = { Service: "Amazon S3", Event: "s3:TestEvent", Time: "2026-11-28T07:00:00.000Z", Bucket: "tables", RequestId: "x", HostId: "y" };
  assert.deepEqual((await lambda.invoke(test)).value, { objects: [] });
});

const messages = (bodies) => ({
  Records: bodies.map((body, place) => ({ messageId: `m${place}`, body, attributes: {}, messageAttributes: {}, eventSource: "aws:sqs", eventSourceARN: "arn:aws:sqs:us-east-1:1:q", awsRegion: "us-east-1", receiptHandle: "r", md5OfBody: "x" })),
});

test("a poisoned message fails alone, and the others' predictions are written", async (t) => {
  await storage.bucket("queue");
  const lambda = await started(t, { SKEWLESS_OUTPUT: "s3://queue/out" });
  const bodies = [JSON.stringify(records[0]), "poison", JSON.stringify(records.slice(1, 3)), JSON.stringify({ ...records[0], distance: "far" }), "[]"];
  const { value } = await lambda.invoke(messages(bodies), { id: "request-1" });
  assert.deepEqual(value.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier), ["m1", "m3", "m4"]);
  const written = (await storage.get("queue/out/sqs/request-1.jsonl")).toString().trimEnd().split("\n").map((line) => JSON.parse(line));
  const predictions = (await lambda.invoke(records.slice(0, 3))).value;
  assert.deepEqual(written, [
    { id: "m0", prediction: predictions[0] },
    { id: "m2", row: 0, prediction: predictions[1] },
    { id: "m2", row: 1, prediction: predictions[2] },
  ]);
  const [told] = lambda.logged({ source: "sqs" });
  assert.deepEqual([told.rows, told.failures > 0], [5, true]);
  await storage.removeBucket("queue");
  const lost = await lambda.invoke(messages([JSON.stringify(records[0])]));
  assert.equal(lost.error.errorType, "internal.output", "the whole batch comes again");
});

test("records of a stream fail by their sequence numbers", async (t) => {
  await storage.bucket("stream");
  const lambda = await started(t, { SKEWLESS_OUTPUT: "s3://stream/out" });
  const record = (body, number) => ({ eventSource: "aws:kinesis", eventVersion: "1.0", eventID: `s:${number}`, eventName: "aws:kinesis:record", awsRegion: "us-east-1", eventSourceARN: "arn", invokeIdentityArn: "arn", kinesis: { kinesisSchemaVersion: "1.0", partitionKey: "p", sequenceNumber: number, data: Buffer.from(body).toString("base64"), approximateArrivalTimestamp: 1480641523.477 } });
  const { value } = await lambda.invoke({ Records: [record(JSON.stringify(records[0]), "1"), record("\xff\xfe", "2")] }, { id: "request-2" });
  assert.deepEqual(value.batchItemFailures, [{ itemIdentifier: "2" }]);
  const written = (await storage.get("stream/out/kinesis/request-2.jsonl")).toString();
  assert.equal(written.trimEnd().split("\n").length, 1);
});

test("a function that is killed under messages loses none: they come again, and all are answered", async (t) => {
  await storage.bucket("killed");
  const lambda = await started(t, { SKEWLESS_OUTPUT: "s3://killed/out" });
  const lists = Array.from({ length: 10 }, () => JSON.stringify(Array(10).fill(records).flat()));
  // Killed at several moments of the work, which takes some hundred milliseconds.
  for (const [attempt, after] of [0, 20, 80].entries()) {
    const lost = await lambda.invoke(messages(lists), { id: `killed-${attempt}`, taken: () => setTimeout(() => lambda.kill("SIGKILL"), after) });
    assert.equal(lost.error.errorType, "Runtime.ExitError", "nothing is acknowledged");
    await lambda.ended();
    lambda.launch();
  }
  assert.deepEqual(await storage.list("killed"), [], "no part of an answer is there");
  const { value } = await lambda.invoke(messages(lists), { id: "again" });
  assert.deepEqual(value.batchItemFailures, []);
  const written = (await storage.get("killed/out/sqs/again.jsonl")).toString().trimEnd().split("\n");
  assert.equal(written.length, 100 * records.length);
});

test("the feature log is written to S3 after the answers and when the function ends; the shadow is counted", async (t) => {
  await storage.bucket("logs");
  const lambda = await started(t, {
    SKEWLESS_FEATURE_LOG: "s3://logs/features",
    SKEWLESS_FEATURE_LOG_SHARE: "1",
    SKEWLESS_SHADOW: bundle,
    SKEWLESS_SHADOW_SHARE: "1",
  });
  const { value } = await lambda.invoke(records.slice(0, 20));
  assert.deepEqual(lambda.extensions, ["skewless"]);
  await lambda.settled();
  assert.deepEqual(await storage.list("logs"), [], "a few rows wait for more");
  await lambda.invoke(records[0]);
  const [, metrics] = lambda.metrics;
  assert.deepEqual([metrics.ShadowRows, metrics.ShadowDifferences], [20, 0]);
  await lambda.settled();
  lambda.kill("SIGTERM");
  assert.equal((await lambda.ended()).code, 0);
  const [key, ...others] = await storage.list("logs");
  assert.deepEqual(others, []);
  assert.match(key, /^features\/date=\d{4}-\d\d-\d\d\/[0-9a-f]{12}-\d+-[0-9a-f]{16}\.parquet$/);
  const path = join(folder, "features.parquet");
  await writeFile(path, await storage.get(`logs/${key}`));
  const python = join(process.env.TESTED_MOTO, "python");
  const script = "import json,sys,pyarrow.parquet as p; print(json.dumps([row['raw'] for row in p.read_table(sys.argv[1]).to_pylist()]))";
  const { stdout } = await run(python, ["-c", script, path]);
  assert.deepEqual(JSON.parse(stdout).slice(0, 20), value.map(({ raw }) => [raw]));
});
