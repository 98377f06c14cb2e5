// What every host's entry has besides its own functions.

export { SkewlessError } from "../error.js";
export type { Source } from "../source.js";
export type { CreateHandler, CreateLazyHandler, Handler } from "./handler.js";
export type { BundleEntry, Entry, Log, RequestEntry } from "./journal.js";
export { type Cors, type Limits, type Options, optionsFrom } from "./options.js";
export { type Bucket, type BundleSource, type Fetcher, fromAddress, fromKv, fromR2, type Namespace, type Tagged } from "./sources.js";
export type { Context } from "./supply.js";
