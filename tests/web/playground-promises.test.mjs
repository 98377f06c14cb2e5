// Downloads of the batch tab hold the bytes of `skewless predict`, intervals and sets of labels among them; and the record tab promises the same.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { violations } from "./accessibility.mjs";
import { launch } from "./browser.mjs";
import { root } from "./harness.mjs";
import { packedKind } from "./kinds.mjs";
import { answered, downloaded, play, siteOf, tab } from "./playing.mjs";
import { predicted, predictions } from "./program.mjs";
import { byQuantiles, promising } from "./promising.mjs";

let browser;
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "skewless-promises-"));
  browser = await launch();
});
const sites = [];
after(async () => {
  await browser?.close();
  for (const site of sites) site.close();
  if (folder) await rm(folder, { recursive: true });
});

async function opened(bundle) {
  const site = await siteOf(bundle);
  sites.push(site);
  return play(browser, `${site.url}/`);
}

/** A file of the bundle's golden records, one that lacks all inputs, and their first with each change. */
async function tableOf(bundle, name, changes = []) {
  const { info } = await load(bundle);
  const golden = info.golden.map(({ record }) => record);
  const records = [...golden, {}, ...changes.map((change) => ({ ...golden[0], ...change }))];
  const table = join(folder, `${name}.jsonl`);
  await writeFile(table, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return { table, info };
}

/** Downloads both files and holds them to the program's. */
async function checkDownloads(page, bundle, table) {
  await answered(page, table);
  for (const [format, name] of [["jsonl", /Download JSON lines/], ["csv", /Download CSV/]]) {
    const [found, due] = [await downloaded(page, name), await predicted(bundle, table, format)];
    assert.deepEqual(found.split("\n"), due.split("\n"), format);
    assert.ok(found === due, `the bytes of the ${format}`);
  }
}

/** A number as the page says it. */
const figure = (value) => new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(value).replace("-", "−");
const words = (label) => label.replaceAll(/[_.-]+/g, " ").trim();

const CASES = {
  "an interval": ["diabetes", { method: "split", confidence: 0.9, quantile: 41.3 }],
  "an interval from quantiles": ["quantiles", { method: "cqr", confidence: 0.8 }],
  "no interval": ["diabetes", { method: "split", confidence: 0.9, quantile: null }],
  "a set by lac": ["wine", { method: "lac", confidence: 0.9, quantile: 0.05 }],
  "a set by aps": ["wine", { confidence: 0.95, method: "aps", quantile: 0.97 }],
  "a set of two labels by carrier": [
    "flights",
    { by: "carrier", confidence: 0.9, groups: [{ quantile: 0.5, value: "AA" }, { quantile: null, value: "EV" }, { quantile: 0.2, value: "UA" }], method: "lac", quantile: 0.7 },
    [{ carrier: "??" }],
  ],
};

for (const [said, [name, conformal, changes]] of Object.entries(CASES)) {
  test(`${said} stands in the downloads, in the table and beside a record`, async () => {
    const bundle = conformal.method === "cqr" ? await byQuantiles(folder) : join(folder, `${name}.skw`);
    if (conformal.method !== "cqr") await writeFile(bundle, promising(await readFile(join(root, `models/${name}/${name}.skw`)), conformal));
    const { table, info } = await tableOf(bundle, name, changes);
    const { page, complaints } = await opened(bundle);

    const due = await predictions(bundle, table);
    const sure = `ith ${conformal.confidence * 100} % confidence`;
    const promise = ({ interval, set }) => {
      if (set) return set.length === 0 ? "no label is likely enough" : set.map(words).join(" or ");
      return `${interval.map(figure).join(" to ")}${info.unit ? ` ${info.unit}` : ""}`;
    };
    for (const answer of due.slice(0, 3)) {
      const expected = answer.interval === null ? "too few rows for an interval" : `w${sure}: ${promise(answer)}`;
      const notes = await page.locator("#answer .note").allTextContents();
      assert.equal(notes.at(-1), expected);
      await page.locator("#another").click();
    }

    await checkDownloads(page, bundle, table);
    const heads = await page.locator(".answers thead th").allTextContents();
    assert.equal(heads.at(-1), `W${sure}`);
    const shown = await page.locator(".answers tbody tr td:last-child").allTextContents();
    const brief = ({ interval, set }) => (set ? set.map(words).join(" or ") || "no label" : (interval?.map(figure).join(" to ") ?? "no interval"));
    assert.deepEqual(shown, due.slice(0, shown.length).map(brief));
    assert.equal(shown.length, 20);
    assert.deepEqual(await page.evaluate(violations), []);
    assert.deepEqual(complaints, []);
  });
}

test("labels that read as integers keep their probabilities", async () => {
  const { bundle, rows } = await packedKind("multiclass", folder, ["--labels", "10,2,-1"]);
  const { page, complaints } = await opened(bundle);
  await checkDownloads(page, bundle, rows);
  const [head] = (await predicted(bundle, rows, "csv")).split("\n");
  assert.match(head, /^label,probability_10,probability_2,probability_-1,/);
  await tab(page, "bundle");
  await page.locator("#golden-said").filter({ hasText: /^All \d+ golden rows give the bundle's numbers/ }).waitFor();
  assert.equal(await page.locator(".ticks .bad").count(), 0);
  assert.deepEqual(complaints, []);
});

test("numbers of every size are written as the program writes them", async () => {
  const { bundle } = await packedKind("linear", folder);
  const table = join(folder, "sizes.jsonl");
  const { info } = await load(bundle);
  const loads = [0, 1e-9, 1e-3, 5000];
  const shifts = [-0, 1, 1e-7, 1e5, 1e9, 1e15, 1e19, 1e20, 1e21, 1e25, -1e300, 1e308];
  const records = loads.flatMap((load) => shifts.map((shift) => ({ ...info.example, load, shift })));
  await writeFile(table, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  const { page, complaints } = await opened(bundle);
  await checkDownloads(page, bundle, table);
  assert.match(await predicted(bundle, table, "jsonl"), /\d\.\d*e\+\d\d/);
  assert.deepEqual(complaints, []);

  const small = join(root, "models/wine/wine.skw");
  const { table: wines } = await tableOf(small, "small");
  const { page: other } = await opened(small);
  await checkDownloads(other, small, wines);
  const written = await predicted(small, wines, "csv");
  for (const size of [/,0\.0000\d+,/, /e-[6-9],/, /e-1\d,/]) assert.match(written, size);
});
