// Refusals for reasons of the host's own say what all refusals say: to browsers, to clients of Open Inference, in headers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { dist, root } from "../web/harness.mjs";
import { bundle, trapping } from "./cases.mjs";

const ORIGIN = "https://page.example";
const OPTIONS = { log: false, cors: { origins: [ORIGIN] } };
const FACTS = ["x-skewless-model", "x-skewless-version", "x-skewless-digest"];
const PATHS = ["/v2/models/flights/infer", "/invocations"];
const LENT = { "content-type": "application/json", origin: ORIGIN };

const served = (folder) => import(pathToFileURL(join(folder, "serve/node.js")).href);
const { createHandler, createLazyHandler, listen, sourceFrom } = await served(dist);
const bytes = new Uint8Array(await readFile(bundle));

/** The package with a module that is no WebAssembly any more, as half an upload leaves it. */
let broken;
before(async () => {
  await mkdir(join(root, "target/edge"), { recursive: true });
  broken = await mkdtemp(join(root, "target/edge/broken-"));
  await cp(dist, broken, { recursive: true });
  const module = join(broken, "serve/skewless_bg.wasm");
  await writeFile(module, (await readFile(module)).subarray(0, 1000));
});
after(() => rm(broken, { recursive: true, force: true }));

const asked = (path, { method = "POST", ...headers } = {}) => new Request(`http://localhost${path}`, { method, headers: { ...LENT, ...headers } });

/** What every refusal says, whoever wrote it. */
async function checkRefusal(answer, path, status, code) {
  const text = await answer.text();
  const { error, parameters } = JSON.parse(text);
  const told = path.startsWith("/v2") ? parameters.error : error;
  if (path.startsWith("/v2")) assert.equal(error, `${told.code}: ${told.message}`);
  assert.deepEqual([answer.status, told.code, answer.headers.get("x-skewless-error")], [status, code, code], path);
  assert.equal(answer.headers.get("access-control-allow-origin"), ORIGIN, path);
  assert.equal(answer.headers.get("vary"), "origin", path);
  assert.match(answer.headers.get("access-control-expose-headers"), /x-skewless-error/, path);
  assert.equal(answer.headers.get("content-type"), "application/json", path);
  assert.match(answer.headers.get("server-timing") ?? "", /^\w+;dur=[\d.]+/, path);
  assert.ok(answer.headers.get("x-request-id"), path);
  assert.equal(answer.headers.get("retry-after"), status === 503 ? "1" : null, path);
}

test("after a trap, and where a body breaks off", async () => {
  const entries = [];
  const handle = await createHandler(bytes, { ...OPTIONS, log: (entry) => entries.push(entry) });
  const good = await handle(asked("/v2", { method: "GET" }));
  const facts = FACTS.map((name) => good.headers.get(name));
  assert.ok(facts.every(Boolean));
  for (const path of PATHS) {
    const gone = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    const cut = new Request(`http://localhost${path}`, { method: "POST", headers: LENT, body: gone, duplex: "half" });
    for (const [request, status, code] of [[trapping(path, LENT), 500, "internal.trap"], [cut, 400, "request.aborted"]]) {
      const answer = await handle(request);
      await checkRefusal(answer, path, status, code);
      assert.deepEqual(FACTS.map((name) => answer.headers.get(name)), facts, path);
      const entry = entries.at(-1);
      assert.deepEqual([entry.status, entry.code, entry.digest], [status, code, facts[2]]);
    }
  }
});

test("where variables name no source", async () => {
  const handle = createLazyHandler(sourceFrom, () => OPTIONS);
  for (const path of PATHS) await checkRefusal(await handle(asked(path), {}), path, 503, "config.invalid_value");
});

test("where there is no bundle yet", async () => {
  const source = { read: async () => Promise.reject(new Error("no such place")) };
  for (const path of PATHS) await checkRefusal(await createLazyHandler(() => source, OPTIONS)(asked(path)), path, 503, "internal.source");
});

test("where WebAssembly can't be started", async () => {
  const { createLazyHandler: lazily } = await served(broken);
  for (const path of PATHS) await checkRefusal(await lazily(() => bytes, OPTIONS)(asked(path)), path, 503, "internal.not_started");
  // And all else as it is where WebAssembly runs, but has no bundle.
  const source = { read: async () => Promise.reject(new Error("no such place")) };
  const preflight = { method: "OPTIONS", "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
  const cases = [
    ["/v2/health/live", { method: "GET" }],
    ["/v2/health/ready", { method: "HEAD" }],
    ["/invocations", preflight],
    ["/invocations", { origin: "https://other.example" }],
    ["/v2", { method: "GET" }],
    ["/v20", { method: "GET" }],
  ];
  for (const origins of [[ORIGIN], "*", []]) {
    for (const [path, head] of cases) {
      const options = { ...OPTIONS, cors: { origins } };
      const [without, withIt] = await Promise.all([lazily(() => bytes, options), createLazyHandler(() => source, options)].map((handle) => handle(asked(path, head))));
      const what = `${path} ${JSON.stringify(head)} ${origins}`;
      const said = async (answer) => [
        answer.status,
        ...["access-control-allow-origin", "vary", "retry-after", "content-type"].map((name) => answer.headers.get(name)),
        Object.keys(JSON.parse((await answer.text()) || "{}")),
      ];
      assert.deepEqual(await said(without), await said(withIt), what);
    }
  }
  const answer = await lazily(() => bytes, OPTIONS)(asked("/invocations", preflight));
  assert.equal(answer.headers.get("access-control-allow-methods"), "POST");
  assert.equal(answer.headers.get("access-control-allow-headers"), "content-type");
});

test("where no `Request` can be made of what Node's server has read", async () => {
  const entries = [];
  const handle = await createHandler(bytes, { ...OPTIONS, log: (entry) => entries.push(entry) });
  const server = await listen(handle, { port: 0, hostname: "127.0.0.1" });
  // One connection for all: none of them ends it.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let sockets = 0;
  server.on("connection", () => (sockets += 1));
  const send = async (method, path) => {
    const sent = request({ port: server.address().port, agent, method, path, headers: LENT });
    sent.end();
    const [message] = await once(sent, "response");
    return new Response(await message.toArray().then((pieces) => Buffer.concat(pieces)), { status: message.statusCode, headers: message.headers });
  };
  try {
    for (const [method, path, status, code] of [
      ["GET", "//", 404, "request.unknown_path"],
      ["GET", "//other.example/ping", 404, "request.unknown_path"],
      ["GET", "http://", 404, "request.unknown_path"],
      ["GET", "http://a:1:2/ping", 404, "request.unknown_path"],
      ["TRACE", "/invocations", 405, "request.method_not_allowed"],
      ["TRACE", "/v2/health/live", 405, "request.method_not_allowed"],
      ["TRACE", "//", 404, "request.unknown_path"],
    ]) {
      await checkRefusal(await send(method, path), path, status, code);
      const entry = entries.at(-1);
      assert.deepEqual([entry.event, entry.method, entry.status, entry.code], ["request", method, status, code], path);
    }
    for (const path of ["/ping?a=1", "http://user:secret@other.example/ping"]) {
      assert.equal((await send("GET", path)).status, 200, path);
      assert.equal(entries.at(-1).path, "/ping");
    }
    assert.equal(sockets, 1);
  } finally {
    agent.destroy();
    server.close();
  }
});
