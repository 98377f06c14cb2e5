// Without a bundler: the package's folder lies beside the page.

import { load } from "./node_modules/skewless/index.js";
import { load as loadInWorker } from "./node_modules/skewless/worker-client.js";

const record = await (await fetch("record.json")).json();
const model = await load("flights.skw");
const remote = await loadInWorker("flights.skw");
const answers = { here: model.predict(record), worker: await remote.predict(record) };
document.getElementById("answer").textContent = JSON.stringify(answers);
