// The HTTP protocol in Vercel's edge runtime, which takes a compiled module by `?module`.

import { type CreateHandler, type CreateLazyHandler, handlerMakers } from "./handler.js";
import module from "./skewless_bg.wasm?module";
import { type BundleSource, fromAddress, sourceFrom as sourceFromAny, sourceOf } from "./sources.js";

export * from "./public.js";

const makers = handlerMakers({ compile: () => Promise.resolve(module), source: sourceOf });

/** Opens a bundle and gives the function that answers requests with it. */
export const createHandler: CreateHandler = makers.createHandler;

/** Gives the function at once; the first request opens the bundle. */
export const createLazyHandler: CreateLazyHandler = makers.createLazyHandler;

/** The source that the variable `SKEWLESS_SOURCE` names: an address. */
export const sourceFrom = (variables: object): BundleSource => sourceFromAny(variables, fromAddress);
