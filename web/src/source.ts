// Where a bundle comes from: an address, an answer, a file, or bytes at hand.

import { SkewlessError } from "./error.js";

/** A bundle: its address, the answer of a request, a file or its bytes. */
export type Source = URL | string | Response | Blob | ArrayBuffer | Uint8Array;

/** Reads what an address names. */
export type Fetch = (address: URL | string) => Promise<Response | Uint8Array>;

/** The bytes of a bundle. */
export async function bytesOf(source: Source, fetch: Fetch): Promise<Uint8Array> {
  if (typeof source === "string" || source instanceof URL) {
    return bytesOf(await reached(source, fetch), fetch);
  }
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Response) return bodyOf(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  throw new SkewlessError({
    kind: "misuse",
    code: "misuse.source",
    message: "a bundle is loaded from a URL, a Response, a Blob, an ArrayBuffer or a Uint8Array",
  });
}

async function reached(address: URL | string, fetch: Fetch): Promise<Response | Uint8Array> {
  try {
    return await fetch(address);
  } catch (cause) {
    throw unreachable(String(address), String(cause), { cause });
  }
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  if (!response.ok) throw unreachable(response.url, `the server answers ${response.status}`);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw unreachable(response.url, String(cause), { cause });
  }
}

function unreachable(address: string, why: string, options?: ErrorOptions): SkewlessError {
  const message = `the bundle at ${address} can't be read: ${why}`;
  return new SkewlessError({ kind: "invalid_input", code: "input.unreachable", message }, options);
}
