// The package in Node: WebAssembly and bundles come from files.

import { compile, read } from "./host/node.js";
import { loader, type Load } from "./load.js";

export * from "./public.js";

/** Opens a bundle; a string is a path or a URL. */
export const load: Load = loader(() => compile(new URL("./skewless_bg.wasm", import.meta.url)), read, {
  larger: { network: () => import("./network/node.js"), full: () => import("./full/node.js") },
  now: true,
});
