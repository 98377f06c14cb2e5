// The package with networks in a browser, and in every host that fetches. `load` of the package itself comes here when a
// bundle holds a network; who only has networks imports this alone.

import { compile } from "../host/browser.js";
import { type Load, loader } from "../load.js";

export * from "../public.js";

/**
 * Opens a bundle.
 * @throws {SkewlessError} `input.unreachable`, `bundle.*`, `unsupported.*`.
 */
export const load: Load = loader(
  () => compile(new URL("./skewless_network_bg.wasm", import.meta.url)),
  (address, signal) => fetch(address, { signal: signal ?? null }),
  { larger: { full: () => import("../full/index.js") } },
);
