// How bundles are loaded: from every kind of source, watched, called off, pinned to a digest, and by which package.

import assert from "node:assert/strict";
import { existsSync, openAsBlob } from "node:fs";
import { cp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { load, SkewlessError } from "../../web/dist/node.js";
import { load as remoteLoad } from "../../web/dist/worker-client-node.js";
import { asGraph, asNetwork, changed } from "./bundles.mjs";
import { dist, paths, root } from "./harness.mjs";

const path = paths().bundle;
const bytes = new Uint8Array(await readFile(path));
const { info } = await load(bytes);
const other = "0".repeat(64);

/** A server that answers as the address asks, and counts. */
async function site() {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    if (request.url === "/none") return response.writeHead(404).end();
    if (request.url === "/torn") return response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 5000), () => response.destroy());
    // The rest never comes.
    if (request.url === "/slow") return response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 5000));
    const length = request.url === "/chunked" ? {} : { "content-length": bytes.length };
    response.writeHead(200, { "content-type": "application/octet-stream", ...length }).end(bytes);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}`, asked, close };
}

let server;
before(async () => {
  server = await site();
});
after(() => server?.close());

describe("a bundle comes from", () => {
  const padded = new Uint8Array(bytes.length + 16);
  padded.set(bytes, 8);
  const sources = {
    "a path": () => path,
    "a file's URL": () => pathToFileURL(path),
    "an address": () => `${server.url}/bundle`,
    "a URL": () => new URL(`${server.url}/bundle`),
    "a Response": () => fetch(`${server.url}/bundle`),
    "a Response of our own": () => new Response(bytes),
    "an ArrayBuffer": () => bytes.slice().buffer,
    "a Uint8Array": () => bytes,
    "a part of a Uint8Array": () => padded.subarray(8, -8),
    "a DataView": () => new DataView(padded.buffer, 8, bytes.length),
    "a Blob": () => new Blob([bytes]),
    "a file's Blob": () => openAsBlob(path),
    "a File": () => new File([bytes], "flights.skw"),
  };
  for (const [name, source] of Object.entries(sources)) {
    test(name, async () => {
      const steps = [];
      const controller = new AbortController();
      const model = await load(await source(), { onProgress: (progress) => steps.push(progress), signal: controller.signal });
      assert.equal(model.info.digest, info.digest);
      assert.ok(steps.length > 0 && steps.every(({ loaded }, at) => at === 0 || loaded > steps[at - 1].loaded), JSON.stringify(steps));
      assert.equal(steps.at(-1).loaded, bytes.length);
      if (name !== "a Response of our own") assert.ok(steps.every(({ total }) => total === bytes.length), JSON.stringify(steps));
      assert.equal((await load(await source())).info.digest, info.digest);
    });
  }

  test("an answer that does not tell its length", async () => {
    const totals = new Set();
    await load(`${server.url}/chunked`, { onProgress: ({ total }) => totals.add(total) });
    assert.deepEqual([...totals], [undefined]);
  });

  for (const source of [42, null, undefined, {}, [], true, Symbol("bundle"), 1n, () => bytes]) {
    test(`nothing like ${typeof source} ${String(source)}`, async () => {
      await assert.rejects(load(source), { name: "SkewlessError", code: "misuse.source", kind: "misuse" });
    });
  }
});

describe("what can't be read is coded", () => {
  const cases = [
    ["a status", () => `${server.url}/none`, { code: "input.unreachable", value: "404" }],
    ["the status of a Response", () => fetch(`${server.url}/none`), { code: "input.unreachable", value: "404" }],
    ["an answer that ends too early", () => `${server.url}/torn`, { code: "input.unreachable" }],
    ["a Response that ends too early", () => fetch(`${server.url}/torn`), { code: "input.unreachable" }],
    ["a server that is not there", () => "http://127.0.0.1:9/x.skw", { code: "input.unreachable" }],
    ["a file that is not there", () => "no/such.skw", { code: "input.unreachable" }],
    ["no address", () => "http://", { code: "input.unreachable" }],
  ];
  for (const [name, source, expected] of cases) {
    test(name, async () => {
      await assert.rejects(async () => load(await source()), (error) => {
        assert.ok(error instanceof SkewlessError, String(error));
        assert.deepEqual({ ...expected, ...pick(error, expected) }, expected);
        return true;
      });
    });
  }
});

const pick = (error, keys) => Object.fromEntries(Object.keys(keys).map((key) => [key, error[key]]));

describe("a signal calls off", () => {
  const reason = new Error("enough");
  const aborted = { name: "SkewlessError", code: "input.aborted", cause: reason };

  test("what has not begun", async () => {
    const { length } = server.asked;
    for (const source of [`${server.url}/bundle`, bytes, path, new Blob([bytes]), new Response(bytes)]) {
      await assert.rejects(load(source, { signal: AbortSignal.abort(reason) }), aborted);
    }
    assert.ok(server.asked.length - length <= 1);
  });

  const ways = {
    "an address that is being read": () => `${server.url}/slow`,
    "a Response that is being read": () => fetch(`${server.url}/slow`),
  };
  for (const [name, source] of Object.entries(ways)) {
    test(name, async () => {
      const controller = new AbortController();
      const onProgress = () => controller.abort(reason);
      await assert.rejects(load(await source(), { signal: controller.signal, onProgress }), aborted);
    });
  }

  test("an address that has not answered, by a timeout", async () => {
    const silent = createServer(() => {});
    await new Promise((listening) => silent.listen(0, "127.0.0.1", listening));
    await assert.rejects(load(`http://127.0.0.1:${silent.address().port}/`, { signal: AbortSignal.timeout(50) }), (error) => {
      assert.deepEqual([error.code, error.cause.name], ["input.aborted", "TimeoutError"]);
      return true;
    });
    silent.closeAllConnections();
    silent.close();
  });

  test("nothing when all has been read", async () => {
    const controller = new AbortController();
    const model = await load(bytes, { signal: controller.signal });
    controller.abort();
    assert.equal(model.predict(info.example).label, (await load(bytes)).predict(info.example).label);
  });
});

