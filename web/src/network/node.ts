// The package with networks in Node.

import { compile, read } from "../host/node.js";
import { type Load, loader } from "../load.js";

export * from "../public.js";

/** Opens a bundle; a string is a path or a URL. */
export const load: Load = loader(() => compile(new URL("./skewless_network_bg.wasm", import.meta.url)), read, {
  larger: { full: () => import("../full/node.js") },
  now: true,
});
