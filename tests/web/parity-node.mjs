// Predicts every row in Node, one by one and as columns, and prints the digest of each way.

import { load } from "../../web/dist/node.js";
import { digestColumns, digestSingles } from "./digest.mjs";
import { paths, readRows, report } from "./harness.mjs";

const { bundle, rows } = paths();
const model = await load(bundle);
const records = await readRows(rows);
report("wasm-node-single", records.length, await digestSingles(model, records));
report("wasm-node-batch", records.length, await digestColumns(model, records));
