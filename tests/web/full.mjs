// `skewless/full` on a graph in Node and in Chromium under the strict policy: `cargo xtask web --full` calls this.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { launch, openPage } from "./browser.mjs";
import { greatestDifference, refusal } from "./graph.mjs";
import { dist, paths, root, serve } from "./harness.mjs";

/** What the engine promises between targets. */
const BOUND = 1e-4;

function judge(host, { refusal, difference }) {
  console.log(`${host}: the small package says ${refusal}, the greatest difference is ${difference}`);
  if (refusal !== "unsupported.engine" || !(Number(difference) <= BOUND)) throw new Error(`${host} does not hold`);
}

const { bundle, rows } = paths();
const [{ load: small }, { load }] = await Promise.all(
  ["node.js", "full/node.js"].map((name) => import(pathToFileURL(join(dist, name)).href)),
);
const model = await load(bundle);
judge("node", { refusal: await refusal(small, bundle), difference: greatestDifference(model, await readFile(rows, "utf8")) });

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
