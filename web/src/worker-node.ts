// The module of a worker thread in Node that answers for the main thread: `skewless/worker-client` starts it.

import { parentPort } from "node:worker_threads";

import { load } from "./node.js";
import { answerer } from "./worker/answer.js";

const hear = answerer(load, { post: (message, transfer) => parentPort?.postMessage(message, transfer) });
parentPort?.on("message", hear);
