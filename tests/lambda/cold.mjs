// Cold starts through a Runtime API: the time from the start of a function's process to the arrival of its first answer,
// by this process' clock, of several functions in turn.
//
//   node tests/lambda/cold.mjs FUNCTIONS.json MODEL ROUNDS
//
// FUNCTIONS.json is a list of {name, command, env, model}: `model` says that the answers must be those of the bundle, whose
// golden rows are in the folder MODEL. Prints [{"name","times"}] in milliseconds, without the first round, which fills the
// caches of files.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { Lambda } from "./runtime.mjs";

/** How far the raw score of ONNX Runtime, which adds in f64 and gives f32, may be from the bundle's. */
const BOUND = 1e-6;

const [file, model, rounds] = process.argv.slice(2);
const functions = JSON.parse(await readFile(file, "utf8"));
const golden = (await readFile(join(model, "golden.jsonl"), "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line));

for (const one of functions.filter((one) => one.model)) await check(one);
const results = functions.map(({ name }) => ({ name, times: [] }));
for (let round = 0; round <= Number(rounds); round += 1) {
  for (const [place, one] of functions.entries()) {
    const time = await coldStart(one, golden[round % golden.length].record);
    if (round > 0) results[place].times.push(time);
  }
}
console.log(JSON.stringify(results));

/** The process answers every golden row right. */
async function check(one) {
  const lambda = await Lambda.start(one.command, one.env);
  for (const { record, prediction } of golden) {
    const { value, error } = await within(lambda, lambda.invoke(record));
    const difference = Math.abs([value?.raw].flat()[0] - prediction.raw[0]);
    if (!(difference <= (one.exact ? 0 : BOUND))) {
      throw new Error(`${one.name}: ${JSON.stringify(value ?? error)} where ${JSON.stringify(prediction)} is due`);
    }
  }
  await lambda.stop();
}

async function coldStart(one, record) {
  const lambda = new Lambda(one.command, one.env);
  await lambda.listen();
  const answered = lambda.invoke(record);
  const start = performance.now();
  lambda.launch();
  const { value, error } = await within(lambda, answered);
  const time = performance.now() - start;
  if (!value) throw new Error(`${one.name}: ${JSON.stringify(error)}`);
  await lambda.stop();
  return time;
}

/** The answer, or what is known of a process that ended without one. */
async function within(lambda, answered) {
  const first = await Promise.race([answered, lambda.ended()]);
  if (first.value ?? first.error) return first;
  throw new Error(`the function ended: ${JSON.stringify([first, lambda.initError, ...lambda.entries.slice(-20)])}`);
}
