// The `skewless` program, as `cargo test` has built it: what the command line says of the same records.

import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, cp } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { root } from "./harness.mjs";

const program = process.env.TESTED_PROGRAM ?? join(root, "target/ci/skewless");

function built() {
  if (!existsSync(program)) throw new Error(`${program} is not there: cargo build --profile ci --package skewless-cli`);
  return program;
}

/** The predictions of `skewless predict` for a table of records, one object a row; failed rows are part of it. */
export async function predictions(bundle, table) {
  const run = promisify(execFile)(built(), ["predict", bundle, table], { maxBuffer: 1 << 28 });
  // Status 1 says that some rows failed.
  const { stdout } = await run.catch((error) => (error.code === 1 ? error : Promise.reject(error)));
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** `skewless serve` of a program that is installed into `folder` with the playground beside it; gives its address. */
export async function served(bundle, playground, folder) {
  await copyFile(built(), join(folder, "skewless"));
  await cp(playground, join(folder, "playground"), { recursive: true });
  const child = spawn(join(folder, "skewless"), ["serve", bundle, "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await new Promise((said, failed) => {
    createInterface(child.stdout).once("line", (line) => said([line]));
    child.once("exit", (code) => failed(new Error(`skewless serve ends with ${code}`)));
  });
  return { url: /http:\S+/.exec(line)[0], close: () => child.kill() };
}
