// The built function, started as Lambda starts it: answers, streams, failed starts, logs and metrics, and what becomes of
// it when it is killed.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { answered, bundle, lines, records } from "../edge/cases.mjs";
import { dist, root } from "../web/harness.mjs";
import { Lambda } from "./runtime.mjs";

const program = process.env.TESTED_BOOTSTRAP;
const event = async (name) => JSON.parse(await readFile(join(root, "lambda/events", name), "utf8"));
const expected = answered.text.trimEnd().split("\n");

let folder;
before(async () => {
  await mkdir(join(root, "target/lambda"), { recursive: true });
  folder = await mkdtemp(join(root, "target/lambda/function-"));
});
after(() => rm(folder, { recursive: true }));

async function started(t, variables = {}) {
  const lambda = await Lambda.start(program, { SKEWLESS_BUNDLE: bundle, ...variables });
  t.after(() => lambda.stop());
  return lambda;
}

test("a record is answered as the program answers it, and told in two lines", async (t) => {
  const lambda = await started(t);
  const first = await lambda.invoke(records[0]);
  const second = await lambda.invoke(records[1]);
  const program = JSON.parse(expected[0]);
  assert.deepEqual(first.value, program);
  assert.notDeepEqual(second.value, first.value);
  assert.deepEqual(lambda.extensions, [], "without work after answers a cold start registers nothing");
  const told = lambda.logged({ message: "answered" });
  assert.deepEqual(
    told.map(({ cold_start, source, rows, failures }) => ({ cold_start, source, rows, failures })),
    [true, false].map((cold_start) => ({ cold_start, source: "direct", rows: 1, failures: 0 })),
  );
  assert.match(told[0].request_id, /^[0-9a-f-]{36}$/);
  assert.match(told[0].trace_id, /^Root=1-/);
  assert.equal(told[0].digest.length, 64);
  assert.deepEqual(lambda.metrics.map(({ Rows, ColdStart }) => [Rows, ColdStart]), [[1, 1], [1, 0]]);
});

test("nothing of a record is logged", async (t) => {
  const lambda = await started(t, { SKEWLESS_LOG: "trace" });
  await lambda.invoke({ ...records[0], tailnum: "N0T-F0R-L0GS" });
  await lambda.invoke({ ...records[0], distance: "N0T-F0R-L0GS" });
  await lambda.settled();
  assert.equal(lambda.logged({ message: "answered" }).length, 2);
  assert.ok(!JSON.stringify(lambda.entries).includes("N0T-F0R-L0GS"));
});

test("a log level leaves the metrics", async (t) => {
  const lambda = await started(t, { SKEWLESS_LOG: "error" });
  await lambda.invoke(records[0]);
  assert.equal(lambda.logged({ message: "answered" }).length, 0);
  assert.equal(lambda.metrics.length, 1);
});

describe("a function that cannot start says why", () => {
  for (const [name, variables, type, says] of [
    ["a damaged bundle", (path) => ({ SKEWLESS_BUNDLE: path }), /^bundle\.checksum_mismatch$/, /model\.plan/],
    ["no bundle", () => ({ SKEWLESS_BUNDLE: "/nowhere.skw" }), /^bundle\.unreadable$/, /\/nowhere\.skw/],
    ["an unknown key", () => ({ SKEWLESS_BUNDEL: "x" }), /^config\.unknown_key$/, /SKEWLESS_BUNDEL/],
    ["an address that does not answer", () => ({ SKEWLESS_BUNDLE: "http://127.0.0.1:1/b.skw" }), /^input\.unreachable$/, /127\.0\.0\.1:1/],
  ]) {
    test(name, async (t) => {
      const bytes = await readFile(bundle);
      const place = bytes.indexOf("model.plan", 3000) + 5000;
      bytes[place] ^= 1;
      const path = join(folder, "damaged.skw");
      await writeFile(path, bytes);
      const lambda = await started(t, variables(path));
      const { code } = await lambda.ended();
      assert.notEqual(code, 0);
      assert.match(lambda.initError.type, type);
      assert.match(lambda.initError.errorMessage, says);
    });
  }
});

