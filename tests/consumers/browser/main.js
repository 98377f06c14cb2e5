// Without a bundler: the package's folder lies beside the page.

import { load } from "./node_modules/skewless/index.js";
import { load as loadInWorker } from "./node_modules/skewless/worker-client.js";

const record = await (await fetch("record.json")).json();
const model = await load("flights.skw");
const remote = await loadInWorker("flights.skw");
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
