// The bundle tab says what the bundle holds: the parameters of its features, and what the command line says of the rest.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { violations } from "./accessibility.mjs";
import { launch } from "./browser.mjs";
import { changed, partOf } from "./bundles.mjs";
import { paths, readRows, root } from "./harness.mjs";
import { packedKind } from "./kinds.mjs";
import { field, numbers, play, siteOf } from "./playing.mjs";
import { explanations, inspected } from "./program.mjs";

const { bundle, rows } = paths();

let browser;
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "skewless-bundle-"));
  browser = await launch();
});
const sites = [];
after(async () => {
  await browser?.close();
  for (const site of sites) site.close();
  if (folder) await rm(folder, { recursive: true });
});

/** A site over a bundle, for as long as the tests last. */
async function addressOf(path) {
  const site = await siteOf(path);
  sites.push(site);
  return `${site.url}/`;
}

/** The bundle tab of a page over a bundle. */
async function tabOf(path) {
  const { page, complaints } = await play(browser, `${await addressOf(path)}#bundle`);
  await page.locator("#panel-bundle .facts").first().waitFor();
  return { page, complaints };
}

/** The cells of a table. */
const cells = (page, name) =>
  page.getByRole("table", { name }).locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));

/** The terms and descriptions of a list. */
const terms = (page, at) =>
  page.locator("#panel-bundle .facts").nth(at).evaluate((list) => Object.fromEntries([...list.querySelectorAll("dt")].map((term) => [term.textContent, term.nextSibling.textContent])));

test("the fitted parameters of every feature, with all their digits", async () => {
  const { bundle: other } = await packedKind("regression", folder);
  const seen = new Set();
  for (const path of [bundle, other]) {
    const { page, complaints } = await tabOf(path);
    const { features } = JSON.parse(partOf(await readFile(path), "features.json").toString("utf8"));
    const expected = features.flatMap(({ name, op }) => {
      const [[made, parameters]] = typeof op === "string" ? [[op, {}]] : Object.entries(op);
      seen.add(made);
      return Object.entries(parameters).map(([parameter, value]) => [`${name}.${parameter}`, value === true ? [] : [value].flat().map(String)]);
    });
    const shown = await page.locator("[data-parameter]").evaluateAll((all) => all.map((one) => [one.dataset.parameter, [...one.querySelectorAll("data")].map(({ value }) => value)]));
    assert.deepEqual(shown, expected);
    // A long list is folded, and unfolds.
    const long = page.locator("details[data-parameter]").first();
    if (await long.count()) {
      await long.locator("summary").click();
      assert.ok(await long.locator("data").last().isVisible());
    }
    assert.deepEqual(complaints, []);
  }
  for (const op of ["ordinal", "lookup", "date_part", "standardize", "min_max", "bucketize", "impute"]) assert.ok(seen.has(op), op);
});

const digits = (value) => value.toFixed(4).replace("-", "−");
const said = ({ value, low, high }) => `${digits(value)} (${digits(low)} – ${digits(high)})`;
const share = (value) => `${(value * 100).toFixed(1)}\u00a0%`;
const bare = (name) => name.toLowerCase().replaceAll(/[^a-z\d²]/g, "").replace("²", "2");

