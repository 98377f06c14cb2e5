// The playground in Chromium: under its policy, by keyboard, and with the answer that Node gives.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { load } from "../../web/dist/node.js";
import { launch, openPage } from "./browser.mjs";
import { dist, paths, root, serve } from "./harness.mjs";

const path = process.env.SKEWLESS_BUNDLE ?? paths().bundle;
const model = await load(path);
const { info } = model;
const screenshots = join(root, "target/screenshots");
const number = info.inputs.find(({ type, min, max }) => type === "number" && min !== undefined && max !== undefined);

describe("the playground", () => {
  let browser;
  let site;
  before(async () => {
    await mkdir(screenshots, { recursive: true });
    site = await serve({ "/": join(dist, "playground"), "/bundle.skw": path });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    site?.close();
  });

  async function open(options, query = "") {
    const { page, complaints } = await openPage(browser, options);
    await page.goto(`${site.url}/${query}`);
    await page.locator("#form, #fatal").filter({ visible: true }).waitFor();
    return { page, complaints };
  }

  const field = (page, name) => page.locator(`[id="input-${name}"]`);
  const shown = async (page) => Number(await page.locator(".bar-value").first().getAttribute("data-probability"));

  test("shows the golden row's answer and the bundle's facts", async () => {
    const { page, complaints } = await open();
    assert.equal(await shown(page), model.predict(info.example).probability);
    const facts = await page.locator("#facts").textContent();
    assert.ok(facts.includes(`${info.name} ${info.version}`) && facts.includes(info.digest.slice(0, 16)), facts);
    await page.locator("#time:not(:text-is('…'))").waitFor();
    assert.match(await page.locator("#time").textContent(), /^\d[\d.]* (µs|ms)$/);
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

  test("labels every control", async () => {
    const { page } = await open();
    const unnamed = await page.$$eval("#form input, #form select", (controls) =>
      controls.filter((control) => !control.ariaLabel && control.labels.length === 0).map((control) => control.id),
    );
    assert.deepEqual(unnamed, []);
    assert.equal(await page.locator("#answer[aria-live=polite]").count(), 1);
  });

  test("says why a bundle can't be opened", async () => {
    const missing = await open({}, "?bundle=./none.skw");
    assert.match(await missing.page.locator("#fatal").textContent(), /input\.unreachable/);
    const foreign = await open({}, "?bundle=http://127.0.0.1:9/x.skw");
    assert.match(await foreign.page.locator("#fatal").textContent(), /misuse\.other_origin/);
  });

  const looks = {
    desktop: { viewport: { width: 1280, height: 900 } },
    phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
    dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  };
  for (const [name, options] of Object.entries(looks)) {
    test(`fits its window: ${name}`, async () => {
      const { page } = await open(options);
      await page.locator("#time:not(:text-is('…'))").waitFor();
      await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: name !== "phone" });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${overflow} pixels too wide`);
    });
  }
});
