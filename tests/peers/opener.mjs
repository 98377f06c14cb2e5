// Finds an engine's package in Node and gives the function that opens a work with it.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The opener of an engine; peers are found in the folder `modules`, the project's package in `web/dist`. */
export async function opener(name, modules) {
  const require = createRequire(join(modules, "package.json"));
  const imported = (wanted) => import(pathToFileURL(require.resolve(wanted)).href);
  switch (name) {
    case "skewless": {
      const { open } = await import("./engines/skewless.mjs");
      const { load } = await import("../../web/dist/node.js");
      return (work) => open(work, { load });
    }
    case "tract": {
      const { open } = await import("./engines/skewless.mjs");
      const { load } = await import("../../web/dist/full/node.js");
      return (work) => open(work, { load, tract: true });
    }
    case "onnxruntime-web":
    case "onnxruntime-web-qoperator": {
      const { open } = await import("./engines/onnxruntime-web.mjs");
      const ort = await imported("onnxruntime-web");
      const file = name.endsWith("qoperator") ? "qoperator.onnx" : "model.onnx";
      return (work) => open(work, { ort: ort.default ?? ort, file });
    }
    case "ydf-inference": {
      const { open } = await import("./engines/ydf-inference.mjs");
      const ydf = (await imported("ydf-inference")).default;
      return (work) => open(work, { ydf });
    }
    case "tfjs-backend-wasm": {
      const { open } = await import("./engines/tfjs-backend-wasm.mjs");
      // The CommonJS builds are the ones made for Node, and they must share one core.
      const tf = require("@tensorflow/tfjs-core");
      const backend = require("@tensorflow/tfjs-backend-wasm");
      backend.setWasmPaths(join(modules, "node_modules/@tensorflow/tfjs-backend-wasm/dist/"));
      backend.setThreadsCount(1);
      await tf.setBackend("wasm");
      return (work) => open(work, { tf });
    }
    default:
      throw new Error(`no engine ${name}`);
  }
}
