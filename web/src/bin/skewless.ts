#!/usr/bin/env node
// `npx skewless types B.skw`: the program of the npm package. Everything else is the program `skewless` of the crates.

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { SkewlessError } from "../error.js";
import { load } from "../node.js";
import { declarations } from "./declare.js";

const USAGE = `skewless types BUNDLE [-o FILE]

Writes TypeScript declarations of the bundle's records and predictions to FILE, or to standard output.
BUNDLE is a path or a URL.
`;

/** As the program of the crates ends: 0 done, 2 usage, 3 bad bundle, 4 bad input, 5 the output could not be written. */
async function main(given: string[]): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args: given,
      allowPositionals: true,
      options: { output: { type: "string", short: "o" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    return failed(`${(error as Error).message}\n\n${USAGE}`, 2);
  }
  const { values, positionals } = parsed;
  if (values.help) return printed(USAGE);
  const [verb, bundle, ...more] = positionals;
  if (verb !== "types" || bundle === undefined || more.length > 0) return failed(USAGE, 2);
  let text;
  try {
    text = declarations((await load(bundle, { verify: false })).info);
  } catch (error) {
    if (!(error instanceof SkewlessError)) throw error;
    return failed(`skewless: ${error.code}: ${error.message}\n`, error.kind === "invalid_input" ? 4 : 3);
  }
  if (values.output === undefined) return printed(text);
  try {
    await writeFile(values.output, text);
    return 0;
  } catch (error) {
    return failed(`skewless: ${(error as Error).message}\n`, 5);
  }
}

function printed(text: string): number {
  process.stdout.write(text);
  return 0;
}

function failed(text: string, status: number): number {
  process.stderr.write(text);
  return status;
}

process.exitCode = await main(process.argv.slice(2));
