// A graph in Node and in Chromium under the strict policy, by `skewless/full` and by the plain package, which must fetch
// it: `cargo xtask web --full` calls this.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { launch, openPage } from "./browser.mjs";
import { greatestDifference } from "./graph.mjs";
import { dist, paths, root, serve } from "./harness.mjs";

/** What the engine promises between targets. */
const BOUND = 1e-4;

function judge(host, { plain, full }) {
  console.log(`${host}: the greatest difference is ${full}, by the plain package ${plain}`);
  if (plain !== full || !(Number(full) <= BOUND)) throw new Error(`${host} does not hold`);
}

const { bundle, rows } = paths();
const text = await readFile(rows, "utf8");
const [plain, full] = await Promise.all(
  ["node.js", "full/node.js"].map(async (name) => {
    const { load } = await import(pathToFileURL(join(dist, name)).href);
    return greatestDifference(await load(bundle), text);
  }),
);
judge("node", { plain, full });

const here = join(root, "tests/web");
const site = await serve({
  "/bundle.skw": bundle,
  "/rows.jsonl": rows,
  "/graph.mjs": join(here, "graph.mjs"),
  "/package/": dist,
  "/pages/": join(here, "pages"),
});
const browser = await launch();
try {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${site.url}/pages/full.html`);
  const state = page.locator("#state:not(:text-is('running'))");
  const outcome = await state.textContent({ timeout: 240_000 });
  if (outcome !== "done" || complaints.length > 0) throw new Error([outcome, ...complaints].join("\n"));
  judge("chromium", await state.evaluate((element) => ({ ...element.dataset })));
} finally {
  await browser.close();
  site.close();
}
