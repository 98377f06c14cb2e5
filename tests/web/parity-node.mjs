// Predicts every row in Node, one by one and as columns, and prints the digest of each way.

import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { digestColumns, digestSingles } from "./digest.mjs";
import { dist, paths, readRows, report } from "./harness.mjs";

const { load } = await import(pathToFileURL(join(dist, "node.js")).href);
const { bundle, rows } = paths();
const model = await load(bundle);
const records = await readRows(rows);
report("wasm-node-single", records.length, await digestSingles(model, records));
report("wasm-node-batch", records.length, await digestColumns(model, records));
