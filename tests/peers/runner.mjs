// A WebAssembly engine in Node, which answers requests a line.
//
//   node tests/peers/runner.mjs WORKS MODULES ENGINE
//
// {"do":"answer","work":NAME,"rows":N} gives {"answer":[…],"expected":FILE}, {"do":"time","work":NAME,"batch":B,"seconds":S}
// gives {"us_per_row":x}; what goes wrong gives {"error":"…"}.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { opener } from "./opener.mjs";
import { answer, time } from "./timing.mjs";
import { Work } from "./work.mjs";

const [works, modules, name] = process.argv.slice(2);
// The standard output is for answers alone.
console.log = console.error;
const open = await opener(name, modules);
const opened = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await reply(JSON.parse(line)))}\n`);
}

async function reply(request) {
  try {
    const engine = await engineOf(request.work);
    if (request.do === "time") return { us_per_row: await time(engine, request.batch, request.seconds) };
    return { answer: await answer(engine, request.rows), expected: engine.expected ?? "expected.f64" };
  } catch (error) {
    return { error: String(error?.stack ?? error).split("\n").slice(0, 3).join(" ") };
  }
}

async function engineOf(work) {
  if (!opened.has(work)) opened.set(work, await open(new Work(work, (path) => readFile(join(works, path)))));
  return opened.get(work);
}
