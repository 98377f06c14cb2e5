// What the playground counts, held to the program and to the package: who answers a file, distributions, labels and drift; and what all of it is called to those who cannot see it.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { launch } from "./browser.mjs";
import { paths, readRows, root } from "./harness.mjs";
import { answered, play, siteOf, tab } from "./playing.mjs";
import { predictions } from "./program.mjs";

const flights = paths().bundle;

let browser;
let folder;
let records;
/** Records of flights, some of which fail. */
let table;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "skewless-numbers-"));
  browser = await launch();
  records = (await readRows(paths().rows)).map((record, row) => (row % 90 === 7 ? { ...record, distance: -1 } : record));
  table = join(folder, "flights.jsonl");
  await writeFile(table, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
});
const sites = [];
after(async () => {
  await browser?.close();
  for (const site of sites) site.close();
  if (folder) await rm(folder, { recursive: true });
});

async function addressOf(bundle) {
  const site = await siteOf(bundle);
  sites.push(site);
  return `${site.url}/`;
}

const opened = async (bundle) => play(browser, await addressOf(bundle));

/** The golden records of one of the models as a file, and what is known of the model. */
async function golden(name) {
  const bundle = join(root, `models/${name}/${name}.skw`);
  const { info } = await load(bundle);
  const file = join(folder, `${name}.jsonl`);
  await writeFile(file, info.golden.map(({ record }) => `${JSON.stringify(record)}\n`).join(""));
  return { bundle, info, file };
}

/** The cells of a table, which may be folded away. */
const cells = (page, name) =>
  page.getByRole("table", { name, includeHidden: true }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));

const count = (value) => value.toLocaleString("en");
const percent = (value) => `${(value * 100).toFixed(1)}\u00a0%`;
const figure = (value) => new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(value).replace("-", "−");
const words = (name) => name.replaceAll(/[_.-]+/g, " ").trim();
const title = (name) => words(name).replace(/^./, (first) => first.toUpperCase());
const spread = (low, high) => Array.from({ length: 21 }, (_, at) => low + ((high - low) * at) / 20);

test("a file is answered in a worker", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  // Notes what is asked of workers and what they answer.
  await page.addInitScript(() => {
    const { Worker } = globalThis;
    globalThis.asked = [];
    globalThis.answeredRows = 0;
    globalThis.Worker = class extends Worker {
      constructor(...given) {
        super(...given);
        this.addEventListener("message", ({ data }) => (globalThis.answeredRows += data.result?.labels?.length ?? 0));
      }
      postMessage(message, transfer) {
        globalThis.asked.push(message.method ?? message.ask);
        super.postMessage(message, transfer);
      }
    };
  });
  await page.goto(await addressOf(flights));
  await page.locator("#form").waitFor();
  assert.equal(page.workers().length, 0);
  await answered(page, table);
  const [worker, ...others] = page.workers();
  assert.deepEqual(others, []);
  assert.match(worker.url(), /\/worker\.js$/);
  const { asked, answeredRows } = await page.evaluate(() => ({ asked: globalThis.asked, answeredRows: globalThis.answeredRows }));
  assert.equal(asked[0], "load");
  assert.equal(asked.filter((method) => method === "predictBatch").length, 1);
  assert.equal(answeredRows, records.length);
});

/** Rows by bin, each closed below: `[between, rows]`. */
function binned(values, edges, say) {
  const inner = edges.slice(1, -1);
  const rows = edges.slice(1).map(() => 0);
  for (const value of values) rows[inner.filter((edge) => edge <= value).length] += 1;
  return rows.map((rows, at) => [`${say(edges[at])} to ${say(edges[at + 1])}`, count(rows)]);
}

test("the distribution and the labels of two labels are counted from `skewless predict`", async () => {
  const { page, complaints } = await opened(flights);
  const { info } = await load(flights);
  await answered(page, table);
  const said = (await predictions(flights, table)).filter(({ error }) => !error);
  assert.ok(said.length < records.length);
  const edges = [0, ...info.profile.predictions.edges, 1];
  assert.deepEqual(await cells(page, "Distribution of predictions"), binned(said.map(({ probability }) => probability), edges, percent));
  assert.deepEqual(await cells(page, "Rows by label"), byLabel(said, info.labels));
  assert.deepEqual(complaints, []);
});

