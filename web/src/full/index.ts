// The package with the general engine in a browser, and in every host that fetches: for bundles with an ONNX graph.

import { compile } from "../host/browser.js";
import type { Load } from "../load.js";
import { loader } from "./load.js";

export * from "../public.js";

/**
 * Opens a bundle of any engine.
 * @throws {SkewlessError} `input.unreachable`, `bundle.*`, `unsupported.*`.
 */
export const load: Load = loader(
  () => compile(new URL("./skewless_full_bg.wasm", import.meta.url)),
  (address, signal) => fetch(address, { signal: signal ?? null }),
);
