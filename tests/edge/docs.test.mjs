// The README's paths are the templates that run here, and docs/serving.md names what the protocol knows.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../web/harness.mjs";

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
