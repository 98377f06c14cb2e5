// How long an engine takes from nothing to its first answer in a fresh Node: its JavaScript is read and run, its
// WebAssembly compiled, the model read and opened, one record answered.
//
//   node tests/peers/start.mjs ENGINE WORKS MODULES
//
// `skewless` opens the flights bundle, the peers their model of `gbdt-200x31`. Prints {"us":x}.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

const [name, works, modules] = process.argv.slice(2);
const { root } = await import("../web/harness.mjs");
console.log = console.error;
const line = (await readFile(join(root, "models/flights/sample.jsonl"), "utf8")).split("\n")[0];
const record = JSON.parse(line);

const start = performance.now();
const value = await (name === "skewless" ? ours() : peer());
const us = (performance.now() - start) * 1000;
if (!Number.isFinite(value)) throw new Error(`the first answer is ${value}`);
process.stdout.write(`${JSON.stringify({ us })}\n`);
// A peer's threads would keep the process.
process.exit();

async function ours() {
  const { load } = await import("../../web/dist/node.js");
  const model = await load(join(root, "models/flights/flights.skw"));
  return model.predict(record).probability;
}

async function peer() {
  const [{ opener }, { Work }] = await Promise.all([import("./opener.mjs"), import("./work.mjs")]);
  const open = await opener(name, modules);
  const engine = await open(new Work("first-answer", (path) => readFile(join(works, path))));
  return (await engine.numbers(await engine.call(engine.input(0, 1))))[0];
}
