// A WebAssembly engine in a page of Chromium, which answers requests a line; see `runner.mjs`.
//
//   node tests/peers/chromium.mjs WORKS MODULES ENGINE

import { join } from "node:path";
import { createInterface } from "node:readline";

import { launch } from "../web/browser.mjs";
import { dist, root, serve } from "../web/harness.mjs";

const [works, modules, name] = process.argv.slice(2);
const site = await serve({
  "/works/": works,
  "/modules/": join(modules, "node_modules"),
  "/package/": dist,
  "/peers/": join(root, "tests/peers"),
});
const browser = await launch();
try {
  // A peer may make code from text, which the project's own pages forbid.
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(`${site.url}/peers/pages/bench.html?engine=${name}`);
  await page.locator("#state:text-is('ready')").waitFor();
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await page.evaluate((request) => globalThis.bench(request), JSON.parse(line)).catch((error) => ({
      error: String(error?.message ?? error).split("\n").slice(0, 3).join(" "),
    }));
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
} finally {
  await browser.close();
  site.close();
}
