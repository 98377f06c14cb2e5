// The module of a Web Worker that answers for a page: `skewless/worker-client` starts it, or a worker imports it.

import { load } from "./index.js";
import { answerer } from "./worker/answer.js";

const port = globalThis as unknown as Worker;
const hear = answerer(load, { post: (message, transfer) => port.postMessage(message, transfer) });
port.addEventListener("message", ({ data }) => hear(data));
