// The HTTP protocol for hosts that fetch.

import { compile } from "../host/browser.js";
import { type CreateHandler, handlerMaker } from "./handler.js";

export { SkewlessError } from "../error.js";
export type { Source } from "../source.js";
export type { CreateHandler, Handler } from "./handler.js";

/**
 * Opens a bundle and gives the function that answers requests with it.
 * @throws {SkewlessError} `input.unreachable`, `bundle.*`, `unsupported.*`.
 */
export const createHandler: CreateHandler = handlerMaker(
  () => compile(new URL("./skewless_bg.wasm", import.meta.url)),
  (address) => fetch(address),
);
