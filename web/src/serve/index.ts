// The HTTP protocol for hosts that fetch.

import { compile } from "../host/browser.js";
import { type CreateHandler, type CreateLazyHandler, handlerMakers } from "./handler.js";
import { type BundleSource, fromAddress, sourceFrom as sourceFromAny, sourceOf } from "./sources.js";

export * from "./public.js";

const makers = handlerMakers({ compile: () => compile(new URL("./skewless_bg.wasm", import.meta.url)), source: sourceOf });

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
