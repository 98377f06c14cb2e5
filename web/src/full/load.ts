// `load` of the package with the general engine, whose module checks golden rows itself: a graph's may differ in their
// last bits from processor to processor.

import { type Host, type Load, loader as loaderWith } from "../load.js";
import type { Compile } from "../runtime.js";
import type { Fetch } from "../source.js";
// The build puts the larger module's own bindings in the place of these.
import type { Model as Small } from "../wasm/skewless.js";

/** The model of the larger module. */
interface Native extends Small {
  verify(bundle: Uint8Array): void;
}

/** The `load` of a host that compiles and reads in its own way. */
export function loader(compile: Compile, fetch: Fetch): Load {
  const host: Host = { verify: (native, bundle) => (native as Native).verify(bundle) };
  return loaderWith(compile, fetch, host);
}
