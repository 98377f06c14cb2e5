// What the tests send, and what the command line answers to it.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { readRows, root } from "../web/harness.mjs";

const run = promisify(execFile);

export const bundle = join(root, "models/flights/flights.skw");

/** The program, as `cargo xtask test` builds it. */
const program = process.env.TESTED_PROGRAM ?? join(root, "target/ci/skewless");

/** A value that no log may hold. */
export const SECRET = "N0T-F0R-L0GS";

/** What hosts are held to; small, so that tests reach it. */
export const SETTINGS = {
  SKEWLESS_MAX_BODY: "400000",
  SKEWLESS_MAX_ROWS: "1500",
  SKEWLESS_MAX_LINE: "2000",
  SKEWLESS_MAX_STREAM_BODY: String(256 << 20),
  SKEWLESS_MAX_STREAM_ROWS: "100000",
  SKEWLESS_CORS_ORIGINS: "https://page.example",
};

/** Lines that are no record, or not one that can be scored. */
const BAD = ['{"carrier":', "[1,2]", JSON.stringify({ carrier: SECRET }), "\t ", "not JSON at all", '{"dep_hour":"late"}'];

/** The sample's records. */
export const records = await readRows(join(root, "models/flights/sample.jsonl"));

/** Some thousands of lines, bad ones and blank ones among them. */
export const lines = (() => {
  const good = records.map((record) => JSON.stringify(record));
  const all = [...good, ...good, ...good, ...good, ...good];
  BAD.forEach((line, index) => all.splice(137 + 811 * index, 0, line));
  return `${all.join("\r\n")}\n\n${good[0]}`;
})();

/** What the command line answers to the lines, and the digest of it. */
export const answered = await (async () => {
  const folder = join(root, "target/edge");
  await mkdir(folder, { recursive: true });
  const path = join(folder, `lines-${process.pid}.jsonl`);
  await writeFile(path, lines);
  const ask = async (...parameters) => {
    // Some rows fail, which the program says by status 1.
    const settled = await run(program, ["predict", bundle, path, ...parameters], { maxBuffer: 64 << 20 }).catch((error) => error);
    if (settled.code !== undefined && settled.code !== 1) throw settled;
    return settled.stdout;
  };
  return { text: await ask(), digest: (await ask("--digest-only")).trim() };
})();

/** A request that stops the instance: its body throws while it is copied in, in the middle of the instance's work. */
export function trapping(path, headers) {
  const piece = {
    length: 7,
    get 0() {
      throw new Error("stopped");
    },
    subarray() {
      return this;
    },
  };
  let read = false;
  const next = async () => (read ? { done: true } : ((read = true), { done: false, value: piece }));
  const body = { getReader: () => ({ cancel: async () => undefined, read: next }) };
  return { method: "POST", url: `http://localhost${path}`, headers: new Headers(headers), body };
}

/** Another bundle under the same name, and the answer of the command line to a record of it. */
export async function anotherBundle() {
  const folder = await mkdtemp(join(root, "target/edge/another-"));
  const path = (name) => join(folder, name);
  const reference = await readRows(join(root, "tests/references/sklearn_logistic_multiclass.rows.jsonl"));
  const rows = reference.map(({ row }) => ({ x: row }));
  await writeFile(path("rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const input = `[[input]]\nname = "x"\ntype = "tensor"\nshape = [${reference[0].row.length}]\n`;
  await writeFile(path("features.toml"), `${input}\n[[feature]]\nname = "columns"\nop = "number"\nfrom = "x"\n`);
  const model = join(root, "tests/references/sklearn_logistic_multiclass.onnx");
  const from = ["--model", model, "--features", path("features.toml"), "--golden-from", path("rows.jsonl")];
  await run(program, ["pack", ...from, "--name", "flights", "--version", "2.0.0", "--output", path("another.skw")]);
  const { stdout } = await run(program, ["predict", path("another.skw"), path("rows.jsonl")]);
  return { path: path("another.skw"), record: rows[0], answer: stdout.split("\n")[0], remove: () => rm(folder, { recursive: true }) };
}
