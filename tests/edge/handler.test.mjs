// The handler itself, in Node and without a socket: how far it reads ahead, what a lost instance leaves, what is refused.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { dist } from "../web/harness.mjs";
import { answered, bundle, records, trapping } from "./cases.mjs";

const { createHandler, createLazyHandler, optionsFrom, sourceFrom } = await import(pathToFileURL(join(dist, "serve/node.js")).href);

const bytes = new Uint8Array(await readFile(bundle));
const line = `${JSON.stringify(records[0])}\n`;
const expected = answered.text.split("\n")[0];

function posted(body, type = "application/x-ndjson", headers = {}) {
  const init = { method: "POST", headers: { "content-type": type, ...headers }, body, duplex: "half" };
  return new Request("http://localhost/invocations", init);
}

/** A handler that keeps what it logs. */
async function handler(options = {}) {
  const entries = [];
  const handle = await createHandler(bytes, { log: (entry) => entries.push(entry), ...options });
  return { handle, entries };
}

/** A body without end, which counts what was taken of it. */
function endless(piece) {
  const taken = { pieces: 0, cancelled: false };
  const pull = (controller) => {
    taken.pieces += 1;
    controller.enqueue(new TextEncoder().encode(piece));
  };
  const cancel = () => {
    taken.cancelled = true;
  };
  return { taken, body: new ReadableStream({ pull, cancel }, { highWaterMark: 0 }) };
}

test("no more is read than the answers that were taken need", async () => {
  const { handle, entries } = await handler();
  const { taken, body } = endless(line.repeat(10));
  const answer = await handle(posted(body));
  const reader = answer.body.getReader();
  for (let read = 1; read <= 5; read++) {
    const { value } = await reader.read();
    assert.equal(new TextDecoder().decode(value), `${expected}\n`.repeat(10));
    assert.ok(taken.pieces <= read + 1, `${taken.pieces} pieces for ${read} answers`);
  }
  await reader.cancel();
  assert.ok(taken.cancelled, "what sends the lines is told");
  assert.deepEqual([entries.at(-1).code, entries.at(-1).rows], ["request.aborted", 10 * taken.pieces]);
});

test("a client that goes while a line is awaited stops nothing else", async () => {
  const { handle, entries } = await handler();
  const left = new AbortController();
  let send;
  const body = new ReadableStream({ start: (controller) => (send = (text) => controller.enqueue(new TextEncoder().encode(text))) });
  send(line);
  const request = new Request(posted(body), { signal: left.signal });
  const reader = (await handle(request)).body.getReader();
  await reader.read();
  const waiting = reader.read();
  left.abort();
  send(line);
  await waiting.catch(() => undefined);
  assert.deepEqual(entries.filter(({ event }) => event === "request").map(({ code, rows }) => [code, rows]), [["request.aborted", 1]]);
  assert.equal((await (await handle(posted(line))).text()).trim(), expected);
  assert.equal(entries.at(-1).code, undefined);
  // The same instance: what it counted is still there.
  const metrics = await (await handle(new Request("http://localhost/metrics"))).text();
  assert.match(metrics, /skewless_rows_total 2\n/);
});

test("one long piece is answered in bounded steps", async () => {
  const { handle } = await handler();
  const answer = await handle(posted(line.repeat(20_000)));
  let longest = 0;
  let text = 0;
  for await (const piece of answer.body) {
    longest = Math.max(longest, piece.length);
    text += piece.length;
  }
  assert.equal(text, 20_000 * (expected.length + 1));
  assert.ok(longest <= 1 << 16, `${longest} bytes at once`);
});

test("a whole body without a length is read no further than its limit", async () => {
  const { handle } = await handler({ limits: { maxBody: 10_000 } });
  const { taken, body } = endless("x".repeat(1000));
  const answer = await handle(posted(body, "application/json"));
  assert.deepEqual([answer.status, answer.headers.get("x-skewless-error")], [413, "request.too_large"]);
  assert.ok(taken.pieces <= 12 && taken.cancelled);
});

test("a stream is ended at its limit with an error of no row", async () => {
  const { handle, entries } = await handler({ limits: { maxStreamBody: 5 * line.length, maxStreamRows: 100 } });
  const { taken, body } = endless(line);
  const answers = (await (await handle(posted(body))).text()).trim().split("\n");
  assert.equal(answers.length, 6);
  assert.deepEqual(JSON.parse(answers[5]).error, { code: "request.too_large", message: `a stream of lines has at most ${5 * line.length} bytes` });
  assert.ok(taken.cancelled);
  assert.deepEqual([entries.at(-1).status, entries.at(-1).code, entries.at(-1).rows], [200, "request.too_large", 5]);
  // Before the first answer there is a status.
  const { handle: strict } = await handler({ limits: { maxStreamBody: 10 } });
  assert.equal((await strict(posted(endless(line).body))).status, 413);
  assert.equal((await strict(posted(line, undefined, { "content-length": "11" }))).status, 413);
});

