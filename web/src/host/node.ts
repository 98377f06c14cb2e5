// How Node compiles WebAssembly and reads bundles: from files, and bundles from the network too.

import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

/** Compiles the module in the file at `address`. */
export async function compile(address: URL): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(address));
}

/** Reads a path or a `file:` URL from disk, everything else by `fetch`. */
export async function read(address: URL | string, signal?: AbortSignal): Promise<Response | Uint8Array> {
  const url = typeof address === "string" && !/^[a-z][a-z0-9+.-]+:/i.test(address) ? pathToFileURL(address) : new URL(address);
  return url.protocol === "file:" ? readFile(url, { signal }) : fetch(url, { signal: signal ?? null });
}
