// Pages that use the package, without a bundler and built by three, in Chromium under the strict policy.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";

import { launch, openPage } from "../web/browser.mjs";
import { POLICY, serve } from "../web/harness.mjs";
import { answers, install, run } from "./harness.mjs";

/** Both versions build the same page. */
const VITES = ["vite", "vite-7"];

/** Builds a consumer; gives the folder that a site would serve. */
const BUILDS = {
  browser: async () => install("browser"),
  "import-map": async () => install("import-map"),
  ...Object.fromEntries(VITES.map((version) => [version, async () => built(version, [])])),
  esbuild: async () => built("esbuild", ["index.html", "flights.skw"]),
  webpack: async () => built("webpack", ["index.html"]),
};

/** The strict policy; an import map stands in the page, so that the policy names its digest. */
async function policyFor(folder) {
  const page = await readFile(join(folder, "index.html"), "utf8");
  const map = /<script type="importmap">([^]*?)<\/script>/.exec(page)?.[1];
  if (map === undefined) return POLICY;
  const digest = createHash("sha256").update(map).digest("base64");
  return POLICY.replace("script-src", `script-src 'sha256-${digest}'`);
}

async function built(name, files) {
  const folder = await install(name);
  await run(folder, "npm", "run", "--silent", "build");
  const site = join(folder, "dist");
  for (const file of ["record.json", "network.skw", "network.json", ...files]) await cp(join(folder, file), join(site, file));
  return site;
}

describe("a page", () => {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());

  for (const [name, build] of Object.entries(BUILDS)) {
    test(name, async () => {
      const folder = await build();
      const site = await serve({ "/": folder }, await policyFor(folder));
      try {
        await answersOf(site.url);
      } finally {
        site.close();
      }
    });
  }

  for (const version of VITES) {
    test(`${version}, while one develops`, async () => {
      const folder = await install(version);
      const program = join(folder, "node_modules/vite/bin/vite.js");
      const server = spawn(process.execPath, [program, "--host", "127.0.0.1", "--port", "0"], { cwd: folder, env: { ...process.env, NO_COLOR: "1" } });
      try {
        const lines = createInterface({ input: server.stdout });
        for await (const line of lines) {
          const url = /Local: +(\S+)/.exec(line)?.[1];
          if (url) return await answersOf(url);
        }
        assert.fail("vite serves nothing");
      } finally {
        server.kill();
      }
    });
  }

  async function answersOf(url) {
    const { page, complaints } = await openPage(browser);
    const asked = new Set();
    page.context().on("request", (request) => asked.add(new URL(request.url()).origin));
    await page.goto(url);
    const answer = page.locator("#answer:not(:empty)");
    const text = await answer.textContent({ timeout: 20_000 }).catch((error) => String(error));
    assert.deepEqual(complaints, []);
    assert.deepEqual(JSON.parse(text), answers);
    assert.deepEqual([...asked].filter((origin) => origin !== "null"), [new URL(url).origin]);
  }
});
