// With webpack: the package is imported by name, and its WebAssembly and its worker are found by webpack.

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

const bundle = new URL("./flights.skw", import.meta.url);
const record = await (await fetch("record.json")).json();
const model = await load(bundle);
const remote = await loadInWorker(bundle);
// What the module of page or worker does not know is opened by a larger one, which is fetched then.
const network = await load("network.skw");
const remoteNetwork = await loadInWorker("network.skw");
const tensor = await (await fetch("network.json")).json();
const answers = {
  here: model.predict(record),
  worker: await remote.predict(record),
  network: network.predict(tensor),
  networkInWorker: await remoteNetwork.predict(tensor),
};
document.getElementById("answer").textContent = JSON.stringify(answers);