function byLabel(said, labels) {
  return labels.map((name) => {
    const rows = said.filter(({ label }) => label === name).length;
    return [words(name), count(rows), percent(rows / said.length), ""];
  });
}

test("those of several labels are", async () => {
  const { bundle, info, file } = await golden("wine");
  const { page, complaints } = await opened(bundle);
  await answered(page, file);
  const said = await predictions(bundle, file);
  assert.deepEqual(await cells(page, "Distribution of predictions"), binned(said.map(({ label, probabilities }) => probabilities[label]), spread(0, 1), percent));
  assert.deepEqual(await cells(page, "Rows by label"), byLabel(said, info.labels));
  assert.deepEqual(complaints, []);
});

test("that of numbers is", async () => {
  const { bundle, file } = await golden("diabetes");
  const { page, complaints } = await opened(bundle);
  await answered(page, file);
  const values = (await predictions(bundle, file)).map(({ value }) => value);
  assert.deepEqual(await cells(page, "Distribution of predictions"), binned(values, spread(Math.min(...values), Math.max(...values)), figure));
  assert.equal(await page.getByRole("table", { name: "Rows by label" }).count(), 0);
  assert.deepEqual(complaints, []);
});

/** Counts bin by bin, of an input or of the predictions. */
function countsOf({ missing, counts, edges }) {
  if (edges) return counts;
  if (counts.numbers) return [...counts.numbers.counts, missing];
  const { counts: listed, other, out_of_vocabulary: unknown } = counts.categories;
  return [...listed, other, unknown, missing];
}

/** The population stability index with half a row in an empty bin, and what it says of so many rows. */
function drift(asked, reference) {
  const used = asked.map((rows, at) => [rows, reference[at]]).filter(([ours, theirs]) => ours + theirs > 0);
  const [ours, theirs] = [0, 1].map((side) => used.reduce((sum, pair) => sum + pair[side], 0));
  let index = 0;
  for (const [a, e] of used) {
    const [share, due] = [Math.max(a, 0.5) / ours, Math.max(e, 0.5) / theirs];
    index += (share - due) * (Math.log(share) - Math.log(due));
  }
  const free = Math.max(1, used.length - 1);
  // One sample in a thousand of the reference itself gives more.
  const chance = (free + 3.09 * Math.sqrt(2 * free)) / ours;
  const few = ours < 30 || (chance > 0.25 && index <= chance);
  const says = few ? "too few rows to say" : index < 0.1 || index <= chance ? "as in training" : index < 0.25 ? "shifted" : "strongly shifted";
  return [index, says];
}

test("drift is the index over the package's own counts", async () => {
  const { page, complaints } = await opened(flights);
  // The record on show counts as asked once nobody has touched it for a moment.
  await tab(page, "drift");
  await page.locator("#panel-drift .lead").filter({ hasText: /^1 row/ }).waitFor();
  await answered(page, table);
  await tab(page, "drift");

  const model = await load(flights, { profile: true });
  const { info } = model;
  model.predict(info.example);
  model.predictBatch(records);
  const [asked, reference] = [model.profile(), info.profile];
  assert.ok(asked.failed > 0 && asked.rows + asked.failed === records.length + 1);
  const pairs = [...reference.inputs.map((theirs, at) => [theirs.name, asked.inputs[at], theirs]), ["predictions", asked.predictions, reference.predictions]];
  const due = new Map(pairs.map(([name, ours, theirs]) => [title(name), drift(countsOf(ours), countsOf(theirs))]));

  const shown = await cells(page, "Population stability index by input");
  assert.deepEqual(shown.map(([name]) => name).sort(), [...due.keys()].sort());
  assert.equal(shown.at(-1)[0], "Predictions");
  for (const [name, index, says] of shown) {
    const [exact, word] = due.get(name);
    assert.ok(Math.abs(Number(index) - exact) <= 0.0005 + 1e-9, `${name}: ${index}, ${exact}`);
    assert.equal(says, word, name);
  }
  assert.ok(new Set(shown.map(([, , says]) => says)).size > 2);
  const lead = await page.locator("#panel-drift .lead").textContent();
  const moved = shown.slice(0, -1).filter(([, , says]) => /shifted/.test(says)).length;
  assert.equal(lead, `${count(asked.rows)} rows of this session: ${moved} of ${info.inputs.length} inputs are not as in training. ${count(asked.failed)} failed rows not counted.`);
  assert.deepEqual(complaints, []);
});

