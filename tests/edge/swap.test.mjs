// Another bundle is taken under way, from every source that can have one; an unreadable one is not.

import assert from "node:assert/strict";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";

import { answered, anotherBundle, bundle, records } from "./cases.mjs";
import { root } from "../web/harness.mjs";
import { fileServer } from "./file-server.mjs";
import { asAsset, startHost, until } from "./hosts.mjs";
import { startVercel } from "./vercel.mjs";

const wrangler = await import(pathToFileURL(join(root, "tests/web/node_modules/wrangler/wrangler-dist/cli.js")).href);

const LINES = { "content-type": "application/x-ndjson" };

let another;
before(async () => {
  another = await anotherBundle();
});
after(() => another?.remove());

/** What wrangler keeps of a local bucket or namespace, as the host started with the same folder sees it. */
async function localBindings(folder, environment) {
  const path = join(folder, "state/v3");
  const { env, dispose } = await wrangler.getPlatformProxy({ configPath: join(folder, "wrangler.toml"), environment, persist: { path } });
  return { store: env.BUNDLES, dispose };
}

/** Each source: how a host is started on it, and how another bundle is put there. */
const SOURCES = {
  "R2 on workerd": () => stored("r2", (store, bytes) => store.put("flights.skw", bytes)),
  "KV on workerd": () => stored("kv", (store, bytes) => store.put("flights.skw", bytes)),
  "KV with versions on workerd": () => {
    let version = 0;
    return stored("kv", (store, bytes) => store.put("flights.skw", bytes, { metadata: { version: ++version } }));
  },
  "an address on workerd": () => addressed("workerd", true, ["--env", "url"]),
  "an address in Deno": () => addressed("deno", true),
  "an address without tags in Bun": () => addressed("bun", false),
  "an address in Vercel's edge runtime": () => reached(true, startVercel),
  "a file in Node": async () => {
    const host = await startHost("node", { bundle, settings: { SKEWLESS_CHECK_SECONDS: "0.2" } });
    return { host, put: (bytes) => replaced(join(host.folder, "flights.skw"), bytes), stop: host.stop };
  },
};

/** Puts other bytes in a file's place at once. */
async function replaced(path, bytes) {
  await writeFile(`${path}.next`, bytes);
  await rename(`${path}.next`, path);
}

async function stored(environment, write) {
  let bindings;
  // Bindings take no buffer of Node's.
  const put = (bytes) => write(bindings.store, new Uint8Array(bytes).buffer);
  const prepare = async (folder) => {
    await mkdir(join(folder, "state"), { recursive: true });
    bindings = await localBindings(folder, environment);
    await put(await readFile(bundle));
  };
  const settings = { SKEWLESS_CHECK_SECONDS: "0.2" };
  const flags = ["--env", environment, "--persist-to", "state"];
  let host;
  const stop = async () => {
    await host?.stop();
    await bindings?.dispose();
  };
  try {
    host = await startHost("workerd", { settings, flags, prepare, untouched: true });
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, put: (bytes) => put(bytes), stop };
}

function addressed(name, tagged, flags) {
  return reached(tagged, (settings) => startHost(name, { settings, flags, untouched: true }));
}

async function reached(tagged, start) {
  const server = await fileServer(tagged);
  const host = await start({ SKEWLESS_SOURCE: server.url, SKEWLESS_CHECK_SECONDS: "0.2" });
  const stop = async () => {
    await host.stop();
    server.close();
  };
  return { host, put: server.put, stop, asked: tagged ? server.asked : undefined };
}

for (const [name, start] of Object.entries(SOURCES)) {
  describe(name, () => {
    let source;
    before(async () => {
      source = await start();
    });
    after(() => source?.stop());
    const ready = async () => {
      const answer = await fetch(`${source.host.url}/v2/health/ready`);
      return { status: answer.status, body: await answer.json() };
    };
    const ask = async (record) => {
      const answer = await fetch(`${source.host.url}/invocations`, { method: "POST", headers: LINES, body: JSON.stringify(record) });
      assert.equal(answer.status, 200);
      return { text: (await answer.text()).trim(), version: answer.headers.get("x-skewless-version") };
    };
    const version = (wanted) => until(async () => (await ready()).body.version === wanted, `version ${wanted}`);

    test("requests that come together open the bundle once", async () => {
      const all = await Promise.all(records.slice(0, 8).map(ask));
      assert.deepEqual(all.map(({ text }) => text), answered.text.split("\n").slice(0, 8));
      const opened = () => source.host.entries().filter(({ outcome }) => outcome === "opened").length;
      // Lines of the log come when the host writes them.
      await until(opened, "the entry of the bundle");
      assert.equal(opened(), 1);
    });

    test("an unreadable bundle is told and not taken", async () => {
      await source.put(Buffer.from("this is no bundle"));
      const { body } = await until(async () => {
        const now = await ready();
        return now.body.refused_bundle && now;
      }, "the refusal");
      const { at, message, ...refused } = body.refused_bundle;
      assert.deepEqual([body.ready, body.version, refused], [true, "1.0.0", { code: "bundle.not_a_bundle" }]);
      assert.ok(message.length > 0 && !Number.isNaN(Date.parse(at)));
      assert.equal((await ask(records[0])).text, answered.text.split("\n")[0]);
      const entry = source.host.entries().find(({ outcome }) => outcome === "refused");
      assert.deepEqual([entry.level, entry.code], ["error", "bundle.not_a_bundle"]);
      assert.match(await (await fetch(`${source.host.url}/metrics`)).text(), /skewless_bundle_changes_total\{outcome="refused"\} 1\n/);
    });

    test("another bundle is taken, and what is under way ends with the old one", async () => {
      const request = http.request(`${source.host.url}/invocations`, { method: "POST", headers: LINES });
      request.write(`${JSON.stringify(records[0])}\n`);
      const begun = await new Promise((resolve, failed) => request.once("response", resolve).once("error", failed));
      assert.equal(begun.headers["x-skewless-version"], "1.0.0");
      await source.put(await readFile(another.path));
      await version("2.0.0");
      assert.equal((await ready()).body.refused_bundle, undefined);
      assert.deepEqual(await ask(another.record), { text: another.answer, version: "2.0.0" });
      // The stream from before is answered by the bundle from before.
      request.end(JSON.stringify(records[1]));
      let text = "";
      for await (const piece of begun.setEncoding("utf8")) text += piece;
      assert.deepEqual(text.trim().split("\n"), answered.text.split("\n").slice(0, 2));
      const entry = source.host.entries().find(({ outcome }) => outcome === "replaced");
      assert.deepEqual([entry.level, entry.version], ["info", "2.0.0"]);
    });

    test("nobody is refused while bundles change", async () => {
      let changing = true;
      let asked = 0;
      const asking = (async () => {
        while (changing) {
          // Either bundle takes a record of the one before for a bad row, and no request fails.
          const answer = await fetch(`${source.host.url}/invocations`, { method: "POST", headers: LINES, body: JSON.stringify(records[0]) });
          assert.equal(answer.status, 200);
          await answer.text();
          asked += 1;
        }
      })();
      await source.put(await readFile(bundle));
      await version("1.0.0");
      changing = false;
      await asking;
      assert.ok(asked > 0);
      assert.equal((await ask(records[0])).text, answered.text.split("\n")[0]);
      if (source.asked) await sentOnce(source.asked);
    });

    /** Four bundles were there in turn; what a server's tag says is unchanged is not sent again. */
    const sentOnce = async (asked) => {
      await until(async () => (await ready()) && asked.at(-1) === 304, "a question after the last bundle");
      assert.equal(asked.filter((status) => status === 200).length, 4);
    };
  });
}

