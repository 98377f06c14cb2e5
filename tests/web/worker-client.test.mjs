// `skewless/worker-client`: the answers of the main thread, to the bit, from a worker; and a page that stays smooth.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { load as remoteLoad } from "../../web/dist/worker-client-node.js";
import { launch, openPage } from "./browser.mjs";
import { dist, paths, readRows, root, serve } from "./harness.mjs";
import { differences } from "./remote.mjs";

const { bundle, rows } = paths();

describe("in Node", () => {
  test("everything is as on the main thread", async () => {
    const records = await readRows(rows);
    const bytes = new Uint8Array(await readFile(bundle));
    assert.deepEqual(await differences({ load, remoteLoad, bundle, bytes, records }), []);
  });

  test("a path that leads nowhere, and addresses that are none", async () => {
    for (const address of ["no/such.skw", "http://", "http://a:1:2/", ""]) {
      for (const open of [load, remoteLoad]) await assert.rejects(open(address), { name: "SkewlessError", code: "input.unreachable", kind: "invalid_input" });
    }
  });
});

describe("in Chromium", () => {
  let browser;
  let site;
  before(async () => {
    site = await serve({
      "/bundle.skw": bundle,
      "/rows.jsonl": rows,
      "/remote.mjs": join(root, "tests/web/remote.mjs"),
      "/package/": dist,
      "/pages/": join(root, "tests/web/pages"),
    });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    site?.close();
  });

  /** Runs a function of pages/remote.mjs in a page under the strict policy. */
  async function inPage(name) {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${site.url}/pages/remote.html`);
    const result = await page.evaluate(async (name) => (await import("/pages/remote.mjs"))[name](), name);
    await page.close();
    return { result, complaints };
  }

  test("everything is as on the main thread", async () => {
    assert.deepEqual(await inPage("everything"), { result: [], complaints: [] });
  });

  test("the page stays smooth while a large batch is answered", async (context) => {
    const { result, complaints } = await inPage("smooth");
    const { here, there, same, rows } = result;
    context.diagnostic(`${rows} rows: the page waits ${there.toFixed(0)} ms at most with a worker, ${here.toFixed(0)} ms without`);
    assert.deepEqual([same, complaints], [true, []]);
    assert.ok(there < here / 4, `${there} ms against ${here} ms`);
  });

  test("a worker ends with its last model, and another begins", async () => {
    assert.deepEqual(await inPage("restarted"), { result: { workers: [0, 1, 1, 0, 1, 0] }, complaints: [] });
  });

  test("a worker of one's own is used and left alone", async () => {
    assert.deepEqual(await inPage("given"), { result: { answered: true, others: ["echo"], alive: true }, complaints: [] });
  });

  test("a worker that can't start is an error", async () => {
    const { result } = await inPage("missing");
    const atOnce = "SkewlessError internal.worker";
    assert.deepEqual(result, [atOnce, atOnce, "internal.worker", "internal.worker"]);
  });

  test("addresses and workers that are none are errors with a code", async () => {
    const address = "SkewlessError invalid_input input.unreachable";
    const worker = "SkewlessError misuse misuse.options worker";
    assert.deepEqual(await inPage("none"), { result: { addresses: Array(4).fill(address), workers: Array(3).fill(worker), answers: true }, complaints: [] });
  });

  test("WebAssembly is compiled once, while it arrives", async () => {
    assert.deepEqual(await inPage("compiled"), { result: { compileStreaming: 1, compile: 0, models: 2 }, complaints: [] });
  });

  test("loading is called off on its way", async () => {
    assert.deepEqual((await inPage("aborted")).result, Array(2).fill(["input.aborted", "enough", 1]));
  });

  test("a cache keeps bundles by digest, and a damaged one is fetched anew", async () => {
    const { result } = await inPage("cached");
    const absent = "input.unreachable";
    assert.deepEqual(result, {
      first: absent,
      handed: absent,
      kept: true,
      inWorker: true,
      foreign: absent,
      notAsked: absent,
      damaged: absent,
      again: true,
      mended: true,
    });
  });
});