/** Lines that must stand in a snapshot of what assistive technology sees, in this order. */
const SEEN = {
  record: [
    'heading "Record" [level=2]',
    'button "Another example"',
    'form "Record"',
    'combobox "Carrier"',
    'checkbox "Tailnum is missing"',
    'textbox "Scheduled departure": 2013-11-01T05:00',
    'slider "distance, slider": "531"',
    'spinbutton "Distance": "529"',
    'region "Answer"',
    'region "What if"',
    'heading "What if" [level=2]',
    'combobox "varying"',
    /^slider "[\w ]+, what if"/,
    'region "Why"',
  ],
  batch: [
    'heading "Batch" [level=2]',
    'button "Choose a file"',
    /^button "Take the bundle's \d+ golden rows"$/,
    /^heading "1,000 rows of flights\.jsonl, 12 could not be answered, in [^"]+" \[level=3\]$/,
    'button "Download CSV"',
    'button "Download JSON lines"',
    /figure "Distribution of the probability of late/,
    'table "Rows by label"',
    'rowheader "on time"',
    'region "Failures by code"',
    'table "Failures by code"',
    'columnheader "Code"',
    'rowheader "input.out_of_range"',
    'region "Answers"',
    'table "Answers"',
    'columnheader "Probability of late"',
  ],
  drift: ['heading "Drift" [level=2]', "list", "listitem", 'heading "Scheduled arrival" [level=3]', 'heading "Predictions" [level=3]'],
  bundle: [
    'heading "Bundle" [level=2]',
    'heading "Golden rows" [level=3]',
    'list "Golden rows"',
    'listitem "Row 0": row 0 equal',
    'heading "How well it does" [level=3]',
    'table "Measures on the test rows"',
    'heading "Inputs" [level=3]',
    'table "Inputs"',
    'rowheader "carrier"',
    'heading "Features" [level=3]',
    'heading "Provenance" [level=3]',
    'table "Sources"',
    'heading "Card" [level=3]',
  ],
};

test("every tab has its roles and names, and a batch is announced", async () => {
  const { page, complaints } = await opened(flights);
  const status = page.getByRole("status");
  assert.equal(await status.textContent(), "");
  await page.locator(".why tbody").waitFor();
  for (const [name, expected] of Object.entries(SEEN)) {
    if (name === "batch") {
      await answered(page, table);
      const heading = await page.getByRole("heading", { level: 3 }).first().textContent();
      assert.match(heading, /^1,000 rows of flights\.jsonl, 12 could not be answered, in [\d.]+ m?s\.$/);
      assert.equal(await status.textContent(), heading);
    }
    await tab(page, name);
    const [drifted] = name === "record" ? [""] : [/^Drift( \d+ inputs shifted)$/.exec(await page.locator("#tab-drift").textContent())?.[1] ?? ""];
    const tabs = await page.getByRole("tablist").ariaSnapshot();
    const titles = { record: "Record", batch: "Batch", drift: `Drift${drifted}`, bundle: "Bundle" };
    const marked = Object.entries(titles).map(([one, title]) => `  - tab "${title}"${one === name ? " [selected]" : ""}`);
    assert.deepEqual(tabs.split("\n"), ['- tablist "Parts of the playground":', ...marked]);
    assert.equal(await page.getByRole("tabpanel").count(), 1);
    const panel = page.getByRole("tabpanel", { name: titles[name], exact: true });
    const lines = (await panel.ariaSnapshot()).split("\n").map((line) => line.replace(/^\s*- '?/, "").replace(/:$/, ""));
    let from = 0;
    for (const one of expected) {
      const at = lines.findIndex((line, at) => at >= from && (typeof one === "string" ? line === one : one.test(line)));
      assert.ok(at >= 0, `${name}: ${one} is not in\n${lines.slice(from).join("\n")}`);
      from = at + 1;
    }
  }
  // What cannot be answered is announced, too.
  const broken = join(folder, "broken.csv");
  await writeFile(broken, "a,a\n1,2\n");
  await tab(page, "batch");
  await page.locator("#table-file").setInputFiles(broken);
  await page.locator("#panel-batch .fatal").waitFor();
  assert.match(await status.textContent(), /^broken\.csv can't be answered: the column `a` stands there twice$/);
  assert.deepEqual(complaints, []);
});
