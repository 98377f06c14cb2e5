// `load` for a host: the WebAssembly module and the bundle are fetched side by side.

import { type LoadOptions, Model } from "./model.js";
import { type Compile, Runtime } from "./runtime.js";
import { bytesOf, type Fetch, type Source } from "./source.js";
import start, { __wbg_reset_state as reset, initSync as startNow, Model as Native } from "./wasm/skewless.js";

/** Opens a bundle from wherever it is. */
export type Load = (source: Source, options?: LoadOptions) => Promise<Model>;

/** Gives the package with a larger module, which knows more models. */
export type Larger = () => Promise<{ readonly load: Load }>;

/** The `load` of a host that compiles and reads in its own way; what the module does not know goes to a larger one. */
export function loader(compile: Compile, fetch: Fetch, larger?: Larger): Load {
  const runtime = new Runtime({ start, startNow, reset }, compile);
  return async (source, options) => {
    const [bundle] = await Promise.all([bytesOf(source, fetch), runtime.ready()]);
    try {
      return new Model(runtime, (bytes) => new Native(bytes), bundle, options);
    } catch (error) {
      if (!larger || (error as { code?: unknown }).code !== "unsupported.engine") throw error;
      return (await larger()).load(bundle, options);
    }
  };
}
