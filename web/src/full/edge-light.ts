// The package with the general engine in the edge runtime of Vercel: the module is compiled when the function is deployed.

import type { Load } from "../load.js";
import { loader } from "./load.js";
import module from "./skewless_full_bg.wasm?module";

export * from "../public.js";

/** Opens a bundle. */
export const load: Load = loader(
  () => Promise.resolve(module),
  (address, signal) => fetch(address, { signal: signal ?? null }),
);
