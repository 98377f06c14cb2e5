// Refusals for reasons of the host's own: no bundle, a stopped instance, a body that broke off. WebAssembly writes them, as
// it writes all answers; where it does not run, what is written here says the same.

import { SkewlessError } from "../error.js";
import type { Held, Runtime } from "../runtime.js";
import { Exchange } from "./exchange.js";
import { type Head, NOTHING } from "./journal.js";
import { type Facts, type Reply, type Station, unavailable } from "./wasm/skewless.js";

/** Why a request is not answered. */
export interface Reason {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** The code and the sentence of whatever was thrown. */
export function coded(error: unknown): { code: string; message: string } {
  if (error instanceof SkewlessError) return { code: error.code, message: error.message };
  return { code: "internal.source", message: String(error) };
}

/** The answer where there is no bundle; `settings` as `settingsOf` gives them. */
export function withoutBundle(runtime: Runtime, settings: readonly string[], head: Head, error: unknown): Reply {
  const reason = { status: 503, ...coded(error) };
  const { method, path, headers } = head;
  const told = () => runtime.run(() => unavailable([...settings], method, path, [...headers], reason.code, reason.message));
  const reply = runtime.started ? attempted(told) : undefined;
  if (!reply) return plain(settings, head, reason);
  // A living host and a preflight are no refusals.
  return reply.status === 503 ? { ...reply, code: reason.code } : reply;
}

/** The answer in place of the one that failed. An exchange that a trap took along is begun again in the new instance. */
export function inPlace(
  runtime: Runtime,
  station: Held<Station>,
  settings: readonly string[],
  head: Head,
  begun: Exchange | undefined,
  reason: Reason,
): { reply: Reply; facts: Facts | undefined } {
  const refused = (exchange: Exchange) => ({
    reply: { ...exchange.run((native) => native.refuse(reason.status, reason.code, reason.message)), code: reason.code },
    facts: exchange.facts,
  });
  const again = () => {
    const exchange = new Exchange(runtime, station, head);
    try {
      return refused(exchange);
    } finally {
      exchange.close();
    }
  };
  const known = begun && attempted(() => refused(begun));
  return known ?? attempted(again) ?? { reply: plain(settings, head, reason, begun?.facts), facts: begun?.facts };
}

/** What `work` gives, or nothing where the instance stops, or has stopped. */
function attempted<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** The same without WebAssembly: only what needs none of its tables. */
function plain(settings: readonly string[], head: Head, { status, code, message }: Reason, facts?: Facts): Reply {
  const headers = [...crossOrigin(settings, head), ...(facts ? named(facts) : [])];
  const answer = (status: number, body = "", more: [string, string][] = []): Reply => ({
    status,
    headers: [...headers, ...more],
    body: new TextEncoder().encode(head.method === "HEAD" ? "" : body),
    code: undefined,
    tally: NOTHING,
  });
  if (isPreflight(head) && headers.some(([name]) => name === ALLOWED)) return answer(204);
  if (/^\/v2\/health\/live\/?$/.test(head.path) && status === 503) return answer(200);
  const error = { code, message };
  const openInference = /^\/v2(\/|$)/.test(head.path);
  const body = openInference ? { error: `${code}: ${message}`, parameters: { error } } : { error };
  const more: [string, string][] = [["content-type", "application/json"], ["x-skewless-error", code]];
  if (status === 503) more.push(["retry-after", "1"]);
  return { ...answer(status, JSON.stringify(body), more), code };
}

const ALLOWED = "access-control-allow-origin";

/** What a page of an allowed origin needs to read the refusal, or to come so far as to get one. */
function crossOrigin(settings: readonly string[], head: Head): [string, string][] {
  const at = settings.findIndex((name, index) => index % 2 === 0 && name === "cors_origins");
  const origins = (at < 0 ? "" : (settings[at + 1] as string)).split(",").map((origin) => origin.trim()).filter(Boolean);
  if (origins.length === 0) return [];
  const vary: [string, string][] = origins.includes("*") ? [] : [["vary", "origin"]];
  const origin = valueOf(head, "origin");
  const allowed = origins.find((known) => known === "*" || known.toLowerCase() === origin?.toLowerCase());
  if (origin === undefined || allowed === undefined) return vary;
  const asked = (what: "method" | "headers"): [string, string][] => {
    const value = valueOf(head, `access-control-request-${what}`);
    return value === undefined ? [] : [[`access-control-allow-${what === "method" ? "methods" : what}`, value]];
  };
  const preflight = isPreflight(head) ? [...asked("method"), ...asked("headers")] : [];
  const exposed = "x-skewless-model, x-skewless-version, x-skewless-digest, x-skewless-error, x-request-id, server-timing";
  return [...vary, [ALLOWED, allowed], ["access-control-expose-headers", exposed], ...preflight];
}

function isPreflight(head: Head): boolean {
  return head.method === "OPTIONS" && valueOf(head, "access-control-request-method") !== undefined;
}

function valueOf({ headers }: Head, name: string): string | undefined {
  const at = headers.findIndex((known, index) => index % 2 === 0 && known === name);
  return at < 0 ? undefined : headers[at + 1];
}

function named({ name, version, digest }: Facts): [string, string][] {
  return [["x-skewless-model", name], ["x-skewless-version", version], ["x-skewless-digest", digest]];
}
