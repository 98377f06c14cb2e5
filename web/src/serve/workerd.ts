// The HTTP protocol in Cloudflare Workers.

import type { Source } from "../source.js";
import { type CreateHandler, type CreateLazyHandler, handlerMakers } from "./handler.js";
import module from "./skewless_bg.wasm";
import { type BundleSource, fromAddress, misconfigured, once, sourceFrom as sourceFromAny } from "./sources.js";

export { SkewlessError } from "../error.js";
export type { Source } from "../source.js";
export type { CreateHandler, CreateLazyHandler, Handler } from "./handler.js";
export type { BundleEntry, Entry, Log, RequestEntry } from "./journal.js";
export { type Cors, type Limits, type Options, optionsFrom } from "./options.js";
export { type Bucket, type BundleSource, type Fetcher, fromAddress, fromKv, fromR2, type Namespace, type Tagged } from "./sources.js";
export type { Context } from "./supply.js";

const makers = handlerMakers({ compile: () => Promise.resolve(module), source });

/** Opens a bundle and gives the function that answers requests with it. */
export const createHandler: CreateHandler = makers.createHandler;

/** Gives the function at once; the first request opens the bundle. */
export const createLazyHandler: CreateLazyHandler = makers.createLazyHandler;

/** The source that the variable `SKEWLESS_SOURCE` names: `r2:BINDING/KEY`, `kv:BINDING/KEY`, `assets:BINDING/PATH` or an address. */
export const sourceFrom = (variables: object): BundleSource =>
  sourceFromAny(variables, () => {
    throw misconfigured("SKEWLESS_SOURCE", "is neither r2:, kv: nor assets:, and no address");
  });

function source(given: Source): BundleSource {
  return typeof given === "string" || given instanceof URL ? fromAddress(given) : once(given, (address) => fetch(address));
}
