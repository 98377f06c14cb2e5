// The HTTP protocol in Cloudflare Workers.

import module from "./skewless_bg.wasm";
import { type CreateHandler, handlerMaker } from "./handler.js";

export { SkewlessError } from "../error.js";
export type { Source } from "../source.js";
export type { CreateHandler, Handler } from "./handler.js";

/** Opens a bundle and gives the function that answers requests with it. */
export const createHandler: CreateHandler = handlerMaker(
  () => Promise.resolve(module),
  (address) => fetch(address),
);
