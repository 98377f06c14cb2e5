// The package in a browser, and in every host that fetches.

import { compile } from "./host/browser.js";
import { loader, type Load } from "./load.js";

export * from "./public.js";

/**
 * Opens a bundle.
 * @throws {SkewlessError} `input.unreachable`, `input.aborted`, `bundle.*`, `unsupported.*`, `misuse.*`.
 */
export const load: Load = loader(
  () => compile(new URL("./skewless_bg.wasm", import.meta.url)),
  (address, signal) => fetch(address, { signal: signal ?? null }),
  { larger: { network: () => import("./network/index.js"), full: () => import("./full/index.js") } },
);
