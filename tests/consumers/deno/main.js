// In Deno: the bundle is a file, and reading is all that is allowed.

import { readFile } from "node:fs/promises";

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

const record = JSON.parse(await readFile("record.json", "utf8"));
const model = await load("flights.skw");
const remote = await loadInWorker("flights.skw");
// What the small module does not know is opened by a larger one; this bundle's network is none.
const network = await load("network.skw").catch(({ code }) => code);
console.log(JSON.stringify({ here: model.predict(record), worker: await remote.predict(record), network }));
