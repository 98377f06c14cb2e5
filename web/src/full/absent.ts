// What stands in the place of `skewless/full` where the package was built without the general engine.

import { SkewlessError } from "../error.js";
import type { Load } from "../load.js";

export * from "../public.js";

/** Says that the engine is not there. */
export const load: Load = () => {
  const message = "this package was built without the general engine: `cargo xtask web --full` builds it with `skewless/full`";
  return Promise.reject(new SkewlessError({ kind: "unsupported", code: "unsupported.engine", message }));
};
