// Where a handler's bundle comes from, and how one tells that there is another.

import { SkewlessError } from "../error.js";
import type { HostAbortSignal, HostResponse, HostURL } from "../host/types.js";
import { bytesOf, type Fetch, type Source } from "../source.js";

/** A place that holds a bundle, and may hold another one later. */
export interface BundleSource {
  /**
   * The bundle with a tag that changes when the bundle does, or nothing where the tag is still `known`.
   * @throws {SkewlessError} `input.unreachable`, or whatever the place throws.
   */
  read(known: string | undefined): Promise<Tagged | undefined>;
}

/** A bundle's bytes, and what its place calls them. */
export interface Tagged {
  readonly bytes: Uint8Array;
  readonly tag: string;
}

/** Something that fetches: the global function, or a binding of a Worker. */
export interface Fetcher {
  fetch(address: string, init?: { readonly headers?: Record<string, string>; readonly signal?: HostAbortSignal }): Promise<HostResponse>;
}

/** An R2 bucket, as far as it is used here. */
export interface Bucket {
  head(key: string): Promise<{ readonly etag: string } | null>;
  get(key: string): Promise<{ readonly etag: string; arrayBuffer(): Promise<ArrayBuffer> } | null>;
}

/** A KV namespace, as far as it is used here. */
export interface Namespace {
  getWithMetadata(key: string, options: { type: "arrayBuffer" }): Promise<{ value: ArrayBuffer | null; metadata: unknown }>;
}

/** Milliseconds that a server has for its answer. */
const PATIENCE = 20_000;

const HASHED = "sha256-";

/** Bytes at hand, or whatever else is read once. @internal */
export function once(source: Source, fetch: Fetch): BundleSource {
  return {
    read: async (known) => (known === undefined ? { bytes: await bytesOf(source, fetch), tag: "once" } : undefined),
  };
}

/** The source that something at hand is: an address is asked again, anything else is read once. @internal */
export function sourceOf(given: Source): BundleSource {
  return typeof given === "string" || given instanceof URL ? fromAddress(given) : once(given, (address) => fetch(address));
}

/** An address, asked by `If-None-Match`. A server without `ETag` is asked for everything. */
export function fromAddress(address: string | HostURL, fetcher: Fetcher = { fetch: (url, init) => fetch(url, init) }): BundleSource {
  return {
    async read(known) {
      const headers: Record<string, string> = known === undefined || known.startsWith(HASHED) ? {} : { "if-none-match": known };
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), PATIENCE);
      try {
        const response = await fetcher.fetch(String(address), { headers, signal: late.signal }).catch((cause: unknown) => {
          throw unreachable(String(address), String(cause), { cause });
        });
        if (response.status === 304) return undefined;
        const bytes = await bytesOf(response, () => Promise.resolve(response));
        return changed(bytes, response.headers.get("etag") ?? (await hash(bytes)), known);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** An object of an R2 bucket, asked by `head`. */
export function fromR2(bucket: Bucket, key: string): BundleSource {
  return {
    async read(known) {
      if (known !== undefined && (await bucket.head(key))?.etag === known) return undefined;
      const object = await bucket.get(key);
      if (!object) throw unreachable(key, "the bucket has no such object");
      return changed(new Uint8Array(await object.arrayBuffer()), object.etag, known);
    },
  };
}

/** A value of a KV namespace, told apart by `version` in its metadata, or by its hash where there is none. */
export function fromKv(namespace: Namespace, key: string): BundleSource {
  return {
    async read(known) {
      const { value, metadata } = await namespace.getWithMetadata(key, { type: "arrayBuffer" });
      if (!value) throw unreachable(key, "the namespace has no such key");
      const bytes = new Uint8Array(value);
      const version = (metadata as { version?: unknown } | null)?.version;
      return changed(bytes, version === undefined ? await hash(bytes) : String(version), known);
    },
  };
}

/**
 * The source that the variable `SKEWLESS_SOURCE` names: `r2:BINDING/KEY`, `kv:BINDING/KEY`, `assets:BINDING/PATH` (a
 * Worker's static asset), or an address. What it means by a path is the host's (`other`).
 * @internal
 */
export function sourceFrom(variables: object, other: (path: string) => BundleSource): BundleSource {
  const all = variables as Readonly<Record<string, unknown>>;
  const stated = all["SKEWLESS_SOURCE"];
  if (typeof stated !== "string" || stated === "") throw misconfigured("SKEWLESS_SOURCE", "names no source");
  if (/^https?:/i.test(stated)) return fromAddress(stated);
  const [, kind, name = "", key = ""] = /^(r2|kv|assets):([^/]+)\/(.+)$/.exec(stated) ?? [];
  if (kind === undefined) return other(stated);
  const binding = all[name];
  if (typeof binding !== "object" || binding === null) throw misconfigured(name, "is no binding of this Worker");
  if (kind === "r2") return fromR2(binding as Bucket, key);
  if (kind === "kv") return fromKv(binding as Namespace, key);
  // The binding answers for every host; it looks at the path alone.
  return fromAddress(`https://assets.invalid/${key}`, binding as Fetcher);
}

/** The error of a variable or binding that is not there or means nothing. @internal */
export function misconfigured(name: string, why: string): SkewlessError {
  const message = `${name} ${why}`;
  return new SkewlessError({ kind: "misuse", code: "config.invalid_value", message, field: name });
}

function changed(bytes: Uint8Array, tag: string, known: string | undefined): Tagged | undefined {
  return tag === known ? undefined : { bytes, tag };
}

async function hash(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return HASHED + [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function unreachable(place: string, why: string, options?: ErrorOptions): SkewlessError {
  const message = `the bundle at ${place} can't be read: ${why}`;
  return new SkewlessError({ kind: "invalid_input", code: "input.unreachable", message }, options);
}
