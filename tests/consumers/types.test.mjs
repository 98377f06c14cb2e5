// `npx skewless types`: the declarations of a bundle, as a project has them that installed the package with npm.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { before, describe, test } from "node:test";

import { build } from "esbuild";

import { root } from "../web/harness.mjs";
import { install, run } from "./harness.mjs";

const RESOLUTIONS = { nodenext: "nodenext", esnext: "bundler" };

/** What tsc says of a file; nothing where it compiles. */
async function complaints(folder, file, module, more = {}) {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: "es2022",
    lib: ["es2022", "dom", "dom.iterable"],
    types: [],
    module,
    moduleResolution: RESOLUTIONS[module],
    ...more,
  };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  return run(folder, join(folder, "node_modules/.bin/tsc"), "--project", ".", "--pretty", "false").catch((error) => error.message);
}

describe("the types of a bundle", () => {
  let folder;
  before(async () => {
    folder = await install("types");
    await run(folder, "npm", "run", "--silent", "types");
  });

  for (const module of Object.keys(RESOLUTIONS)) {
    test(`take a record as the bundle does: ${module}`, async () => {
      assert.equal(await complaints(folder, "main.ts", module), "");
      assert.match(await complaints(folder, "wrong.ts", module), /wrong\.ts\(14,3\): error TS2561: .*'distanze' does not exist .* 'distance'\?/);
    });
  }

  // The package's own declarations are checked too: `skipLibCheck` is off.
  const PROJECTS = {
    "bare.ts": { lib: ["es2022"], types: [] },
    "with-node.ts": { lib: ["es2022"], types: ["node"], typeRoots: [join(root, "web/node_modules/@types")] },
  };
  for (const [file, settings] of Object.entries(PROJECTS)) {
    for (const module of Object.keys(RESOLUTIONS)) {
      test(`need no types of DOM: ${file}, ${module}`, async () => {
        assert.equal(await complaints(folder, file, module, settings), "");
      });
    }
  }

  test("are printed where no file is named", async () => {
    const printed = await run(folder, "npx", "--no-install", "skewless", "types", "flights.skw");
    assert.equal(printed, await readFile(join(folder, "flights.d.ts"), "utf8"));
  });

  const failures = [
    [[], 2, /^skewless types BUNDLE/m],
    [["train"], 2, /^skewless types BUNDLE/m],
    [["types", "flights.skw", "--colour"], 2, /colour/],
    [["types", "none.skw"], 4, /^skewless: input\.unreachable: /m],
    [["types", "main.ts"], 3, /^skewless: bundle\.not_a_bundle: /m],
    [["types", "flights.skw", "-o", "none/flights.d.ts"], 5, /ENOENT/],
  ];
  for (const [given, status, said] of failures) {
    test(`say what is wrong: skewless ${given.join(" ")}`, async () => {
      await assert.rejects(run(folder, "npx", "--no-install", "skewless", ...given), ({ code, stderr }) => {
        assert.equal(code, status);
        assert.match(stderr, said);
        return true;
      });
    });
  }
});

test("every task and every type of input has declarations that compile", async () => {
  const folder = await install("types");
  const built = join(folder, "declare.mjs");
  await build({ entryPoints: [join(root, "web/src/bin/declare.ts")], outfile: built, format: "esm", logLevel: "error" });
  const { declarations } = await import(pathToFileURL(built).href);
  const inputs = ["number", "integer", "boolean", "category", "text", "timestamp", "date", "tensor"].map((type) => ({
    name: `a "${type}"`,
    type,
    nullable: type !== "tensor",
    doc: "ends */ here\nand there",
    zone: "utc",
    ...(type === "tensor" && { shape: [2, 3] }),
    ...(type === "integer" && { min: 0 }),
  }));
  const info = { version: "1.0.0", digest: "0", target: "what */ else", inputs };
  const record = '{ "a \\"tensor\\"": [[1, 2, 3], [4, 5, 6]], "a \\"integer\\"": 3, "a \\"text\\"": null }';
  const tasks = {
    binary: "const { label }: { label: \"no\" | 'a \"yes\"' } = model.predict(record);",
    multiclass: "const { probabilities: { no } } = model.predict(record); export const sum: number = no;",
    regression: "export const { value }: { value: number } = model.predict(record);",
    vector: "export const { values }: { values: number[] } = model.predict(record);",
  };
  for (const [task, use] of Object.entries(tasks)) {
    const named = { ...info, name: `2nd-${task}.model`, task, labels: ["no", 'a "yes"'] };
    const type = `Model2nd${task[0].toUpperCase()}${task.slice(1)}Model`;
    await writeFile(join(folder, "bundle.d.ts"), declarations(named));
    const program = `import { load } from "skewless";\nimport type { ${type} } from "./bundle.js";\nconst model = await load<${type}>("x");\nconst record = ${record};\n${use}\nexport {};\n`;
    await writeFile(join(folder, "program.ts"), program);
    assert.equal(await complaints(folder, "program.ts", "nodenext"), "", `${task}\n${declarations(named)}`);
  }
});
