// The page of web/README.md, copied out of it, in Chromium.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { load } from "../../web/dist/node.js";
import { launch, openPage } from "./browser.mjs";
import { dist, paths, POLICY, root, serve } from "./harness.mjs";

test("the plain page of the README shows a model's answer", async () => {
  const readme = await readFile(join(root, "web/README.md"), "utf8");
  const [, page] = /```html\n([^]*?)```/.exec(readme);
  // The project's README has the same page.
  assert.ok((await readFile(join(root, "README.md"), "utf8")).includes(`\`\`\`html\n${page}\`\`\``));
  assert.ok(page.trimEnd().split("\n").length <= 5);
  const folder = join(root, "target/readme");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "index.html"), `<!doctype html>\n<link rel="icon" href="data:," />\n${page}`);
  // A script inside a page has to be named by the policy.
  const [, script] = /<script type="module">([^]*?)<\/script>/.exec(page);
  const hash = `'sha256-${createHash("sha256").update(script).digest("base64")}'`;
  const { bundle } = paths();
  const files = { "/": folder, "/skewless/": dist, "/flights.skw": bundle };
  const site = await serve(files, POLICY.replace("'wasm-unsafe-eval'", `$& ${hash}`));
  const browser = await launch();
  try {
    const { page, complaints } = await openPage(browser);
    await page.goto(site.url);
    const shown = page.locator("output:not(:empty)");
    const model = await load(bundle);
    assert.equal(await shown.textContent({ timeout: 20_000 }).catch(String), model.predict(model.info.example).label);
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    site.close();
  }
});
