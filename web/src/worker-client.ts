// The package over a Web Worker: the same methods as promises, while the page stays smooth.

import { type WorkerLoad, workerLoader } from "./worker/ask.js";

export * from "./public.js";
export type { WorkerLoad, WorkerLoadOptions, WorkerModel } from "./worker/ask.js";

/** Opens a bundle in a worker. */
export const load: WorkerLoad = workerLoader<Worker>({
  start: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
  connect(worker, hear, stopped) {
    worker.addEventListener("message", ({ data }) => hear(data));
    worker.addEventListener("error", (event) => stopped(event.message || "its script can't be run"));
    return { post: (message, transfer) => worker.postMessage(message, transfer) };
  },
  end: (worker) => worker.terminate(),
  listens: "addEventListener",
  resolve: (address) => new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href).href,
});
