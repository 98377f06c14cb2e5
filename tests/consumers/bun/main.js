// In Bun: the bundle is a file.

import { readFile } from "node:fs/promises";

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

const record = JSON.parse(await readFile("record.json", "utf8"));
const model = await load("flights.skw");
const remote = await loadInWorker("flights.skw");
console.log(JSON.stringify({ here: model.predict(record), worker: await remote.predict(record) }));
