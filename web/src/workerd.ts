// The package in Cloudflare Workers: the module is part of the script and compiled when it is deployed.

import module from "./skewless_bg.wasm";
import { loader, type Load } from "./load.js";

export * from "./public.js";

/** Opens a bundle. */
export const load: Load = loader(
  () => Promise.resolve(module),
  (address, signal) => fetch(address, { signal: signal ?? null }),
);
