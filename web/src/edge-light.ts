// The package in Vercel's edge runtime: the module is compiled when the function is deployed, and imported as it asks.

import { type Load, loader } from "./load.js";
import module from "./skewless_bg.wasm?module";

export * from "./public.js";

/** Opens a bundle. */
export const load: Load = loader(
  () => Promise.resolve(module),
  (address, signal) => fetch(address, { signal: signal ?? null }),
);
