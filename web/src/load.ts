// `load` for a host: the WebAssembly module and the bundle are fetched side by side.

import { type LoadOptions, Model } from "./model.js";
import { type Compile, Runtime } from "./runtime.js";
import { bytesOf, type Fetch, type Source } from "./source.js";
import start, { __wbg_reset_state as reset, initSync as startNow, Model as Native } from "./wasm/skewless.js";

/** Opens a bundle from wherever it is. */
export type Load = (source: Source, options?: LoadOptions) => Promise<Model>;

/** Gives the package with a larger module, which knows more models. */
export type Larger = () => Promise<{ readonly load: Load }>;

/** How hosts differ. */
export interface Host {
  /** Opens what the module does not know. */
  readonly larger?: Larger;
  /** Whether a compiled module starts at once: without a look at the classes of `fetch`, which Node would have to load. */
  readonly now?: boolean;
}

/** The `load` of a host that compiles and reads in its own way. */
export function loader(compile: Compile, fetch: Fetch, { larger, now = false }: Host = {}): Load {
  const begin = (module: WebAssembly.Module) => (now ? startNow({ module }) : start({ module_or_path: module }));
  const runtime = new Runtime({ start: begin, startNow, reset }, compile);
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