test("measures with their intervals, calibration and provenance are those of `skewless inspect`", async () => {
  const { page, complaints } = await tabOf(bundle);
  const facts = await inspected(bundle);
  const own = await terms(page, 0);
  assert.deepEqual([own.Model, own.Digest], [`${facts.name} ${facts.version}`, facts.sha256]);

  const { model, baseline, difference, calibration, rows, positive_share } = facts.metrics["test, split by time"];
  const measures = await cells(page, "Measures on the test rows");
  assert.deepEqual(
    measures.map(([name, ours, theirs, , apart]) => [bare(name.replace(/ (less|more) is better$/, "")), ours, theirs, apart]),
    Object.keys(model).map((name) => [bare(name), said(model[name]), said(baseline[name]), said(difference[name])]),
  );
  const lead = await page.locator("#panel-bundle").textContent();
  assert.ok(lead.includes(`On the test rows: ${rows.toLocaleString("en")} rows, ${(positive_share * 100).toFixed(1)}\u00a0% of them late.`));

  const bins = calibration.filter(({ rows }) => rows > 0);
  assert.ok(bins.length > 4);
  await page.locator(".reliability summary").click();
  assert.deepEqual(await cells(page, "Calibration by bin"), bins.map(({ predicted, observed, rows }) => [share(predicted), share(observed), rows.toLocaleString("en")]));
  assert.equal(await page.locator(".reliability svg circle").count(), bins.length);

  const { buildDefinition, runDetails } = facts.provenance.predicate;
  const made = await terms(page, 1);
  assert.equal(made["Kind of build"], buildDefinition.buildType);
  assert.equal(made.Finished, runDetails.metadata.finishedOn);
  assert.equal(made.Seed, String(buildDefinition.internalParameters.seed));
  assert.equal(bare(made["Chosen by"]), bare(runDetails.skewless_select_by));
  const sources = await cells(page, "Sources");
  assert.deepEqual(
    sources.map(([uri, , digest]) => [uri, digest]),
    buildDefinition.resolvedDependencies.map(({ uri, name, digest }) => [uri ?? name, digest.sha256]),
  );
  const used = new Set(facts.features.flatMap(({ inputs }) => inputs));
  assert.deepEqual((await cells(page, "Inputs")).map(([name]) => name), facts.inputs.map(({ name }) => name).filter((name) => used.has(name)));
  assert.deepEqual((await cells(page, "Features")).map(([name]) => name), facts.features.map(({ name }) => name));
  assert.deepEqual(complaints, []);
});

/** The flights bundle as a study would have made it, with all that a study may say. */
async function studied() {
  const estimate = (value, low, high) => ({ value, low, high });
  const study = {
    selection: { by: "average_precision", duels: [], margin: 0.01, winner: 3 },
    test: {
      rows: 12_345,
      measures: [{ measure: "roc_auc", ...estimate(0.71, 0.7, 0.725) }, { measure: "average_precision", ...estimate(0.41, 0.39, 0.43) }],
      calibration: [{ predicted: 0.125, observed: 0.1, rows: 12_000 }, { predicted: 0.5, observed: 0.625, rows: 345 }],
    },
    coverage: { method: "lac", confidence: 0.9, rows: 4_321, quantiles: { all: 0.75 }, test: estimate(0.85, 0.84, 0.86), holds: false, size: 1.25, says_nothing: true, by: "carrier",
      groups: [
        { value: "AA", rows: 10_000, test: estimate(0.9, 0.875, 0.925), holds: true, size: 1.5 },
        { value: null, rows: 7, test: estimate(0.5, 0.25, 0.75), holds: false, size: null },
      ] },
    slices: [{ input: "carrier", value: "AA", rows: 10_000, measures: [{ measure: "roc_auc", ...estimate(0.5, 0.25, 0.75) }] }, { input: "carrier", value: null, rows: 7, measures: [] }],
  };
  const path = join(folder, "studied.skw");
  const provenance = { predicate: { buildDefinition: {}, runDetails: { skewless_study: study } } };
  await writeFile(path, changed(await readFile(bundle), { parts: { "provenance.json": () => ["provenance.json", Buffer.from(JSON.stringify(provenance))] } }));
  return path;
}