test("--print-config says each key with where it is from", async () => {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const env = { PATH: process.env.PATH, SKEWLESS_MAX_ROWS: "7" };
  const { stdout } = await promisify(execFile)(program, ["--print-config", "--stream=true"], { env });
  assert.match(stdout, /^max_rows = 7 {2}# SKEWLESS_MAX_ROWS$/m);
  assert.match(stdout, /^stream = true {2}# --stream$/m);
  assert.match(stdout, /^max_line = 1048576 {2}# default$/m);
});

test("JSON lines over a Function URL are streamed, to the byte", async (t) => {
  const lambda = await started(t, { SKEWLESS_STREAM: "true" });
  const asked = await event("function-url.json");
  asked.headers["content-type"] = "application/x-ndjson";
  [asked.body, asked.isBase64Encoded] = [Buffer.from(lines).toString("base64"), true];
  const answer = await lambda.invoke(asked);
  assert.equal(answer.type, "application/vnd.awslambda.http-integration-response");
  assert.equal(answer.prelude.statusCode, 200);
  assert.equal(answer.prelude.headers["content-type"], "application/x-ndjson");
  assert.equal(answer.body.toString(), answered.text);
  assert.ok(answer.chunks.length > 1);
  const [told] = lambda.logged({ message: "answered" });
  assert.equal(told.rows, expected.length);
  assert.ok(told.failures > 0);
  assert.equal(lambda.metrics[0].Rows, expected.length);
  const health = await lambda.invoke({ ...asked, rawPath: "/v2/health/ready", body: undefined, requestContext: { ...asked.requestContext, http: { ...asked.requestContext.http, method: "GET" } } });
  assert.equal(JSON.parse(health.body).ready, true);
});

test("payloads of 6 and 7 MB are answered rightly or refused by code", async (t) => {
  const lambda = await started(t);
  const one = JSON.stringify(records[0]);
  for (const megabytes of [6, 7]) {
    const count = Math.floor((megabytes * 1e6) / (one.length + 1));
    const list = await lambda.invoke(undefined, { text: `[${Array(count).fill(one).join(",")}]` });
    assert.equal(list.value.length, count);
    assert.deepEqual(list.value[count - 1], JSON.parse(expected[0]));
    const asked = await event("function-url.json");
    asked.body = Buffer.from(`{"dataframe_records":[${Array(count).fill(one).join(",")}]}`).toString("base64");
    const whole = await lambda.invoke(asked);
    assert.equal(JSON.parse(whole.value.body).predictions.length, count);
  }
  const small = await started(t, { SKEWLESS_MAX_BODY: String(6 << 20) });
  const asked = await event("function-url.json");
  asked.body = Buffer.alloc(7 << 20, " ").toString("base64");
  const refused = await small.invoke(asked);
  assert.equal(refused.value.statusCode, 413);
  assert.equal(refused.value.headers["x-skewless-error"], "request.too_large");
});

test("a function that is killed under a request is answered for by the next one", async (t) => {
  const lambda = await started(t);
  await lambda.invoke(records[0]);
  const text = JSON.stringify(Array(40_000).fill(records[0]));
  const lost = await lambda.invoke(undefined, { text, taken: () => lambda.kill("SIGKILL") });
  assert.equal(lost.error.errorType, "Runtime.ExitError");
  await lambda.ended();
  lambda.launch();
  const again = await lambda.invoke(undefined, { text });
  assert.equal(again.value.length, 40_000);
});

test("the feature log on standard output holds the rows as they were used", async (t) => {
  const lambda = await started(t, { SKEWLESS_FEATURE_LOG: "stdout", SKEWLESS_FEATURE_LOG_SHARE: "1" });
  const { value } = await lambda.invoke(records.slice(0, 3));
  const logged = lambda.logged({ event: "features" });
  assert.deepEqual(logged.map(({ raw }) => raw[0]), value.map(({ raw }) => raw));
  // A row scored again elsewhere gives the same bits.
  const { load } = await import(join(dist, "node.js"));
  const model = await load(bundle);
  const rows = logged.flatMap(({ features }) => model.info.columns.map((name) => features[name] ?? NaN));
  assert.deepEqual([...model.score(Float64Array.from(rows))], logged.flatMap(({ raw }) => raw));
  model.close();
  assert.deepEqual(lambda.extensions, []);
});

test("a streamed answer's rows are in the feature log when it ends", async (t) => {
  const variables = { SKEWLESS_STREAM: "true", SKEWLESS_FEATURE_LOG: "stdout", SKEWLESS_FEATURE_LOG_SHARE: "1" };
  const lambda = await started(t, variables);
  const asked = await event("function-url.json");
  asked.headers["content-type"] = "application/x-ndjson";
  asked.body = records.slice(0, 200).map((record) => `${JSON.stringify(record)}\n`).join("");
  asked.isBase64Encoded = false;
  const { body } = await lambda.invoke(asked);
  const raws = body.toString().trimEnd().split("\n").map((line) => JSON.parse(line).raw).filter((raw) => raw !== undefined);
  assert.deepEqual(lambda.logged({ event: "features" }).map(({ raw }) => raw[0]), raws);
});

test("a place that is silent fails the start before Lambda would end it", async (t) => {
  const silent = createServer(() => {});
  await new Promise((listening) => silent.listen(0, "127.0.0.1", listening));
  t.after(() => (silent.closeAllConnections(), silent.close()));
  const began = performance.now();
  const lambda = await started(t, { SKEWLESS_BUNDLE: `http://127.0.0.1:${silent.address().port}/b.skw` });
  const { code } = await lambda.ended();
  assert.notEqual(code, 0);
  assert.equal(lambda.initError.type, "input.unreachable");
  assert.ok(performance.now() - began < 10_000, "Lambda would have ended it");
});

test("an answer that Lambda does not carry is refused by code", async (t) => {
  const lambda = await started(t);
  const text = `[${Array(60_000).fill("{}").join(",")}]`;
  const direct = await lambda.invoke(undefined, { text });
  assert.equal(direct.error.errorType, "request.answer_too_large");
  assert.equal(lambda.metrics[0].Refused, 1);
  assert.deepEqual((await lambda.invoke(records[0])).value, JSON.parse(expected[0]));
});