test("a body that breaks off is refused, and a stream of it ends", async () => {
  const { handle, entries } = await handler();
  const broken = (...pieces) =>
    new ReadableStream({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.error(new Error("gone"));
        else controller.enqueue(new TextEncoder().encode(piece));
      },
    });
  const whole = await handle(posted(broken("{"), "application/json"));
  assert.deepEqual([whole.status, (await whole.json()).error.code], [400, "request.aborted"]);
  const lines = await handle(posted(broken(line)));
  await assert.rejects(lines.text());
  assert.deepEqual([entries.at(-1).code, entries.at(-1).rows], ["request.aborted", 1]);
});

test("a trap is coded, what was under way is told, and the next request is answered", async () => {
  const { handle, entries } = await handler();
  let send;
  const body = new ReadableStream({ start: (controller) => (send = (text) => controller.enqueue(new TextEncoder().encode(text))) });
  send(line);
  const stream = await handle(posted(body));
  const reader = stream.body.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), `${expected}\n`);
  // A whole body that is under way is begun again.
  let finish;
  const slow = new ReadableStream({ start: (controller) => (finish = () => controller.close()) }, { highWaterMark: 0 });
  const waiting = handle(posted(slow, "application/json"));
  const trapped = await handle(trapping("/invocations", { "content-type": "application/json" }));
  assert.deepEqual([trapped.status, trapped.headers.get("x-skewless-error")], [500, "internal.trap"]);
  assert.equal(entries.at(-1).level, "error");
  send(line);
  const { error } = JSON.parse(new TextDecoder().decode((await reader.read()).value));
  assert.equal(error.code, "internal.interrupted");
  assert.ok((await reader.read()).done);
  finish();
  assert.equal((await waiting).headers.get("x-skewless-error"), "input.invalid_json");
  assert.equal((await (await handle(posted(line))).text()).trim(), expected);
});

test("a request that stops the instance frees nothing of the next one", async () => {
  const { handle } = await handler();
  for (const type of ["application/json", "application/jsonl"]) {
    const before = await (await handle(posted(line))).text();
    const answer = await handle(trapping("/invocations", { "content-type": type }));
    assert.deepEqual([answer.status, answer.headers.get("x-skewless-error")], [500, "internal.trap"], type);
    for (let again = 0; again < 3; again++) assert.equal(await (await handle(posted(line))).text(), before);
  }
});

test("what goes wrong in the log is no matter of the answer", async () => {
  const handle = await createHandler(bytes, {
    log() {
      throw new Error("full");
    },
  });
  assert.equal((await handle(posted(line))).status, 200);
});

test("settings are checked when a handler opens", async () => {
  const refused = [
    [{ limits: { maxRows: 0 } }, "config.invalid_value", "max_rows"],
    [{ cors: { origins: ["page.example"] } }, "config.invalid_value", "cors_origins"],
    [optionsFrom({ SKEWLESS_MAX_ROW: "7" }), "config.unknown_key", "max_row"],
  ];
  for (const [options, code, field] of refused) {
    await assert.rejects(createHandler(bytes, { log: false, ...options }), { name: "SkewlessError", code, field });
  }
  await assert.rejects(createHandler(new Uint8Array(7), { log: false }), { code: "bundle.not_a_bundle" });
  assert.throws(() => sourceFrom({}), { code: "config.invalid_value", field: "SKEWLESS_SOURCE" });
  assert.throws(() => sourceFrom({ SKEWLESS_SOURCE: "r2:NONE/flights.skw" }), { code: "config.invalid_value", field: "NONE" });
});

test("a lazy handler takes its source and options from the environment of the first request", async () => {
  const handle = createLazyHandler(sourceFrom, optionsFrom);
  const answer = await handle(posted(line), { SKEWLESS_SOURCE: bundle, SKEWLESS_LOG: "off", SKEWLESS_CORS_ORIGINS: "*" });
  assert.equal((await answer.text()).trim(), expected);
  const lost = await createLazyHandler(sourceFrom, optionsFrom)(posted(line), {});
  assert.deepEqual([lost.status, lost.headers.get("x-skewless-error")], [503, "config.invalid_value"]);
  const asked = await handle(new Request("http://localhost/ping", { headers: { origin: "https://a.example" } }));
  assert.equal(asked.headers.get("access-control-allow-origin"), "*");
});

test("what is asked of the source goes on after the answer by waitUntil", async () => {
  const kept = [];
  let reads = 0;
  const source = {
    async read(known) {
      reads += 1;
      return known === undefined ? { bytes, tag: "1" } : undefined;
    },
  };
  const handle = createLazyHandler(() => source, { log: false, checkSeconds: 1e-9 });
  const context = { waitUntil: (work) => kept.push(work) };
  await handle(new Request("http://localhost/ping"), {}, context);
  await new Promise((later) => setTimeout(later, 5));
  await handle(new Request("http://localhost/ping"), {}, context);
  await Promise.all(kept);
  assert.ok(reads >= 2 && kept.length >= 2, `${reads} reads, ${kept.length} kept`);
});
