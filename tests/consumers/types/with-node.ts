// The same of a project with Node's types and without DOM's.

import { Worker } from "node:worker_threads";

import type { BuildOptions } from "esbuild";
import { load } from "skewless";
import { skewless } from "skewless/esbuild";
import { createHandler } from "skewless/serve";
import { listen } from "skewless/serve/node";
import { load as loadInWorker } from "skewless/worker-client";

const { signal } = new AbortController();
for (const source of ["flights.skw", new URL("file:///flights.skw"), new Blob([]), new Response(), await fetch("https://example.org")]) {
  await load(source, { signal });
}
export const remote = await loadInWorker("flights.skw", { worker: new Worker("worker.js") });
const handle = await createHandler("flights.skw");
export const answer: Response = await handle(new Request("https://example.org/v2"));
export const port: string = JSON.stringify((await listen(handle, { port: 0 })).address());
export const options: BuildOptions = { plugins: [skewless()] };

// @ts-expect-error: no signal
await load("flights.skw", { signal: {} });
// @ts-expect-error: no request
await handle("https://example.org/v2");
