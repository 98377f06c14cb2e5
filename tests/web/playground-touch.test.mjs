// The playground on a phone, by touch alone: tabs, examples, a file's answers, and what if.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { launch } from "./browser.mjs";
import { paths } from "./harness.mjs";
import { downloaded, parsedLines, play, siteOf } from "./playing.mjs";

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
/** The least side of what a finger must hit, in CSS pixels (WCAG 2.2, 2.5.8). */
const TARGET = 24;

const path = paths().bundle;
const model = await load(path);
const { info } = model;
const number = info.inputs.find(({ type, min, max, usual }) => type === "number" && usual && min !== undefined && max !== undefined);

let browser;
let site;
before(async () => {
  site = await siteOf(path);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  site?.close();
});

const open = async () => {
  const { page, complaints } = await play(browser, `${site.url}/`, PHONE);
  await page.locator(".why tbody").waitFor();
  return { page, complaints };
};
const shown = async (page) => Number(await page.locator("#answer .bar-value").first().getAttribute("data-probability"));

test("tabs open and rows are answered by tapping", async () => {
  const { page, complaints } = await open();
  await page.locator("#another").tap();
  assert.equal(await shown(page), model.predict(info.golden[1].record).probability);
  for (const name of ["drift", "bundle", "batch"]) {
    const one = page.locator(`#tab-${name}`);
    const { width, height } = await one.boundingBox();
    assert.ok(Math.min(width, height) >= TARGET, `${name}: ${width} × ${height}`);
    await one.tap();
    assert.ok(await page.locator(`#panel-${name}`).isVisible(), name);
    assert.equal(await page.locator('[role="tabpanel"]').filter({ visible: true }).count(), 1);
    assert.equal(await one.getAttribute("aria-selected"), "true");
  }
  await page.locator("#take-golden").tap();
  await page.locator("#batch-said").waitFor();
  const lines = parsedLines(await downloaded(page, /Download JSON lines/));
  assert.deepEqual(lines, info.golden.map(({ record }) => model.predict(record)));
  assert.deepEqual(complaints, []);
});

test("what if follows a finger, and the page does not scroll away from under it", async () => {
  const { page, complaints } = await open();
  await page.locator("#what-if-input").selectOption(number.name);
  const handle = page.locator(".handle");
  await handle.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await handle.boundingBox();
  const scrolled = await page.evaluate(() => scrollY);
  // A browser hands touches on once a frame: the value is awaited, and read together with its answer.
  const read = (page, [id, last]) =>
    page.waitForFunction(
      ([id, last]) => {
        const value = Number(document.getElementById(id).value);
        return value !== last && { value, probability: Number(document.querySelector("#answer .bar-value").dataset.probability) };
      },
      [id, last],
    );
  let now = info.example[number.name];
  const check = async (what) => {
    const { value, probability } = await (await read(page, [`input-${number.name}`, now])).jsonValue();
    assert.equal(probability, model.predict({ ...info.example, [number.name]: value }).probability, what);
    now = value;
    return now;
  };

  await page.touchscreen.tap(x + width / 4, y + height / 2);
  const tapped = await check("a tap");

  const session = await page.context().newCDPSession(page);
  const touch = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  const seen = [];
  await touch("touchStart", [{ x: x + width / 4, y: y + height / 2 }]);
  for (let step = 1; step <= 8; step++) {
    await touch("touchMove", [{ x: x + width / 4 + (step * width) / 16, y: y + height / 2 }]);
    seen.push(await check(`step ${step}`));
  }
  await touch("touchEnd", []);
  assert.deepEqual([tapped, ...seen], [tapped, ...seen].sort((a, b) => a - b), "it rises with every step");
  const [low, high] = await Promise.all(["min", "max"].map(async (end) => Number(await handle.getAttribute(`aria-value${end}`))));
  const reached = low + ((0.75 * width - 8) / (width - 16)) * (high - low);
  assert.ok(Math.abs(seen.at(-1) - reached) <= (high - low) / 20, `${seen.at(-1)} for ${reached}`);
  assert.equal(await page.evaluate(() => scrollY), scrolled);

  const category = info.inputs.find(({ type, vocabulary }) => type === "category" && vocabulary);
  await page.locator("#what-if-input").selectOption(category.name);
  const choice = page.locator(".choice-bar").nth(1);
  const { height: high2 } = await choice.boundingBox();
  assert.ok(high2 >= TARGET, `${high2} pixels`);
  const chosen = await choice.locator("input").inputValue();
  // A touch that follows a drag at once is no tap to a browser.
  await page.waitForTimeout(700);
  await choice.tap();
  await page.waitForFunction(([id, chosen]) => document.getElementById(id).value === chosen, [`input-${category.name}`, chosen]);
  assert.equal(await shown(page), model.predict({ ...info.example, [number.name]: seen.at(-1), [category.name]: chosen }).probability);
  assert.deepEqual(complaints, []);
});

test("a finger that moves up and down over the curve scrolls the page", async () => {
  const { page } = await open();
  await page.locator("#what-if-input").selectOption(number.name);
  const handle = page.locator(".handle");
  await handle.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await handle.boundingBox();
  const before = await page.evaluate(() => scrollY);
  const session = await page.context().newCDPSession(page);
  const touch = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
  await touch("touchStart", [{ x: x + width / 2, y: y + height / 2 }]);
  for (let step = 1; step <= 8; step++) await touch("touchMove", [{ x: x + width / 2, y: y + height / 2 - 15 * step }]);
  await touch("touchEnd", []);
  await page.waitForFunction((before) => scrollY > before, before);
});