test("a static asset on workerd is a deployment's: another one is opened by a fresh Worker", async () => {
  const host = await startHost("workerd", { bundle, settings: { SKEWLESS_CHECK_SECONDS: "0.2" }, flags: ["--env", "assets"], prepare: asAsset });
  try {
    const ask = async (record) => {
      const answer = await fetch(`${host.url}/invocations`, { method: "POST", headers: LINES, body: JSON.stringify(record) });
      return (await answer.text()).trim();
    };
    assert.equal(await ask(records[0]), answered.text.split("\n")[0]);
    await replaced(join(host.folder, "public/flights.skw"), await readFile(another.path));
    await until(async () => (await ask(another.record)) === another.answer, "the other bundle");
    const opened = () => host.entries().filter(({ event }) => event === "bundle").map(({ outcome, version }) => [outcome, version]);
    await until(() => opened().length > 1, "its entry");
    assert.deepEqual(opened(), [["opened", "1.0.0"], ["opened", "2.0.0"]]);
  } finally {
    await host.stop();
  }
});

describe("a server that fails", () => {
  let server;
  let host;
  before(async () => {
    server = await fileServer(true);
    server.put(undefined, 500);
    const settings = { SKEWLESS_SOURCE: server.url, SKEWLESS_CHECK_SECONDS: "0.2" };
    host = await startHost("workerd", { settings, flags: ["--env", "url"] });
  });
  after(async () => {
    await host?.stop();
    server?.close();
  });
  const ready = async () => {
    const answer = await fetch(`${host.url}/v2/health/ready`);
    return { status: answer.status, code: answer.headers.get("x-skewless-error"), body: await answer.json() };
  };

  test("leaves a host alive and not ready until it answers", async () => {
    const before = await ready();
    assert.deepEqual([before.status, before.code, before.body.parameters.error.code], [503, "input.unreachable", "input.unreachable"]);
    assert.equal((await fetch(`${host.url}/v2/health/live`)).status, 200);
    server.put(await readFile(bundle));
    const asked = server.asked.length;
    // For a second the failure is the answer; then the source is asked again.
    await until(async () => (await ready()).status === 200, "the bundle");
    assert.equal(server.asked.length, asked + 1);
  });

  test("leaves the bundle in use, and is told until it answers again", async () => {
    server.put(undefined, 500);
    const told = await until(async () => {
      const now = await ready();
      return now.body.refused_bundle && now;
    }, "the failure");
    assert.deepEqual([told.status, told.body.refused_bundle.code], [200, "input.unreachable"]);
    server.put(await readFile(bundle));
    await until(async () => (await ready()).body.refused_bundle === undefined, "the recovery");
  });

  test("does not make a refused bundle forgotten", async () => {
    const told = (code) => until(async () => (await ready()).body.refused_bundle?.code === code, code);
    const bad = server.put(Buffer.from("this is no bundle"));
    await told("bundle.not_a_bundle");
    server.put(undefined, 500);
    await told("input.unreachable");
    server.hold(bad);
    await told("bundle.not_a_bundle");
    server.put(await readFile(bundle));
    await until(async () => (await ready()).body.refused_bundle === undefined, "the recovery");
  });

  test("is asked by its tag, at most as often as it may be", async () => {
    const before = server.asked.length;
    const started = Date.now();
    while (Date.now() - started < 1000) await ready();
    const asked = server.asked.slice(before);
    assert.ok(asked.length >= 1 && asked.length <= 6, `${asked.length} times`);
    assert.ok(asked.every((status) => status === 304), asked.join(" "));
  });
});
