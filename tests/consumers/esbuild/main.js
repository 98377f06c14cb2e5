// With esbuild: the package is imported by name; esbuild leaves the addresses of WebAssembly and worker as they are, and
// the package's plugin puts the files there.

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

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
