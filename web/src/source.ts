// Where a bundle comes from: an address, an answer, a file, or bytes at hand.

import { SkewlessError } from "./error.js";
import type { HostBlob, HostResponse, HostURL } from "./host/types.js";
import type { LoadOptions } from "./options.js";

/** A bundle: its address, the answer of a request, a file or its bytes. */
export type Source = HostURL | string | HostResponse | HostBlob | ArrayBuffer | ArrayBufferView;

/** Reads what an address names. @internal */
export type Fetch = (address: URL | string, signal?: AbortSignal) => Promise<Response | Uint8Array>;

/** How the reading is watched and called off. */
type Watch = Pick<LoadOptions, "signal" | "onProgress">;

/** The bytes of a bundle. Kinds are told by their shape: an object of another realm is no instance of this one's classes. @internal */
export async function bytesOf(source: Source, fetch: Fetch, watch: Watch = {}): Promise<Uint8Array> {
  if (isAddress(source)) {
    const address = String(source);
    return orUnreachable(address, watch, async (watched) => bytesOf(await fetch(source, watch.signal ?? undefined), fetch, watched));
  }
  if (ArrayBuffer.isView(source)) return atHand(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), watch);
  if (Object.prototype.toString.call(source) === "[object ArrayBuffer]") return atHand(new Uint8Array(source as ArrayBuffer), watch);
  const { arrayBuffer, ok, status, size, url } = (source ?? {}) as Partial<Blob & Response>;
  const place = url || "hand";
  if (ok === false) throw unreachable(place, `the server answers ${status}`, { value: String(status) });
  if (arrayBuffer) {
    const response = () => (ok ? (source as Response) : new Response((source as Blob).stream()));
    return orUnreachable(place, watch, (watched) => bodyOf(response(), watched, size));
  }
  throw new SkewlessError({
    kind: "misuse",
    code: "misuse.source",
    message: "a bundle is loaded from a URL, a Response, a Blob, an ArrayBuffer or a view of one",
  });
}

/** Whether the bundle must be fetched. @internal */
export function isAddress(source: Source): source is URL | string {
  return typeof source === "string" || source instanceof URL;
}

/** Settles as `work` does, or ends at once when the signal says so. @internal */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(aborted(signal));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function atHand(bytes: Uint8Array, { onProgress }: Watch): Uint8Array {
  onProgress?.({ loaded: bytes.length, total: bytes.length });
  return bytes;
}

async function bodyOf(response: Response, { signal, onProgress }: Watch, size = sizeOf(response)): Promise<Uint8Array> {
  let loaded = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, out) {
      loaded += piece.length;
      onProgress?.({ loaded, total: size });
      out.enqueue(piece);
    },
  });
  const watched = (signal ?? onProgress) && response.body?.pipeThrough(count, signal && { signal });
  return new Uint8Array(await (watched ? new Response(watched) : response).arrayBuffer());
}

/** The length of what arrives; of a compressed answer, the header tells another. */
function sizeOf({ headers }: Response): number | undefined {
  return headers.has("content-encoding") ? undefined : Number(headers.get("content-length")) || undefined;
}

/** What goes wrong in `work` is the place's fault, unless the caller's `onProgress` has thrown it. */
async function orUnreachable<T>(address: string, watch: Watch, work: (watch: Watch) => Promise<T>): Promise<T> {
  const { signal, onProgress } = watch;
  let stopped: { readonly by: unknown } | undefined;
  const told: Watch["onProgress"] = (progress) => {
    try {
      onProgress?.(progress);
    } catch (error) {
      stopped = { by: error };
      throw error;
    }
  };
  try {
    return await work({ signal, onProgress: onProgress && told });
  } catch (cause) {
    if (stopped) throw stopped.by;
    if (cause instanceof SkewlessError) throw cause;
    throw signal?.aborted ? aborted(signal) : unreachable(address, String(cause), { cause });
  }
}

function aborted(signal: AbortSignal): SkewlessError {
  const message = `the loading was called off: ${String(signal.reason)}`;
  return new SkewlessError({ kind: "invalid_input", code: "input.aborted", message }, { cause: signal.reason });
}

/** What is wrong with an address that gives nothing. @internal */
export function unreachable(address: string, why: string, { value, cause }: { value?: string; cause?: unknown }): SkewlessError {
  const message = `the bundle at ${address} can't be read: ${why}`;
  return new SkewlessError({ kind: "invalid_input", code: "input.unreachable", message, value }, { cause });
}
