// The package with the general engine in Node: WebAssembly and bundles come from files.

import { compile, read } from "../host/node.js";
import type { Load } from "../load.js";
import { loader } from "./load.js";

export * from "../public.js";

/** Opens a bundle of any engine; a string is a path or a URL. */
export const load: Load = loader(() => compile(new URL("./skewless_full_bg.wasm", import.meta.url)), read);
