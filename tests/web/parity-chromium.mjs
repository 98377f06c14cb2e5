// Predicts every row in a real page under the strict policy, and prints the digests.

import { join } from "node:path";

import { launch, openPage } from "./browser.mjs";
import { dist, paths, report, root, serve } from "./harness.mjs";

const { bundle, rows } = paths();
const here = join(root, "tests/web");
const site = await serve({
  "/bundle.skw": bundle,
  "/rows.jsonl": rows,
  "/digest.mjs": join(here, "digest.mjs"),
  "/package/": dist,
  "/pages/": join(here, "pages"),
});
const browser = await launch();
try {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${site.url}/pages/parity.html`);
  const state = page.locator("#state:not(:text-is('running'))");
  const outcome = await state.textContent({ timeout: 240_000 });
  if (outcome !== "done" || complaints.length > 0) throw new Error([outcome, ...complaints].join("\n"));
  const { rows: count, single, batch } = await state.evaluate((element) => ({ ...element.dataset }));
  report("wasm-chromium-single", Number(count), single);
  report("wasm-chromium-batch", Number(count), batch);
} finally {
  await browser.close();
  site.close();
}