describe("options of wrong types", () => {
  const cases = { expectDigest: [5, null, {}], signal: ["no", 1, {}, true], onProgress: ["no", 1, {}, []] };
  for (const [field, values] of Object.entries(cases)) {
    test(field, async () => {
      for (const value of values) {
        for (const open of [load, remoteLoad]) {
          for (const source of [bytes, path, `${server.url}/bundle`]) {
            await assert.rejects(open(source, { [field]: value }), { name: "SkewlessError", code: "misuse.options", kind: "misuse", field });
          }
        }
      }
    });
  }

  test("worker", async () => {
    const half = { postMessage() {} };
    for (const worker of [{}, 5, "worker", half, { addEventListener() {}, ...half }]) {
      for (const source of [bytes, path, `${server.url}/bundle`]) {
        await assert.rejects(remoteLoad(source, { worker }), { name: "SkewlessError", code: "misuse.options", kind: "misuse", field: "worker" });
      }
    }
    assert.equal((await remoteLoad(bytes, { worker: null })).info.digest, info.digest);
  });

  test("null is none", async () => {
    for (const open of [load, remoteLoad]) {
      for (const options of [null, { signal: null, onProgress: null }]) assert.equal((await open(`${server.url}/bundle`, options)).info.digest, info.digest);
    }
  });
});

describe("what onProgress throws is thrown on", () => {
  const own = new RangeError("of the page");
  const sources = {
    "bytes": () => bytes,
    "a path": () => path,
    "an address": () => `${server.url}/bundle`,
    "a Response": () => fetch(`${server.url}/bundle`),
    "a Blob": () => new Blob([bytes]),
  };
  for (const [name, source] of Object.entries(sources)) {
    test(`of ${name}`, async () => {
      const onProgress = () => {
        throw own;
      };
      for (const open of [load, remoteLoad]) {
        await assert.rejects(open(await source(), { onProgress }), (error) => error === own);
        // A worker is left in order.
        assert.equal((await open(await source())).info.digest, info.digest);
      }
    });
  }
});

