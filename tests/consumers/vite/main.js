// With Vite: the package is imported by name, and its WebAssembly and its worker are found by Vite.

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

import bundle from "./flights.skw?url";

const record = await (await fetch("record.json")).json();
const model = await load(bundle);
const remote = await loadInWorker(bundle);
// What the page's module does not know is opened by a larger one, which is fetched then; this bundle's network is none.
const network = await load("network.skw").catch(({ code }) => code);
const answers = { here: model.predict(record), worker: await remote.predict(record), network };
document.getElementById("answer").textContent = JSON.stringify(answers);
