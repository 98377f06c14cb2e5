// The serving protocols as a client meets them: the same tests for every host.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { PredictionDigest } from "../web/digest.mjs";
import { answered, lines, records, SECRET, SETTINGS } from "./cases.mjs";
import { until } from "./hosts.mjs";

const LINES = { "content-type": "application/x-ndjson" };
const JSON_TYPE = { "content-type": "application/json" };
const FACTS = ["x-skewless-model", "x-skewless-version", "x-skewless-digest"];

/**
 * Sends the protocols' requests to `host()`, which has `url`, `entries` and `log`, `hurries` with the reason where its server
 * takes answers faster than they are read, and `lacks` with the reasons for what it does not have: `streaming`, `lines` beyond
 * the limits of whole bodies, `counters`, `entries` in the log's form.
 */
export function protocolTests(host) {
  const ask = (path, init) => fetch(host().url + path, init);
  const post = (path, headers, body) => ask(path, { method: "POST", headers, body, duplex: "half" });
  const invoke = (body) => post("/invocations", JSON_TYPE, JSON.stringify(body));

  test("health, metadata and inference name the bundle", async () => {
    const ready = await (await ask("/v2/health/ready")).json();
    assert.deepEqual(Object.keys(ready), ["ready", "name", "version", "digest"]);
    assert.equal(ready.ready, true);
    const paths = ["/v2/health/live", "/v2", "/v2/models/flights", "/v2/models/flights/ready", `/v2/models/flights/versions/${ready.version}`, "/ping"];
    for (const path of host().lacks?.counters ? paths : [...paths, "/metrics"]) {
      const answer = await ask(path);
      await answer.text();
      assert.equal(answer.status, 200, path);
      assert.deepEqual(FACTS.map((name) => answer.headers.get(name)), [ready.name, ready.version, ready.digest], path);
      assert.match(answer.headers.get("server-timing") ?? "", /^\w+;dur=[\d.]+/, path);
      assert.ok(answer.headers.get("x-request-id"), path);
    }
    const metadata = await (await ask("/v2/models/flights")).json();
    const columns = metadata.inputs.map(({ name, datatype }) => {
      const data = records.slice(0, 10).map((record) => record[name] ?? null);
      return { name, datatype, shape: [10], data };
    });
    const infer = await post("/v2/models/flights/infer", JSON_TYPE, JSON.stringify({ id: "seven", inputs: columns }));
    const { id, model_name, parameters, outputs } = await infer.json();
    assert.deepEqual([id, model_name, parameters.digest], ["seven", "flights", ready.digest]);
    const expected = answered.text.split("\n").slice(0, 10).map((line) => JSON.parse(line));
    const column = (name) => outputs.find((output) => output.name === name).data;
    assert.deepEqual(column("probability"), expected.map(({ probability }) => probability));
    assert.deepEqual(column("label"), expected.map(({ label }) => label));
  });

  test("a batch is answered as the command line answers it", async () => {
    const answer = await invoke({ dataframe_records: records.slice(0, 137) });
    assert.equal(answer.status, 200);
    const { predictions } = await answer.json();
    assert.deepEqual(predictions.map((prediction) => JSON.stringify(prediction)), answered.text.split("\n").slice(0, 137));
  });

  test("thousands of lines, bad ones in their place, to the byte", async (context) => {
    if (host().lacks?.lines) return context.skip(host().lacks.lines);
    for (const type of ["application/x-ndjson", "application/jsonl"]) {
      const answer = await post("/invocations", { "content-type": type }, lines);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-type"), "application/x-ndjson");
      const text = await answer.text();
      assert.ok(text === answered.text, "the answers are those of `skewless predict`");
      const digest = new PredictionDigest();
      for (const line of text.trim().split("\n")) {
        const prediction = JSON.parse(line);
        if (prediction.error) digest.failure(prediction.error.code);
        else digest.answer(prediction, ["on_time", "late"]);
      }
      assert.equal(await digest.finish(), answered.digest);
    }
  });

  test("a line is answered before the next one is sent", async (context) => {
    if (host().lacks?.streaming) return context.skip(host().lacks.streaming);
    const { request, response } = open(host().url, "/invocations", LINES);
    let received;
    for (const [index, record] of records.slice(0, 3).entries()) {
      request.write(`${JSON.stringify(record)}\n`);
      received ??= receivedLines(await response);
      await untilLines(received, index + 1);
    }
    request.end(JSON.stringify(records[3]));
    assert.deepEqual(await untilLines(received, 4), answered.text.split("\n").slice(0, 4));
    assert.equal((await received.next()).done, true);
  });

  test("who does not read the answers holds the lines back", async (context) => {
    const reason = host().hurries ?? host().lacks?.streaming;
    if (reason) return context.skip(reason);
    // Its answer is longer than the line: what lies in sockets is full long before the limit of rows.
    const piece = `${JSON.stringify({ ...records[0], distance: "😀".repeat(80) })}\n`.repeat(40);
    const { request, response } = open(host().url, "/invocations", LINES);
    let sent = 0;
    const send = () => {
      while (!request.destroyed) {
        sent += piece.length;
        if (!request.write(piece)) return;
      }
    };
    request.on("drain", send);
    send();
    const answer = await response;
    assert.equal(answer.statusCode, 200);
    let before = -1;
    await until(async () => {
      const still = sent === before;
      before = sent;
      await pause(400);
      return still;
    }, "the lines to stop");
    const path = answer.headers["x-request-id"];
    assert.ok(!host().entries().some((entry) => entry.request_id === path), "the lines are not at their end");
    request.destroy();
    const entry = await until(() => host().entries().find((one) => one.request_id === path), "the entry of the broken stream");
    assert.equal(entry.code, "request.aborted");
  });

  test("limits are told by code, with a length or without", async () => {
    const long = "x".repeat(Number(SETTINGS.SKEWLESS_MAX_BODY) + 1);
    const unmeasured = (text) => new Blob([text]).stream();
    const cases = [
      ["request.too_large", JSON_TYPE, long],
      ["request.too_large", JSON_TYPE, unmeasured(long)],
      ["input.too_many_rows", JSON_TYPE, JSON.stringify({ instances: Array(1501).fill({}) })],
    ];
    for (const [code, headers, body] of cases) {
      const answer = await post("/invocations", headers, body);
      const { error } = await answer.json();
      assert.deepEqual([answer.status, error.code, answer.headers.get("x-skewless-error")], [413, code, code]);
      assert.ok(answer.headers.get("x-skewless-digest"));
    }
    const declared = await post("/v2/models/flights/infer", JSON_TYPE, long);
    assert.equal(declared.status, 413);
    assert.equal((await declared.json()).parameters.error.code, "request.too_large");
  });

  test("a line that is too long fails alone; too many end the stream", async (context) => {
    const good = JSON.stringify(records[0]);
    const answer = await post("/invocations", LINES, `${good}\n${JSON.stringify({ carrier: "x".repeat(5000) })}\n${good}\n`);
    const answers = parsed(await answer.text());
    assert.deepEqual(answers.map((one) => one.error?.code), [undefined, "input.line_too_long", undefined]);
    assert.equal(answers[1].error.row, 1);
    if (host().lacks?.lines) {
      context.diagnostic(host().lacks.lines);
    } else {
      const many = parsed(await (await post("/invocations", LINES, "{}\n".repeat(100_500))).text());
      assert.equal(many.length, 100_001);
      assert.deepEqual([many.at(-1).error.code, many.at(-1).error.row], ["input.too_many_rows", undefined]);
    }
    const nothing = await post("/invocations", LINES, "\n\n");
    assert.deepEqual([nothing.status, (await nothing.json()).error.code], [400, "input.empty_batch"]);
  });

  test("other refusals have their codes", async () => {
    const cases = [
      [404, "request.unknown_path", "/nowhere", {}],
      [404, "request.unknown_model", "/v2/models/other", {}],
      [405, "request.method_not_allowed", "/invocations", {}],
      [400, "input.invalid_json", "/invocations", { method: "POST", body: "{", headers: JSON_TYPE }],
      [415, "request.unsupported_media_type", "/invocations", { method: "POST", body: "a", headers: { "content-type": "text/csv" } }],
    ];
    for (const [status, code, path, init] of cases) {
      const answer = await ask(path, init);
      await answer.text();
      assert.deepEqual([answer.status, answer.headers.get("x-skewless-error")], [status, code], path);
    }
    assert.equal((await ask("/v2/health/ready", { method: "HEAD" })).status, 200);
  });

  test("pages of configured origins may ask", async () => {
    const preflight = (origin) =>
      ask("/invocations", { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" } });
    const allowed = await preflight("https://page.example");
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://page.example");
    assert.match(allowed.headers.get("access-control-allow-methods"), /POST/);
    assert.match(allowed.headers.get("access-control-allow-headers"), /content-type/);
    const refused = await preflight("https://other.example");
    assert.deepEqual([refused.status, refused.headers.get("access-control-allow-origin")], [403, null]);
    for (const [type, body] of [["application/json", "{"], ["application/jsonl", JSON.stringify(records[0])]]) {
      const answer = await post("/invocations", { "content-type": type, origin: "https://page.example" }, body);
      await answer.text();
      assert.equal(answer.headers.get("access-control-allow-origin"), "https://page.example");
      assert.match(answer.headers.get("access-control-expose-headers"), /x-skewless-digest/);
    }
  });

  test("each request is a line in the log, and no record is", async (context) => {
    if (host().lacks?.entries) return context.skip(host().lacks.entries);
    const id = `test-${process.pid}`;
    const body = JSON.stringify({ dataframe_records: [records[0], { carrier: SECRET }] });
    const answer = await post("/invocations?key=value", { ...JSON_TYPE, "x-request-id": id }, body);
    await answer.text();
    assert.equal(answer.headers.get("x-request-id"), id);
    const entry = await until(() => host().entries().find((one) => one.request_id === id), "the entry");
    const { ms, version, digest, ...rest } = entry;
    const expected = { event: "request", level: "info", method: "POST", path: "/invocations", status: 200, rows: 2, failures: 1 };
    assert.deepEqual(rest, { ...expected, codes: { "input.too_long": 1 }, model: "flights", request_id: id });
    assert.deepEqual([version, digest], [answer.headers.get("x-skewless-version"), answer.headers.get("x-skewless-digest")]);
    assert.ok(ms >= 0);
    const stream = `${id}-lines`;
    await (await post("/invocations", { ...LINES, "x-request-id": stream }, lines)).text();
    const streamed = await until(() => host().entries().find((one) => one.request_id === stream), "the entry of the lines");
    assert.deepEqual([streamed.rows, streamed.failures, streamed.codes["input.invalid_json"]], [5006, 5, 2]);
    assert.ok(!host().log().includes(SECRET));
  });

  test("counters count", async (context) => {
    if (host().lacks?.counters) return context.skip(host().lacks.counters);
    const counted = async () => {
      const text = await (await ask("/metrics")).text();
      return (name) => Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0);
    };
    const before = await counted();
    await (await invoke({ instances: [records[0], {}] })).text();
    await (await post("/invocations", LINES, `${JSON.stringify(records[0])}\n{\n`)).text();
    await (await ask("/nowhere")).text();
    // The count of a stream comes after its last byte.
    const grown = (after, name) => after(name) - before(name);
    const after = await until(async () => {
      const now = await counted();
      return grown(now, "skewless_rows_total") === 4 ? now : undefined;
    }, "the counters");
    assert.equal(grown(after, 'skewless_requests_total{route="invocations",status="200"}'), 2);
    assert.equal(grown(after, 'skewless_requests_total{route="unknown",status="404"}'), 1);
    assert.equal(grown(after, 'skewless_refusals_total{code="request.unknown_path"}'), 1);
    assert.equal(grown(after, 'skewless_row_failures_total{code="input.missing_field"}'), 1);
    assert.equal(grown(after, 'skewless_row_failures_total{code="input.invalid_json"}'), 1);
    assert.ok(grown(after, "skewless_request_seconds_count") >= 3);
  });
}

/** A request whose body is written while its answer is read, which `fetch` does not do everywhere. */
function open(url, path, headers) {
  const request = http.request(url + path, { method: "POST", headers });
  const response = new Promise((resolve, failed) => request.once("response", resolve).once("error", failed));
  request.on("error", () => undefined);
  return { request, response };
}

function parsed(text) {
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/** Reads on until so many lines are there; a piece may end within a line. */
async function untilLines(received, count) {
  for (;;) {
    const { done, value } = await received.next();
    assert.ok(!done, "the answer ends early");
    if (value.length === count) return value;
    assert.ok(value.length < count, "a line is answered that was not sent");
  }
}

/** The lines received so far, each time another piece has come. */
async function* receivedLines(stream) {
  let text = "";
  for await (const piece of stream.setEncoding("utf8")) {
    text += piece;
    yield text.split("\n").slice(0, -1);
  }
}
