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

/** What the program writes; status 1 says that some rows failed. */
async function said(...parameters) {
  const run = promisify(execFile)(built(), parameters, { maxBuffer: 1 << 28 });
  const { stdout } = await run.catch((error) => (error.code === 1 ? error : Promise.reject(error)));
  return stdout;
}

const lines = (text) => text.trimEnd().split("\n").map((line) => JSON.parse(line));

/** The predictions of `skewless predict` for a table of records, one object a row; failed rows are part of it. */
export const predictions = async (bundle, table) => lines(await said("predict", bundle, table));

/** The text that `skewless predict` writes for a table, `csv` or `jsonl`. */
export const predicted = (bundle, table, format) => said("predict", bundle, table, "--to", format);

/** What `skewless explain` says of them. */
export const explanations = async (bundle, table) => lines(await said("explain", bundle, table));

/** What `skewless inspect` says of a bundle. */
export const inspected = async (bundle) => JSON.parse(await said("inspect", bundle, "--json"));

/** Trains what a configuration says. */
export const train = (config, bundle) => said("train", config, "--no-store", "-o", bundle);

/** Makes a bundle of a model from elsewhere. */
export const pack = ({ model, name, bundle, flags }) => said("pack", "--model", model, "--name", name, "--version", "1.0.0", "--output", bundle, ...flags);

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
