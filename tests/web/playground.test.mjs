// The playground in Chromium: under its policy, by keyboard, on a phone, and with the answers of Node and of the program.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { violations } from "./accessibility.mjs";
import { launch } from "./browser.mjs";
import { dist, paths, readRows, root, serve } from "./harness.mjs";
import { answered, downloaded, drop, field, numbers, parsedLines, play, siteOf, tab } from "./playing.mjs";
import { predictions, served } from "./program.mjs";
import { writeTable } from "./tables.mjs";

const path = process.env.SKEWLESS_BUNDLE ?? paths().bundle;
const model = await load(path);
const { info } = model;
const screenshots = join(root, "target/screenshots");
const number = info.inputs.find(({ type, min, max }) => type === "number" && min !== undefined && max !== undefined);
const TABS = ["record", "batch", "drift", "bundle"];

describe("the playground", () => {
  let browser;
  let site;
  let folder;
  let table;
  let records;
  before(async () => {
    await mkdir(screenshots, { recursive: true });
    folder = await mkdtemp(join(tmpdir(), "skewless-playground-"));
    table = join(folder, "flights.csv");
    records = await readRows(paths().rows);
    await writeTable(table, records, info);
    site = await siteOf(path, { "/copy.skw": path });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    site?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  const open = (options, address = `${site.url}/`) => play(browser, address, options);
  const shown = async (page) => Number(await page.locator("#answer .bar-value").first().getAttribute("data-probability"));

  test("shows the golden row's answer and the bundle's facts", async () => {
    const { page, complaints } = await open();
    assert.equal(await shown(page), model.predict(info.example).probability);
    await tab(page, "bundle");
    const facts = await page.locator("#panel-bundle .facts").first().textContent();
    assert.ok(facts.includes(`${info.name} ${info.version}`) && facts.includes(info.digest), facts);
    assert.match(facts, /One prediction in this page\d[\d.]* (µs|ms)/);
    assert.deepEqual(complaints, []);
  });

  test("answers while one types, as Node does", async () => {
    const { page, complaints } = await open();
    for (const value of [number.min, (number.min + number.max) / 2, number.max]) {
      await field(page, number.name).fill(String(value));
      assert.equal(await shown(page), model.predict({ ...info.example, [number.name]: value }).probability, `${value}`);
    }
    for (const { name } of info.inputs.filter(({ nullable }) => nullable)) {
      const missing = page.locator(".field", { has: field(page, name) }).locator(".missing input");
      await missing.setChecked(true);
      const record = { ...info.example, [number.name]: number.max, [name]: null };
      assert.equal(await shown(page), model.predict(record).probability, `${name} missing`);
      if (info.example[name] !== null && info.example[name] !== undefined) await missing.setChecked(false);
    }
    assert.deepEqual(complaints, []);
  });

  test("moves a slider by keyboard", async () => {
    const { page } = await open();
    const slider = page.locator(".field", { has: field(page, number.name) }).locator(".slider");
    await slider.press("Home");
    const value = Number(await field(page, number.name).inputValue());
    assert.equal(value, Number(await slider.getAttribute("min")));
    assert.notEqual(value, info.example[number.name]);
    assert.equal(await shown(page), model.predict({ ...info.example, [number.name]: value }).probability);
  });

  test("shows an error beside its field, and recovers", async () => {
    const { page, complaints } = await open();
    const box = field(page, number.name);
    const error = page.locator(`[id="input-${number.name}-error"]`);
    await box.fill("");
    assert.match(await error.textContent(), number.nullable ? /^$/ : /input\.missing_field/);
    await box.fill("1e300");
    assert.match(await error.textContent(), /input\.out_of_range/);
    assert.equal(await box.getAttribute("aria-invalid"), "true");
    await page.screenshot({ path: join(screenshots, "error.png"), fullPage: true });
    await box.fill(String(number.max));
    assert.equal(await error.isVisible(), false);
    assert.equal(await shown(page), model.predict({ ...info.example, [number.name]: number.max }).probability);
    assert.deepEqual(complaints, []);
  });

  test("says why: the bars and the start add up to the raw score", async () => {
    const { page, complaints } = await open();
    const record = { ...info.example, [number.name]: number.max };
    await field(page, number.name).fill(String(number.max));
    const { raw, base, features } = model.explain(record);
    await page.locator(`.why [data-sum="${raw[0]}"]`).waitFor();
    assert.deepEqual(await numbers(page.locator(".why [data-base]"), "data-base"), [base[0]]);
    await page.locator("#why-more").click();
    const bars = await numbers(page.locator(".why [data-contribution]"), "data-contribution");
    const groups = new Map();
    for (const { inputs, contributions } of features) groups.set(inputs.join(), (groups.get(inputs.join()) ?? 0) + contributions[0]);
    const sums = [...groups.values()].sort((a, b) => Math.abs(b) - Math.abs(a));
    assert.deepEqual(bars, sums);
    assert.ok(Math.abs(bars.reduce((sum, bar) => sum + bar, base[0]) - raw[0]) < 1e-9);
    assert.equal(await page.locator("#why-more").evaluate((button) => button === document.activeElement), true);
    assert.deepEqual(complaints, []);
  });

  test("says what if: the mark follows the record, and the record follows the mark", async () => {
    const { page, complaints } = await open();
    await field(page, number.name).focus();
    const handle = page.locator(".handle");
    assert.equal(await page.locator("#what-if-input").inputValue(), number.name);
    await field(page, number.name).fill(String(number.max));
    await page.locator(`.handle[aria-valuenow="${number.max}"]`).waitFor();

    await handle.press("Home");
    const value = Number(await field(page, number.name).inputValue());
    assert.equal(value, Number(await handle.getAttribute("aria-valuemin")));
    assert.equal(await shown(page), model.predict({ ...info.example, [number.name]: value }).probability);

    const { x, y, width, height } = await handle.boundingBox();
    await page.mouse.move(x + width / 4, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + height / 2, { steps: 5 });
    await page.mouse.up();
    const dragged = Number(await field(page, number.name).inputValue());
    assert.ok(dragged > value, `${dragged}`);
    assert.equal(await shown(page), model.predict({ ...info.example, [number.name]: dragged }).probability);

    const category = info.inputs.find(({ type, vocabulary }) => type === "category" && vocabulary);
    await page.locator("#what-if-input").selectOption(category.name);
    const [first] = await page.locator(".choice-bar input").all();
    await first.check();
    const chosen = { ...info.example, [number.name]: dragged, [category.name]: await first.inputValue() };
    assert.equal(await shown(page), model.predict(chosen).probability);
    assert.deepEqual(complaints, []);
  });

  test("moves between tabs by keyboard, and the address remembers", async () => {
    const { page } = await open();
    await page.locator("#tab-record").focus();
    const seen = [];
    for (const key of ["ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"]) {
      await page.keyboard.press(key);
      seen.push(await page.evaluate(() => document.activeElement.id));
    }
    assert.deepEqual(seen, ["tab-batch", "tab-bundle", "tab-record", "tab-bundle", "tab-record"]);
    assert.equal(await page.locator('[role="tab"][tabindex="0"]').count(), 1);
    await page.keyboard.press("End");
    assert.equal(new URL(page.url()).hash, "#bundle");
    await page.reload();
    await page.locator("#panel-bundle .facts").first().waitFor();
  });

  test("answers a CSV as the program does, each failed row with its code", async () => {
    const { page, complaints } = await open();
    await answered(page, table);
    const said = await predictions(path, table);
    const failed = said.filter(({ error }) => error);
    assert.ok(failed.length > 20 && new Set(failed.map(({ error }) => error.code)).size === 4);
    assert.match(await page.locator("#batch-said").textContent(), new RegExp(`^1,000 rows of flights\\.csv, ${failed.length} could not be answered`));
    const lines = parsedLines(await downloaded(page, /Download JSON lines/));
    assert.deepEqual(lines, said);
    const csv = (await downloaded(page, /Download CSV/)).trimEnd().split("\n");
    assert.equal(csv[0], "label,probability,raw,error,message");
    assert.equal(csv.length, 1 + said.length);
    csv.slice(1).forEach((line, row) => {
      const [label, probability, , code] = line.split(",");
      const { error, ...answer } = said[row];
      assert.deepEqual(error ? [code] : [label, Number(probability)], error ? [error.code] : [answer.label, answer.probability]);
    });
    const codes = await page.getByRole("table", { name: "Failures by code" }).locator("tbody th").allTextContents();
    assert.deepEqual(codes.sort(), [...new Set(failed.map(({ error }) => error.code))].sort());
    assert.equal(await page.locator(".reliability").count(), 1);
    assert.deepEqual(complaints, []);
  });

  test("answers JSON lines as the program does", async () => {
    const lines = join(folder, "rows.jsonl");
    await writeFile(lines, `${records.slice(0, 40).map((record) => JSON.stringify(record)).join("\n")}\n{"a":}\n\n[1]\n`);
    const { page } = await open();
    await answered(page, lines);
    const got = parsedLines(await downloaded(page, /Download JSON lines/));
    const said = await predictions(path, lines);
    assert.deepEqual(got.slice(0, 40), said.slice(0, 40));
    // What JSON's readers call wrong differs in its words.
    assert.deepEqual(got.slice(40).map(({ error }) => [error.code, error.row]), said.slice(40).map(({ error }) => [error.code, error.row]));
  });

  /** A CSV of as many rows as the two numbers make together. */
  async function large(name, ...times) {
    const [header, ...rows] = (await readFile(table, "utf8")).split("\r\n");
    const good = rows.slice(0, 30).filter(Boolean);
    const file = join(folder, name);
    const all = times.reduce((text, count) => Array.from({ length: count }, () => text).join("\r\n"), good.join("\r\n"));
    await writeFile(file, `${header}\r\n${all}\r\n`);
    return { file, rows: times.reduce((product, count) => product * count, good.length) };
  }

  test("answers a CSV that is dropped on the page, whatever tab is open", async () => {
    const { page, complaints } = await open();
    const said = await predictions(path, table);
    const failed = said.filter(({ error }) => error).length;
    await tab(page, "bundle");
    await drop(page, table);
    await page.locator("#panel-batch #batch-said").filter({ visible: true }).waitFor();
    assert.match(await page.locator("#batch-said").textContent(), new RegExp(`^1,000 rows of flights\\.csv, ${failed} could not be answered`));
    assert.deepEqual(parsedLines(await downloaded(page, /Download JSON lines/)), said);
    assert.deepEqual(complaints, []);
  });

  test("stops where one says so, with what it has answered", async () => {
    const { page, complaints } = await open();
    const { file, rows } = await large("long.csv", 50, 200);
    await tab(page, "batch");
    await page.locator("#table-file").setInputFiles(file);
    await page.waitForFunction(() => document.querySelector("#panel-batch progress")?.value > 0);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.locator("#batch-said").waitFor();
    const [, answered] = /^([\d,]+) rows of the first rows of long\.csv/.exec(await page.locator("#batch-said").textContent()) ?? [];
    const stopped = Number(answered?.replaceAll(",", ""));
    assert.ok(stopped > 0 && stopped < rows, `${answered} of ${rows} rows`);
    assert.equal(await page.getByRole("button", { name: "Stop" }).isVisible(), false);
    const lines = parsedLines(await downloaded(page, /Download JSON lines/));
    assert.equal(lines.length, stopped);
    // A file that is dropped while another is under way takes its place.
    await page.locator("#table-file").setInputFiles(file);
    await page.waitForFunction(() => document.querySelector("#panel-batch progress")?.value > 0);
    await drop(page, table);
    await page.locator("#batch-said").filter({ hasText: /^1,000 rows of flights\.csv/ }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("stays smooth while a large file is answered", async () => {
    const { page } = await open();
    await tab(page, "batch");
    const { file } = await large("large.csv", 50, 40);
    await page.evaluate(() => {
      globalThis.longest = 0;
      let last = performance.now();
      const beat = () => {
        const now = performance.now();
        globalThis.longest = Math.max(globalThis.longest, now - last);
        last = now;
        setTimeout(beat, 0);
      };
      beat();
    });
    await page.locator("#table-file").setInputFiles(file);
    await page.locator("progress").waitFor();
    await page.locator("#batch-said").waitFor();
    const longest = await page.evaluate(() => globalThis.longest);
    assert.match(await page.locator("#batch-said").textContent(), /^60,000 rows/);
    // Two cores, one of them busy with other tests: a quarter of a second is what people begin to call stuck.
    assert.ok(longest < 250, `the page stood still for ${longest.toFixed(0)} ms`);
  });

  test("sees drift in what was asked, and judges nothing by a single row", async () => {
    const { page } = await open();
    await tab(page, "drift");
    // The record on show counts as asked once nobody has touched it for a moment.
    await page.locator("#panel-drift .lead").filter({ hasText: /^1 row/ }).waitFor();
    assert.match(await page.locator("#panel-drift .lead").textContent(), /too few/);
    await answered(page, table);
    const badge = Number.parseInt(await page.locator("#drift-badge").textContent(), 10);
    await tab(page, "drift");
    const levels = await page.locator(".multiple").evaluateAll((all) => all.map((one) => one.dataset.level));
    assert.equal(levels.length, info.inputs.length + 1);
    // November's flights are not those of January to September: their time and their weather have moved.
    assert.ok(levels.includes("much") && levels.includes("same"), levels.join());
    assert.match(await page.locator("#panel-drift .lead").textContent(), new RegExp(`${badge} of ${info.inputs.length} inputs are not as in training`));
    assert.equal(levels.slice(0, -1).filter((level) => level === "some" || level === "much").length, badge);
  });

  test("checks the golden rows in the page", async () => {
    const { page } = await open();
    await tab(page, "bundle");
    assert.match(await page.locator("#golden-said").textContent(), new RegExp(`^All ${info.golden.length} golden rows`));
    assert.equal(await page.locator(".ticks .good").count(), info.golden.length);
    assert.ok((await page.getByRole("table", { name: "Measures on the test rows" }).locator("tbody tr").count()) >= 4);
  });

  test("says the same under `skewless serve`", async () => {
    const server = await served(path, join(dist, "playground"), folder);
    try {
      const { page, complaints } = await open({}, server.url);
      assert.equal(await shown(page), (await predictions(path, paths().rows))[0].probability);
      await answered(page, table);
      assert.deepEqual(complaints, []);
    } finally {
      server.close();
    }
  });

  test("opens a bundle that is picked or dropped where none lies beside the page", async () => {
    const bare = await serve({ "/any/folder/": join(dist, "playground") });
    try {
      const { page } = await open({}, `${bare.url}/any/folder/`);
      assert.equal(await page.locator("h1").textContent(), "Open a bundle");
      await page.screenshot({ path: join(screenshots, "welcome.png") });
      await page.locator("#bundle-file").setInputFiles(path);
      await page.locator("#form").waitFor();
      assert.equal(await shown(page), model.predict(info.example).probability);

      await field(page, number.name).fill(String(number.max));
      await drop(page, path);
      // Opened anew, the form shows the example again.
      await page.waitForFunction(([id, value]) => document.getElementById(id).value === value, [`input-${number.name}`, String(info.example[number.name])]);
      await tab(page, "batch");
      await page.locator("#take-golden").click();
      await page.locator("#batch-said").waitFor();
      assert.match(await page.locator("#batch-said").textContent(), new RegExp(`^${info.golden.length} rows of golden rows\\.jsonl, all answered`));
      await tab(page, "record");
      const damaged = join(folder, "damaged.skw");
      await writeFile(damaged, "no bundle");
      await page.locator("#bundle-file").setInputFiles(damaged);
      await page.locator("#fatal").filter({ visible: true }).waitFor();
      assert.match(await page.locator("#fatal").textContent(), /bundle\./);
      assert.equal(await page.locator("#form").isVisible(), true);
    } finally {
      bare.close();
    }
  });

  test("says why a bundle can't be opened", async () => {
    const named = await open({}, `${site.url}/?bundle=./copy.skw`);
    assert.equal(await named.page.locator("#form").isVisible(), true);
    const missing = await open({}, `${site.url}/?bundle=./none.skw`);
    assert.match(await missing.page.locator("#fatal").textContent(), /input\.unreachable/);
    const foreign = await open({}, `${site.url}/?bundle=http://127.0.0.1:9/x.skw`);
    assert.match(await foreign.page.locator("#fatal").textContent(), /misuse\.other_origin/);
  });

  const widths = { phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }, tablet: { viewport: { width: 768, height: 1024 } }, desktop: { viewport: { width: 1280, height: 900 } } };
  for (const [width, options] of Object.entries(widths)) {
    for (const colorScheme of ["light", "dark"]) {
      test(`fits its window and is accessible: ${width}, ${colorScheme}`, async () => {
        const { page } = await open({ ...options, colorScheme, reducedMotion: "reduce" });
        await page.locator(".why tbody").waitFor();
        for (const name of TABS) {
          if (name === "batch") await answered(page, table);
          await tab(page, name);
          await page.waitForTimeout(100);
          await page.screenshot({ path: join(screenshots, `chromium-${width}-${colorScheme}-${name}.png`), fullPage: true });
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
          // Axe takes its time: widths differ in layout, and schemes in colours.
          if (width === "desktop" || (width === "phone" && colorScheme === "light")) assert.deepEqual(await page.evaluate(violations), [], name);
        }
      });
    }
  }
});
