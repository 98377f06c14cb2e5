// `load` of the package with the general engine, whose module checks golden rows itself: a graph's may differ in their
// last bits from processor to processor.

import type { Load } from "../load.js";
import { Model } from "../model.js";
import { type Compile, Runtime } from "../runtime.js";
import { bytesOf, type Fetch } from "../source.js";
// The build puts the larger module's own bindings in the place of these.
import start, { __wbg_reset_state as reset, initSync as startNow, Model as Small } from "../wasm/skewless.js";

/** The model of the larger module. */
interface Native extends Small {
  verify(bundle: Uint8Array): void;
}

const Native = Small as new (bundle: Uint8Array) => Native;

/** The `load` of a host that compiles and reads in its own way. */
export function loader(compile: Compile, fetch: Fetch): Load {
  const runtime = new Runtime({ start: (module) => start({ module_or_path: module }), startNow, reset }, compile);
  return async (source, options = {}) => {
    const [bundle] = await Promise.all([bytesOf(source, fetch), runtime.ready()]);
    let verify = options.verify ?? true;
    const open = (bytes: Uint8Array) => {
      const native = new Native(bytes);
      if (verify) native.verify(bytes);
      verify = false;
      return native;
    };
    return new Model(runtime, open, bundle, { verify: false });
  };
}
