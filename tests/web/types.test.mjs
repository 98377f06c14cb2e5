// The published declarations, as a project with strict settings and without `skipLibCheck` sees them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { dist, root } from "./harness.mjs";

const run = promisify(execFile);
const project = join(root, "target/consumer");

async function compile(settings, files = ["consumer.ts"]) {
  await rm(project, { recursive: true, force: true });
  await mkdir(project, { recursive: true });
  await cp(dist, join(project, "node_modules/skewless"), { recursive: true });
  await cp(join(root, "tests/web/consumer/consumer.ts"), join(project, "consumer.ts"));
  await cp(join(root, "web/workers/cloudflare/src"), join(project, "src"), { recursive: true });
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const compilerOptions = { strict: true, skipLibCheck: false, noEmit: true, target: "es2022", types: [], ...settings };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  await run(join(root, "web/node_modules/.bin/tsc"), ["--project", project]).catch((error) => {
    assert.fail(error.stdout || error.message);
  });
}

test("in Node and bundlers that resolve as it does", () =>
  compile({ module: "nodenext", moduleResolution: "nodenext", lib: ["es2022", "dom", "dom.iterable"] }));

test("in bundlers", () => compile({ module: "esnext", moduleResolution: "bundler", lib: ["es2022", "dom", "dom.iterable"] }));

test("in a worker, with its template", () =>
  compile({ module: "esnext", moduleResolution: "bundler", lib: ["es2022", "webworker"] }, [
    "consumer.ts",
    "src/bundle.d.ts",
    "src/index.ts",
    "src/stored.ts",
  ]));
