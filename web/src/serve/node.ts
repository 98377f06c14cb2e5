// The HTTP protocol in Node.

import { compile, read } from "../host/node.js";
import { type CreateHandler, handlerMaker } from "./handler.js";

export { SkewlessError } from "../error.js";
export type { Source } from "../source.js";
export type { CreateHandler, Handler } from "./handler.js";

/** Opens a bundle, by path or URL or from bytes, and gives the function that answers requests with it. */
export const createHandler: CreateHandler = handlerMaker(() => compile(new URL("./skewless_bg.wasm", import.meta.url)), read);
