// Predicts a file of records in WebAssembly and prints the digest of the predictions: the demo's second half.

import { load } from "../../web/dist/node.js";
import { digestSingles } from "./digest.mjs";
import { paths, readRows } from "./harness.mjs";

const { bundle, rows } = paths();
const model = await load(bundle);
console.log(await digestSingles(model, await readRows(rows)));
