// The HTTP protocol in Node, Deno and Bun.

import { readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { compile, read } from "../host/node.js";
import type { Source } from "../source.js";
import { type CreateHandler, type CreateLazyHandler, handlerMakers } from "./handler.js";
import { type BundleSource, fromAddress, once, sourceFrom as sourceFromAny } from "./sources.js";

export { listen, type Address } from "./listen.js";
export * from "./public.js";

const makers = handlerMakers({ compile: () => compile(new URL("./skewless_bg.wasm", import.meta.url)), now: true, source });

/** Opens a bundle, by path or URL or from bytes, and gives the function that answers requests with it. */
export const createHandler: CreateHandler = makers.createHandler;

/** Gives the function at once; the first request opens the bundle. */
export const createLazyHandler: CreateLazyHandler = makers.createLazyHandler;

/** The source that the variable `SKEWLESS_SOURCE` names: a path or an address. */
export const sourceFrom = (variables: object): BundleSource => sourceFromAny(variables, source);

/** A file, told apart by its place on the disk, its length and the time of its last change. */
export function fromFile(path: string): BundleSource {
  return {
    async read(known) {
      const tag = tagOf(await stat(path));
      return tag === known ? undefined : { bytes: await readFile(path), tag };
    },
  };
}

function source(given: Source): BundleSource {
  const isText = typeof given === "string";
  if (!isText && !(given instanceof URL)) return once(given, read);
  if (isText && !/^[a-z][a-z0-9+.-]+:/i.test(given)) return fromFile(given);
  const url = new URL(given);
  return url.protocol === "file:" ? fromFile(fileURLToPath(url)) : fromAddress(url);
}

function tagOf({ ino, size, mtimeMs }: { ino: number; size: number; mtimeMs: number }): string {
  return `${ino}-${size}-${mtimeMs}`;
}
