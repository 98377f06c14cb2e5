// The package over a worker thread in Node: the same methods as promises.

import { Worker } from "node:worker_threads";

import { type WorkerLoad, workerLoader } from "./worker/ask.js";

export * from "./public.js";
export type { WorkerLoad, WorkerLoadOptions, WorkerModel } from "./worker/ask.js";

/** Opens a bundle in a worker thread. */
export const load: WorkerLoad = workerLoader<Worker>({
  start: () => new Worker(new URL("./worker-node.js", import.meta.url)),
  connect(worker, hear, stopped) {
    worker.on("message", hear);
    worker.on("error", stopped);
    worker.on("exit", (status) => stopped(`status ${status}`));
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      // A process ends with its work, not with the last model's `close`.
      awaited: (waits) => (waits ? worker.ref() : worker.unref()),
    };
  },
  end: (worker) => void worker.terminate(),
  listens: "on",
  resolve: String,
});
