// The playground over bundles of other kinds than the example's: each answers and explains as the program does.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { violations } from "./accessibility.mjs";
import { launch } from "./browser.mjs";
import { asGraph } from "./bundles.mjs";
import { dist, paths, root } from "./harness.mjs";
import { KINDS, packedKind, packedNetwork } from "./kinds.mjs";
import { answered, downloaded, field, numbers, parsedLines, play, siteOf, tab } from "./playing.mjs";
import { explanations, predictions } from "./program.mjs";

const screenshots = join(root, "target/screenshots");

let browser;
let folder;
before(async () => {
  await mkdir(screenshots, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), "skewless-kinds-"));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** A kind's bundle under a site of its own, and what the program says of a record. */
async function kindOf(packed) {
  const site = await siteOf(packed.bundle);
  const told = async (say, record) => {
    const path = join(folder, "one.jsonl");
    await writeFile(path, `${JSON.stringify(record)}\n`);
    return (await say(packed.bundle, path))[0];
  };
  const predicted = (record) => told(predictions, record);
  return { ...packed, site, predicted, explained: (record) => told(explanations, record) };
}

/** The prediction that the page shows, with all its digits. */
async function shown(page) {
  const values = await page.locator("#headline").getAttribute("data-values");
  if (values !== null) return { values: JSON.parse(values) };
  const label = await page.locator("#headline").textContent();
  const names = await page.locator("#answer .bar-label").allTextContents();
  const shares = await numbers(page.locator("#answer .bar-value"), "data-probability");
  return { label, probabilities: Object.fromEntries(names.map((name, at) => [name, shares[at]])) };
}

/** The same of what the program writes. */
function said({ label, probabilities, value, values }) {
  return label === undefined ? { values: values ?? [value] } : { label, probabilities };
}

/** Every tab as it looks, and what axe says of it. */
async function looked(page, kind) {
  for (const name of ["record", "batch", "drift", "bundle"]) {
    await tab(page, name);
    await page.waitForTimeout(100);
    await page.screenshot({ path: join(screenshots, `chromium-${kind}-${name}.png`), fullPage: true });
    assert.deepEqual(await page.evaluate(violations), [], `${kind}: ${name}`);
  }
}

for (const name of KINDS) {
  describe(`a ${name.replace("_", " ")} model`, () => {
    let kind;
    before(async () => {
      kind = await kindOf(await packedKind(name, folder));
    });
    after(() => kind?.site.close());

    test("answers and explains a record as the program does", async () => {
      const { page, complaints } = await play(browser, `${kind.site.url}/`);
      const example = JSON.parse(await page.evaluate(async () => {
        const { load } = await import("/index.js");
        return JSON.stringify((await load("/bundle.skw")).info.example);
      }));
      for (const change of [{}, { speed: -1.25 }, { age: 33, material: "slate" }, { shift: null }]) {
        const record = { ...example, ...change };
        for (const [input, value] of Object.entries(record)) {
          if (input === "shift") await page.locator(".field", { has: field(page, input) }).locator(".missing input").setChecked(value === null);
          if (value === null) continue;
          if (input === "material") await field(page, input).selectOption(value);
          else await field(page, input).fill(String(value));
        }
        const expected = await kind.predicted(record);
        assert.deepEqual(await shown(page), said(expected), JSON.stringify(record));
        await checkWhy(page, await kind.explained(record), expected.label);
      }
      assert.deepEqual(complaints, []);
    });

    test("varies an input", async () => {
      const { page, complaints } = await play(browser, `${kind.site.url}/`);
      await page.locator("#what-if-input").selectOption("load");
      await page.locator(".handle").press("End");
      assert.equal(Number(await field(page, "load").inputValue()), Number(await page.locator(".handle").getAttribute("aria-valuemax")));
      await page.locator("#what-if-input").selectOption("material");
      assert.equal(await page.locator(".choice-bar").count(), 4);
      assert.deepEqual(complaints, []);
    });

    test("answers a file as the program does", async () => {
      const table = join(folder, `${name}.csv`);
      const names = Object.keys(kind.records[0]);
      const lines = kind.records.map((record) => names.map((input) => record[input] ?? "").join(","));
      await writeFile(table, [names.join(","), ...lines, "fast,1,2,oak,0", "1,1,2.5,oak,0", ""].join("\n"));
      const { page, complaints } = await play(browser, `${kind.site.url}/`);
      await answered(page, table);
      const expected = await predictions(kind.bundle, table);
      assert.deepEqual(parsedLines(await downloaded(page, /Download JSON lines/)), expected);
      const codes = expected.flatMap(({ error }) => (error ? [error.code] : []));
      assert.deepEqual(codes, ["input.wrong_type", "input.not_integer"]);
      await looked(page, name);
      assert.deepEqual(complaints, []);
    });
  });
}

