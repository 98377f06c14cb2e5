// A playground that a test opens, and what it does there as a person would.

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { axe } from "./accessibility.mjs";
import { openPage } from "./browser.mjs";
import { dist, serve } from "./harness.mjs";

/** The playground over a bundle, under the strict policy. */
export const siteOf = (bundle, more = {}) => serve({ "/": join(dist, "playground"), "/bundle.skw": bundle, ...axe, ...more });

/** A page with the playground, as soon as it shows something, and what its console complained about. */
export async function play(browser, address, options) {
  const { page, complaints } = await openPage(browser, options);
  await page.goto(address);
  await page.locator("#form, #fatal, #welcome, #panel-bundle .facts").filter({ visible: true }).first().waitFor();
  return { page, complaints };
}

export const tab = (page, name) => page.locator(`#tab-${name}`).click();

export const field = (page, name) => page.locator(`[id="input-${name}"]`);

/** An attribute of all elements, as numbers. */
export const numbers = (locator, name) => locator.evaluateAll((all, name) => all.map((one) => Number(one.getAttribute(name))), name);

/** Lets the batch tab answer a file. */
export async function answered(page, file) {
  await tab(page, "batch");
  await page.locator("#table-file").setInputFiles(file);
  await page.locator("#batch-said").waitFor();
}

/** Drops a file on the page, as a person drags one in from a folder. */
export async function drop(page, path) {
  const bytes = (await readFile(path)).toString("base64");
  await page.evaluate(
    ({ name, bytes }) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
      for (const type of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
    },
    { name: basename(path), bytes },
  );
}

/** The text that a button lets one download. */
export async function downloaded(page, name) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
  return readFile(await download.path(), "utf8");
}

export const parsedLines = (text) => text.trimEnd().split("\n").map((line) => JSON.parse(line));
