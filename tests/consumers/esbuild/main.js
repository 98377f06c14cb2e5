// With esbuild: the package is imported by name; esbuild leaves the addresses of WebAssembly and worker as they are, and
// the build script puts the files there.

import { load } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

const record = await (await fetch("record.json")).json();
const model = await load("flights.skw");
const remote = await loadInWorker("flights.skw");
const answers = { here: model.predict(record), worker: await remote.predict(record) };
document.getElementById("answer").textContent = JSON.stringify(answers);