/** Bars and sums against the program's explanation, for each label where there are several. */
async function checkWhy(page, { raw, base, features }, label) {
  const several = page.locator("#why-output");
  const labels = raw.length > 1 ? await several.locator("option").allTextContents() : [undefined];
  assert.equal(labels.length, raw.length);
  await page.locator(`.why [data-sum="${raw[Math.max(0, labels.indexOf(label))]}"]`).waitFor();
  for (const [output, name] of labels.entries()) {
    if (name !== undefined) await several.selectOption({ label: name });
    const sums = features.map(({ contributions }) => contributions[output]).sort((a, b) => Math.abs(b) - Math.abs(a));
    assert.deepEqual(await numbers(page.locator(".why [data-contribution]"), "data-contribution"), sums, name);
    assert.deepEqual(await numbers(page.locator(".why [data-base]"), "data-base"), [base[output]], name);
    assert.deepEqual(await numbers(page.locator(".why [data-sum]"), "data-sum"), [raw[output]], name);
  }
  // The next record begins with its own label.
  await page.reload();
  await page.locator("#form").waitFor();
}

describe("a network that takes a tensor", () => {
  let kind;
  before(async () => {
    kind = await kindOf(await packedNetwork(folder));
  });
  after(() => kind?.site.close());

  test("answers numbers that are typed, and says that it explains nothing", async () => {
    const { page, complaints } = await play(browser, `${kind.site.url}/`);
    for (const record of kind.records.slice(0, 3)) {
      await field(page, "x").fill(JSON.stringify(record.x));
      assert.deepEqual(await shown(page), said(await kind.predicted(record)));
    }
    await page.locator(".why .note").filter({ hasText: "does not hold what an explanation needs" }).waitFor();
    await field(page, "x").fill("[1, 2]");
    assert.match(await page.locator('[id="input-x-error"]').textContent(), /input\.wrong_shape/);
    await field(page, "x").fill("[1, 2");
    assert.match(await page.locator('[id="input-x-error"]').textContent(), /input\.wrong_type/);
    assert.deepEqual(complaints, []);
  });

  test("answers JSON lines as the program does, and no CSV", async () => {
    const { page, complaints } = await play(browser, `${kind.site.url}/`);
    await answered(page, kind.rows);
    assert.deepEqual(parsedLines(await downloaded(page, /Download JSON lines/)), await predictions(kind.bundle, kind.rows));
    await looked(page, "network");
    const table = join(folder, "network.csv");
    await writeFile(table, "x\n1\n");
    await tab(page, "batch");
    await page.locator("#table-file").setInputFiles(table);
    await page.locator("#panel-batch .fatal").filter({ hasText: "table.unsupported_type" }).waitFor();
    assert.deepEqual(complaints, []);
  });
});

test("a bundle with a graph is refused by code where the general engine is not beside the page", async () => {
  const graph = join(folder, "graph.skw");
  await writeFile(graph, asGraph(await readFile(paths().bundle)));
  const site = await siteOf(graph);
  try {
    const { page, complaints } = await play(browser, `${site.url}/`);
    const said = await page.locator("#fatal").textContent();
    if (existsSync(join(dist, "playground/full/skewless_full_bg.wasm"))) {
      // The engine reads the graph, which is none.
      assert.match(said, /bundle\.\w+$/);
    } else {
      assert.match(said, /unsupported\.engine$/);
      assert.match(said, /built without the general engine: `cargo xtask web --full` builds it/);
    }
    // The page is there for another bundle.
    await page.locator("#bundle-file").setInputFiles(paths().bundle);
    await page.locator("#form").waitFor();
    assert.deepEqual(complaints, []);
  } finally {
    site.close();
  }
});
