// The package with the general engine in Cloudflare Workers: the module is part of the script.

import type { Load } from "../load.js";
import module from "./skewless_full_bg.wasm";
import { loader } from "./load.js";

export * from "../public.js";

/** Opens a bundle of any engine. */
export const load: Load = loader(
  () => Promise.resolve(module),
  (address, signal) => fetch(address, { signal: signal ?? null }),
);
