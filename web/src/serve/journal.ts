// What is written down of requests and bundles: one entry each. No entry holds anything of a record.

import type { Counted, Facts } from "./wasm/skewless.js";

/** Takes an entry; what it throws is let go. */
export type Log = (entry: Entry) => void;

/** What a handler writes down. */
export type Entry = RequestEntry | BundleEntry;

/** A request that was answered. */
export interface RequestEntry extends Partial<Named> {
  readonly event: "request";
  readonly level: "info" | "error";
  readonly method: string;
  /** The path without its query, shortened. */
  readonly path: string;
  readonly status: number;
  /** The code of a request that was refused, or whose lines ended before their end. */
  readonly code?: string | undefined;
  readonly rows: number;
  readonly failures: number;
  /** How many rows failed with each code. */
  readonly codes?: Readonly<Record<string, number>> | undefined;
  /** From arrival to the end of the answer, as the host's clock has it; some stand still while code runs. */
  readonly ms: number;
  readonly request_id: string;
}

/** A bundle that was opened, taken in place of another, or refused. */
export interface BundleEntry extends Partial<Named> {
  readonly event: "bundle";
  readonly level: "info" | "error";
  readonly outcome: "opened" | "replaced" | "refused" | "unreachable";
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly ms: number;
}

/** Which bundle an entry is about. */
interface Named {
  readonly model: string;
  readonly version: string;
  readonly digest: string;
}

/** Longest path in an entry. */
const PATH = 200;

/** Writes a JSON line to the console. @internal */
export const toConsole: Log = (entry) => console.log(JSON.stringify(entry));

/** The host's clock in milliseconds. @internal */
export function clock(): number {
  return performance.now();
}

/** Milliseconds from `started` to `ended`, or to now, to a thousandth. @internal */
export function since(started: number, ended = clock()): number {
  return Math.round((ended - started) * 1e3) / 1e3;
}

/** Whose bundle it is, for an entry. @internal */
export function named({ name, version, digest }: Facts): Named {
  return { model: name, version, digest };
}

/** What became of a request, besides its status. @internal */
export interface Outcome {
  readonly status: number;
  readonly code?: string | undefined;
  readonly tally: Counted;
}

/** No rows. @internal */
export const NOTHING: Counted = { rows: 0, failures: 0, codes: {} };

/** The entry of a request. @internal */
export function requestEntry(head: Head, outcome: Outcome, facts: Facts | undefined, ms: number): RequestEntry {
  const { rows, failures, codes } = outcome.tally;
  return {
    event: "request",
    level: outcome.status >= 500 ? "error" : "info",
    method: head.method,
    path: head.path.slice(0, PATH),
    status: outcome.status,
    ...(outcome.code !== undefined && { code: outcome.code }),
    rows,
    failures,
    ...(failures > 0 && { codes: { ...codes } }),
    ms,
    ...(facts && named(facts)),
    request_id: head.id,
  };
}

/** What is known of a request from its head. @internal */
export interface Head {
  readonly method: string;
  readonly path: string;
  /** Names in lower case and values, in turn. */
  readonly headers: readonly string[];
  readonly id: string;
}

/** The head of a request. @internal */
export function headOf({ method, url, headers }: Request): Head {
  return { method, path: new URL(url).pathname, headers: [...headers].flat(), id: requestId(headers) };
}

/** The id that whoever asks gave the request, where it is one, or a new one. */
function requestId(headers: Headers): string {
  const given = headers.get("x-request-id") ?? headers.get("cf-ray");
  return given !== null && /^[\x21-\x7e]{1,128}$/.test(given) ? given : crypto.randomUUID();
}
