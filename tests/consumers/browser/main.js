// Without a bundler: the package's folder lies beside the page.

import { load } from "./node_modules/skewless/index.js";
import { load as loadInWorker } from "./node_modules/skewless/worker-client.js";

const record = await (await fetch("record.json")).json();
const model = await load("flights.skw");
const remote = await loadInWorker("flights.skw");
// What the page's module does not know is opened by a larger one, which is fetched then; this bundle's network is none.
const network = await load("network.skw").catch(({ code }) => code);
const answers = { here: model.predict(record), worker: await remote.predict(record), network };
document.getElementById("answer").textContent = JSON.stringify(answers);
