// `load` for a host: the WebAssembly module and the bundle are fetched side by side.

import { type LoadOptions, Model } from "./model.js";
import { type Compile, Runtime } from "./runtime.js";
import { bytesOf, type Fetch, type Source } from "./source.js";
import start, { __wbg_reset_state as reset, initSync as startNow, Model as Native } from "./wasm/skewless.js";

/** Opens a bundle from wherever it is. */
export type Load = (source: Source, options?: LoadOptions) => Promise<Model>;

/** The `load` of a host that compiles and reads in its own way. */
export function loader(compile: Compile, fetch: Fetch): Load {
  const runtime = new Runtime({ start, startNow, reset }, compile);
  return async (source, options) => {
    const [bundle] = await Promise.all([bytesOf(source, fetch), runtime.ready()]);
    return new Model(runtime, (bytes) => new Native(bytes), bundle, options);
  };
}
