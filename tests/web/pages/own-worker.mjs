// A worker with messages of its own besides.

import "/package/worker.js";

addEventListener("message", ({ data }) => {
  if (data === "echo") postMessage(data);
  if (data === "die") throw new Error("no more");
});
