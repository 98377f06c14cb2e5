// With Vite: the package is imported by name, and its WebAssembly and its worker are found by Vite.

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

import bundle from "./flights.skw?url";

const record = await (await fetch("record.json")).json();
const model = await load(bundle);
const remote = await loadInWorker(bundle);
const answers = { here: model.predict(record), worker: await remote.predict(record) };
document.getElementById("answer").textContent = JSON.stringify(answers);
