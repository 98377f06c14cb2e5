// The package with networks in Vercel's edge runtime: the module is compiled when the function is deployed, and imported as it asks.

import { type Load, loader } from "../load.js";
import module from "./skewless_network_bg.wasm?module";

export * from "../public.js";

/** Opens a bundle. */
export const load: Load = loader(
  () => Promise.resolve(module),
  (address, signal) => fetch(address, { signal: signal ?? null }),
);