const STUDIES = { wine: () => join(root, "models/wine/wine.skw"), diabetes: () => join(root, "models/diabetes/diabetes.skw"), "a study of two labels": studied };
for (const [name, made] of Object.entries(STUDIES)) {
  test(`what a study measured is what \`skewless inspect\` says: ${name}`, async () => {
    const path = await made();
    const { page, complaints } = await tabOf(path);
    const { measures, rows, chosen_by, calibration, coverage, slices } = (await inspected(path)).metrics.test;
    const shown = await cells(page, "Measures on the test rows");
    assert.deepEqual(
      shown.map(([name, value]) => [bare(name.replace(/ (less|more) is better$/, "")), value]),
      measures.map((one) => [bare(one.measure), said(one)]),
    );
    const losses = ["log_loss", "calibration_error", "rmse", "mae"];
    assert.deepEqual(shown.map(([name]) => / less is better$/.test(name)), measures.map(({ measure }) => losses.includes(measure)));
    assert.equal(bare((await terms(page, 1))["Chosen by"]), bare(chosen_by));
    const body = await page.locator("#panel-bundle").textContent();
    assert.ok(body.includes(`On the test rows: ${rows.toLocaleString("en")} rows.`));

    assert.equal(await page.locator(".reliability svg circle").count(), calibration.length);
    if (calibration.length > 0) {
      await page.locator(".reliability summary").click();
      const bins = calibration.map(({ predicted, observed, rows }) => [share(predicted), share(observed), rows.toLocaleString("en")]);
      assert.deepEqual(await cells(page, "Calibration by bin"), bins);
    }
    assert.equal(await page.locator("#coverage").count(), coverage ? 1 : 0);
    if (coverage) {
      const { confidence, test: { value, low, high } } = coverage;
      const found = await page.locator("#coverage").textContent();
      assert.ok(found.startsWith(`Sets of labels with a promise of ${share(confidence)}, from 4,321 validation rows, held the truth of ${share(value)} (${share(low)} – ${share(high)}) of the test rows.`), found);
      assert.match(found, /outside that interval: it holds less than it should/);
      assert.match(await page.locator("#coverage-says-nothing").textContent(), /every set has all labels/);
      const groups = coverage.groups.map(({ value, rows, test, holds, size }) => [
        value ?? "others",
        rows.toLocaleString("en"),
        `${share(test.value)} (${share(test.low)} – ${share(test.high)})`,
        holds ? "yes" : "no",
        size?.toFixed(4) ?? "without end",
      ]);
      assert.deepEqual(await cells(page, "Coverage by carrier"), groups);
    }
    assert.equal(await page.getByRole("table", { name: "Slices of the test rows" }).count(), slices ? 1 : 0);
    if (slices) {
      const groups = slices.map(({ input, value, rows, measures: [one] }) => [`${input}: ${value ?? "missing"}`, rows.toLocaleString("en"), one ? said(one) : ""]);
      assert.deepEqual(await cells(page, "Slices of the test rows"), groups);
    }
    assert.deepEqual(await page.evaluate(violations), []);
    assert.deepEqual(complaints, []);
  });
}

test("why is what `skewless explain` says", async () => {
  const { page, complaints } = await play(browser, await addressOf(bundle));
  const records = await readRows(rows);
  const explained = await explanations(bundle, rows);
  await page.locator("#why-more").click();
  for (const [at, record] of records.slice(0, 3).entries()) {
    for (const [input, value] of Object.entries(record)) {
      const box = field(page, input);
      const missing = page.locator(".field", { has: box }).locator(".missing input");
      if (await missing.count()) await missing.setChecked(value === null);
      if (value === null) continue;
      if ((await box.evaluate(({ tagName }) => tagName)) === "SELECT") await box.selectOption(value);
      else await box.fill(String(value));
    }
    const { raw, base, features } = explained[at];
    await page.locator(`.why [data-sum="${raw[0]}"]`).waitFor();
    assert.deepEqual(await numbers(page.locator(".why [data-base]"), "data-base"), base);
    const groups = new Map();
    for (const { inputs, contributions } of features) groups.set(inputs.join(), (groups.get(inputs.join()) ?? 0) + contributions[0]);
    const sums = [...groups.values()].sort((a, b) => Math.abs(b) - Math.abs(a));
    assert.deepEqual(await numbers(page.locator(".why [data-contribution]"), "data-contribution"), sums);
  }
  assert.deepEqual(complaints, []);
});
