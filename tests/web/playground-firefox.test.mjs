// The playground in Firefox, over WebDriver BiDi: each tab, with the program's answers, accessible in light and dark.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import puppeteer from "puppeteer-core";

import { axe, violations } from "./accessibility.mjs";
import { dist, paths, readRows, root, serve } from "./harness.mjs";
import { drop } from "./playing.mjs";
import { predicted, predictions } from "./program.mjs";
import { writeTable } from "./tables.mjs";
import { load } from "../../web/dist/node.js";

const { bundle, rows } = paths();
const { info } = await load(bundle);
const screenshots = join(root, "target/screenshots");

/** What `layout.css.prefers-color-scheme.content-override` calls them. */
const SCHEMES = { dark: 0, light: 1 };

for (const [scheme, override] of Object.entries(SCHEMES)) {
  describe(`the playground in Firefox, ${scheme}`, () => {
    let browser;
    let page;
    let site;
    let folder;
    let table;
    const complaints = [];
    before(async () => {
      await mkdir(screenshots, { recursive: true });
      folder = await mkdtemp(join(tmpdir(), "skewless-firefox-"));
      table = join(folder, "flights.csv");
      await writeTable(table, await readRows(rows), info);
      site = await serve({ "/": join(dist, "playground"), "/bundle.skw": bundle, ...axe });
      browser = await puppeteer.launch({
        browser: "firefox",
        executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
        headless: true,
        extraPrefsFirefox: { "layout.css.prefers-color-scheme.content-override": override },
      });
      page = await browser.newPage();
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      await page.setViewport({ width: 1024, height: 900 });
      await page.goto(`${site.url}/`);
      await page.waitForSelector(".why tbody");
    });
    after(async () => {
      await browser?.close();
      site?.close();
      if (folder) await rm(folder, { recursive: true });
    });

    /** A tab as it looks, and what axe says of it. */
    async function looked(name) {
      await page.screenshot({ path: join(screenshots, `firefox-${scheme}-${name}.png`), fullPage: true });
      assert.deepEqual(await page.evaluate(violations), [], name);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide`);
    }

    async function tab(name) {
      await page.click(`#tab-${name}`);
      await page.waitForSelector(`#panel-${name}:not([hidden])`);
    }

    test("a record, and what moves it", async () => {
      const [first] = await predictions(bundle, rows);
      const shown = () => page.$eval("#answer .bar-value", (bar) => Number(bar.dataset.probability));
      assert.equal(await shown(), first.probability);
      const number = info.inputs.find(({ type, usual }) => type === "number" && usual);
      await page.select("#what-if-input", number.name);
      await page.focus(".handle");
      const before = await page.$eval(".handle", (handle) => Number(handle.ariaValueNow ?? handle.getAttribute("aria-valuenow")));
      await page.keyboard.press("PageUp");
      await page.waitForFunction((before) => Number(document.querySelector(".handle").getAttribute("aria-valuenow")) > before, {}, before);
      const value = await page.$eval(`[id="input-${number.name}"]`, (box) => Number(box.value));
      const model = await load(bundle);
      assert.equal(await shown(), model.predict({ ...info.example, [number.name]: value }).probability);
      await looked("record");
    });

    test("a file, as the program answers it", async () => {
      await tab("batch");
      const picker = await page.$("#table-file");
      await picker.uploadFile(table);
      await page.waitForSelector("#batch-said");
      const said = await predictions(bundle, table);
      const failed = said.filter(({ error }) => error).length;
      assert.match(await page.$eval("#batch-said", (said) => said.textContent), new RegExp(`^1,000 rows of flights\\.csv, ${failed} could not`));
      const answers = await page.$$eval(".answers tbody tr", (rows) => rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)));
      answers.forEach(([label, probability], row) => {
        const { error, ...answer } = said[row];
        assert.equal(label.split(" ")[0], (error?.code ?? answer.label).replaceAll("_", error ? "_" : " ").split(" ")[0]);
        if (!error) assert.equal(probability, `${(answer.probability * 100).toFixed(1)}\u00a0%`);
      });
      await looked("batch");
    });

    test("drift", async () => {
      await tab("drift");
      assert.equal((await page.$$(".multiple")).length, info.inputs.length + 1);
      await looked("drift");
    });

    test("the bundle, and its golden rows", async () => {
      await tab("bundle");
      await page.waitForSelector(".ticks .good");
      assert.equal((await page.$$(".ticks .good")).length, info.golden.length);
      await looked("bundle");
      assert.deepEqual(complaints, []);
    });
  });
}

/** The only file of a folder whose name ends so, once a browser has written it. */
async function arrived(folder, ending) {
  for (let tries = 0; tries < 100; tries++) {
    const names = await readdir(folder);
    const done = names.filter((name) => name.endsWith(ending));
    // Until it is complete, another file stands beside it.
    if (done.length === 1 && !names.some((name) => name.endsWith(".part"))) {
      const text = await readFile(join(folder, done[0]), "utf8");
      if (text.length > 0) return { name: done[0], text };
    }
    await pause(100);
  }
  throw new Error(`no *${ending} has arrived`);
}

describe("files in Firefox", () => {
  let browser;
  let page;
  let site;
  let folder;
  let table;
  const complaints = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "skewless-firefox-files-"));
    await mkdir(join(folder, "downloads"));
    table = join(folder, "flights.csv");
    await writeTable(table, await readRows(rows), info);
    // No bundle lies beside the page.
    site = await serve({ "/": join(dist, "playground"), ...axe });
    browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
      headless: true,
      extraPrefsFirefox: { "browser.download.folderList": 2, "browser.download.dir": join(folder, "downloads"), "browser.helperApps.neverAsk.saveToDisk": "text/csv,application/jsonl" },
    });
    page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${site.url}/`);
    await page.waitForSelector("#welcome:not([hidden])");
  });
  after(async () => {
    await browser?.close();
    site?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  test("a bundle that is picked is opened", async () => {
    assert.equal(await page.$eval("h1", (title) => title.textContent), "Open a bundle");
    await (await page.$("#bundle-file")).uploadFile(bundle);
    await page.waitForSelector("#form");
    const probability = await page.$eval("#answer .bar-value", (bar) => Number(bar.dataset.probability));
    assert.equal(probability, (await load(bundle)).predict(info.example).probability);
  });

  test("a table that is dropped is answered, and its downloads are the program's", async () => {
    await drop(page, table);
    await page.waitForSelector("#panel-batch:not([hidden]) #batch-said");
    for (const [label, format] of [["Download CSV", "csv"], ["Download JSON lines", "jsonl"]]) {
      await page.evaluate((label) => [...document.querySelectorAll("button")].find(({ textContent }) => textContent === label).click(), label);
      const { name, text } = await arrived(join(folder, "downloads"), `.${format}`);
      assert.equal(name, `flights.predictions.${format}`);
      assert.ok(text === (await predicted(bundle, table, format)), `the bytes of the ${format}`);
    }
  });

  test("a bundle that is dropped takes the place of the one that is open", async () => {
    await drop(page, join(root, "models/wine/wine.skw"));
    await page.waitForFunction(() => document.querySelector("h1").textContent.startsWith("Wine"));
    assert.equal((await page.$$("#form .field")).length, 13);
    assert.deepEqual(complaints, []);
  });
});