describe("a digest", () => {
  const packages = { skewless: "node.js", "skewless/network": "network/node.js" };
  for (const [name, file] of Object.entries(packages)) {
    test(`that is expected of ${name}`, async () => {
      const { load } = await import(pathToFileURL(join(dist, file)).href);
      assert.equal((await load(bytes, { expectDigest: info.digest })).info.digest, info.digest);
      for (const expectDigest of [other, "", info.digest.toUpperCase(), info.digest.slice(1)]) {
        await assert.rejects(load(bytes, { expectDigest }), { code: "bundle.unexpected_digest", kind: "invalid_bundle" });
      }
    });
  }

  test("comes before everything that a bundle's parts say", async () => {
    await assert.rejects(load(asGraph(bytes), { expectDigest: other }), { code: "bundle.unexpected_digest" });
  });

  test("stays expected when a trap has taken the instance away", async () => {
    const model = await load(bytes, { expectDigest: info.digest });
    const hostile = new Proxy({}, {
      getOwnPropertyDescriptor() {
        throw new Error("thrown in the middle of a call");
      },
    });
    assert.throws(() => model.predict(hostile), { code: "internal.trap" });
    assert.equal(model.predict(info.example).label, model.predict(info.example).label);
  });

  test("is what a cache needs", async () => {
    await assert.rejects(load(bytes, { cache: true }), { code: "misuse.cache" });
    await assert.rejects(load(bytes, { expectDigest: 5 }), { code: "misuse.options" });
    assert.equal((await load(bytes, null)).info.name, "flights");
    // Node has no caches: the bundle is fetched every time.
    const { length } = server.asked;
    for (let time = 0; time < 2; time++) await load(`${server.url}/bundle`, { cache: true, expectDigest: info.digest });
    assert.equal(server.asked.length - length, 2);
  });
});

describe("a bundle that the module does not know", () => {
  test("is one that the tests make", () => assert.deepEqual(changed(bytes, {}), bytes));

  const full = existsSync(join(dist, "full/skewless_full_bg.wasm"));
  const reached = full ? /^bundle\./ : /^unsupported\.engine$/;
  for (const [name, file] of Object.entries({ skewless: "node.js", "skewless/network": "network/node.js" })) {
    test(`is opened by the general engine behind ${name}`, async () => {
      const { load } = await import(pathToFileURL(join(dist, file)).href);
      await assert.rejects(load(asGraph(bytes)), (error) => {
        assert.match(error.code, reached);
        if (!full) assert.match(error.message, /built without the general engine: `cargo xtask web --full`/);
        return true;
      });
    });
  }

  test("is opened by the module for networks", async () => {
    // That module reads the plan on, and finds no network there.
    await assert.rejects(load(asNetwork(bytes)), { code: "bundle.invalid_plan" });
  });

  test("names the package that is missing", async () => {
    const place = join(root, "target/lean");
    await rm(place, { recursive: true, force: true });
    for (const file of ["node.js", "skewless_bg.wasm", "package.json"]) await cp(join(dist, file), join(place, file));
    const { load } = await import(pathToFileURL(join(place, "node.js")).href);
    assert.equal((await load(bytes)).info.digest, info.digest);
    for (const [bundle, missing] of [[asGraph(bytes), "full"], [asNetwork(bytes), "network"]]) {
      await assert.rejects(load(bundle), (error) => {
        assert.equal(error.code, "unsupported.engine");
        assert.match(error.message, new RegExp(`\`skewless/${missing}\`$`));
        assert.equal(error.cause.code, "ERR_MODULE_NOT_FOUND");
        return true;
      });
    }
  });
});
