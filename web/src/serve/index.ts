// The HTTP protocol for hosts that fetch.

import { compile } from "../host/browser.js";
import type { Source } from "../source.js";
import { type CreateHandler, type CreateLazyHandler, handlerMakers } from "./handler.js";
import { type BundleSource, fromAddress, once, sourceFrom as sourceFromAny } from "./sources.js";

export { SkewlessError } from "../error.js";
export type { Source } from "../source.js";
export type { CreateHandler, CreateLazyHandler, Handler } from "./handler.js";
export type { BundleEntry, Entry, Log, RequestEntry } from "./journal.js";
export { type Cors, type Limits, type Options, optionsFrom } from "./options.js";
export { type Bucket, type BundleSource, type Fetcher, fromAddress, fromKv, fromR2, type Namespace, type Tagged } from "./sources.js";
export type { Context } from "./supply.js";

const makers = handlerMakers({ compile: () => compile(new URL("./skewless_bg.wasm", import.meta.url)), source });

/**
 * Opens a bundle and gives the function that answers requests with it.
 * @throws {SkewlessError} `input.unreachable`, `bundle.*`, `unsupported.*`, `config.*`.
 */
export const createHandler: CreateHandler = makers.createHandler;

/** Gives the function at once; the first request opens the bundle. */
export const createLazyHandler: CreateLazyHandler = makers.createLazyHandler;

/**
 * The source that the variable `SKEWLESS_SOURCE` names: `r2:BINDING/KEY`, `kv:BINDING/KEY`, `assets:BINDING/PATH` or an
 * address; in Node, Deno and Bun a path too.
 */
export const sourceFrom = (variables: object): BundleSource => sourceFromAny(variables, fromAddress);

function source(given: Source): BundleSource {
  return typeof given === "string" || given instanceof URL ? fromAddress(given) : once(given, (address) => fetch(address));
}
