// The README's paths are the templates that run here, and docs/serving.md names what the protocol knows.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { root } from "../web/harness.mjs";
import { install, PROGRAMS } from "./hosts.mjs";

const run = promisify(execFile);
const bundle = join(root, "models/flights/flights.skw");

const text = (path) => readFile(join(root, path), "utf8");

/** The block of code under a heading. */
function blockUnder(document, heading) {
  const section = document.split(`\n## ${heading}\n`)[1].split("\n## ")[0];
  return /```\w+\n([^]*?)```/.exec(section)[1];
}

test("README's Worker and Deno are the templates", async () => {
  const readme = await text("README.md");
  for (const [heading, template] of [["In a Worker", "web/workers/cloudflare/src/index.ts"], ["In Deno", "web/workers/deno/main.ts"]]) {
    const source = await text(template);
    // Without the first line, which says what the file is.
    assert.equal(blockUnder(readme, heading), source.replace(/^(\/\/.*\n)+\n/, ""), template);
  }
});

test("docs/serving.md has every setting, status and source", async () => {
  const document = await text("docs/serving.md");
  const settings = await text("crates/skewless-protocol/src/settings.rs");
  const names = [...settings.matchAll(/^ {12}"(\w+)" => /gm)].map(([, name]) => name);
  assert.equal(names.length, 7);
  for (const name of names) assert.ok(document.includes(`SKEWLESS_${name.toUpperCase()}`), name);
  const [failure] = (await text("crates/skewless-protocol/src/failure.rs")).split("#[cfg(test)]");
  for (const [, code] of failure.matchAll(/\("(request\.\w+|input\.\w+)", \d+\)/g)) assert.ok(document.includes(code), code);
  for (const kind of ["r2:", "kv:", "assets:", "https:"]) assert.ok(document.includes(`| \`${kind}`), kind);
});

test("docs/serving.md has what skewless/serve exports, and each of its codes", async () => {
  const document = await text("docs/serving.md");
  const files = ["public", "index", "node", "handler", "journal", "options", "sources", "supply", "listen"];
  const sources = await Promise.all(files.map((file) => text(`web/src/serve/${file}.ts`)));
  const functions = new Set();
  const exported = /^export (?:async )?(?:function|const) (\w+)|^export \{([^}]*)\}/gm;
  for (const source of sources.slice(0, 3)) {
    for (const [, name, list = ""] of source.matchAll(exported)) {
      const listed = list.split(",").map((item) => item.trim()).filter((item) => !item.startsWith("type "));
      for (const found of [name, ...listed]) if (found) functions.add(found);
    }
  }
  assert.ok(functions.size >= 9, [...functions].join());
  for (const name of functions) assert.ok(document.includes(`\`${name}`), name);
  for (const [, code] of sources.join().matchAll(/code: "([\w.]+)"/g)) assert.ok(document.includes(`\`${code}\``), code);
});

test("the templates run under the Deno and the Bun that the package's consumers run under", async () => {
  const programs = async (folder) => {
    const { bun, deno } = JSON.parse(await text(`tests/${folder}/package.json`)).devDependencies;
    return { bun, deno };
  };
  assert.deepEqual(await programs("edge"), await programs("consumers"));
});

test("Deno's template has the types that the package declares", async () => {
  const folder = await install("deno");
  try {
    await run(join(PROGRAMS, "deno/deno"), ["check", "main.ts"], { cwd: folder, env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the Worker's README puts a bundle where the Worker reads it", async () => {
  const readme = await text("web/workers/cloudflare/README.md");
  const commands = Object.fromEntries([...readme.matchAll(/^\| `--env (\w+)` .*\| `wrangler (.+)` \|$/gm)].map(([, env, command]) => [env, command]));
  assert.deepEqual(Object.keys(commands), ["r2", "kv"]);
  const { getPlatformProxy } = await import(pathToFileURL(join(root, "tests/web/node_modules/wrangler/wrangler-dist/cli.js")).href);
  const folder = await install("cloudflare", bundle);
  const env = { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false" };
  const expected = await readFile(bundle);
  try {
    for (const [environment, command] of Object.entries(commands)) {
      const local = command.replace("--remote", "--local --persist-to state");
      const parameters = [...local.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
      await run(join(root, "tests/web/node_modules/.bin/wrangler"), parameters, { cwd: folder, env });
      const { env: bound, dispose } = await getPlatformProxy({ configPath: join(folder, "wrangler.toml"), environment, persist: { path: join(folder, "state/v3") } });
      const found =
        environment === "r2"
          ? { value: await (await bound.BUNDLES.get("flights.skw")).arrayBuffer() }
          : await bound.BUNDLES.getWithMetadata("flights.skw", { type: "arrayBuffer" });
      assert.ok(expected.equals(Buffer.from(found.value)), environment);
      if (environment === "kv") assert.deepEqual(found.metadata, { version: 1 });
      await dispose();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
