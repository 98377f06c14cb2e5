// In Node: the bundle is a file.

import { readFile } from "node:fs/promises";

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

const record = JSON.parse(await readFile("record.json", "utf8"));
const model = await load("flights.skw");
const remote = await loadInWorker("flights.skw");
// What the small module does not know is opened by a larger one.
const network = await load("network.skw");
const remoteNetwork = await loadInWorker("network.skw");
const tensor = JSON.parse(await readFile("network.json", "utf8"));
const answers = {
  here: model.predict(record),
  worker: await remote.predict(record),
  network: network.predict(tensor),
  networkInWorker: await remoteNetwork.predict(tensor),
};
console.log(JSON.stringify(answers));
