// The HTTP protocol in Cloudflare Workers.

import { type CreateHandler, type CreateLazyHandler, handlerMakers } from "./handler.js";
import module from "./skewless_bg.wasm";
import { type BundleSource, misconfigured, sourceFrom as sourceFromAny, sourceOf } from "./sources.js";

export * from "./public.js";

const makers = handlerMakers({ compile: () => Promise.resolve(module), source: sourceOf });

/** Opens a bundle and gives the function that answers requests with it. */
export const createHandler: CreateHandler = makers.createHandler;

/** Gives the function at once; the first request opens the bundle. */
export const createLazyHandler: CreateLazyHandler = makers.createLazyHandler;

/** The source that the variable `SKEWLESS_SOURCE` names: `r2:BINDING/KEY`, `kv:BINDING/KEY`, `assets:BINDING/PATH` or an address. */
export const sourceFrom = (variables: object): BundleSource =>
  sourceFromAny(variables, () => {
    throw misconfigured("SKEWLESS_SOURCE", "is neither r2:, kv: nor assets:, and no address");
  });
