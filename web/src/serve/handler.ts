// Answers HTTP requests with a bundle, through the one implementation of the serving protocols.

import type { HostRequest, HostResponse } from "../host/types.js";
import { type Compile, type Held, Runtime } from "../runtime.js";
import type { Source } from "../source.js";
import { SkewlessError } from "../error.js";
import { wholeBody } from "./body.js";
import { Exchange, INTERRUPTED, LineAnswers } from "./exchange.js";
import { clock, type Head, headOf, type Log, type Outcome, requestEntry, since, toConsole } from "./journal.js";
import { type Options, settingsOf } from "./options.js";
import { inPlace, withoutBundle } from "./refusal.js";
import type { BundleSource } from "./sources.js";
import { type Context, Supply } from "./supply.js";
import start, { __wbg_reset_state as reset, initSync as startNow, type Facts, type Reply, type Station } from "./wasm/skewless.js";

/**
 * Answers a request. A Worker's `fetch` has this form: what stands between request and context is not looked at, and the
 * context's `waitUntil` keeps what goes on after the answer.
 */
export type Handler = (request: HostRequest, environment?: unknown, context?: Context) => Promise<HostResponse>;

/**
 * Opens a bundle and gives the function that answers requests with it. Where the source can change, it is asked for
 * another bundle after an answer, at most every `checkSeconds`.
 */
export type CreateHandler = (bundle: Source | BundleSource, options?: Options) => Promise<Handler>;

/** The same for hosts that let nothing be read before the first request, which opens the bundle. */
export type CreateLazyHandler = (
  bundle: (environment: object) => Source | BundleSource,
  options?: Options | ((environment: object) => Options),
) => Handler;

/** What differs from host to host. @internal */
export interface Host {
  readonly compile: Compile;
  /** Whether a compiled module starts at once: without a look at the classes of `fetch`, which Node would have to load. */
  readonly now?: boolean;
  /** The source that an address or something at hand is. */
  source(given: Source): BundleSource;
}

/** The two functions for a host that compiles and reads in its own way. @internal */
export function handlerMakers(host: Host): { createHandler: CreateHandler; createLazyHandler: CreateLazyHandler } {
  const begin = (module: WebAssembly.Module) => (host.now ? startNow({ module }) : start({ module_or_path: module }));
  const runtime = new Runtime({ start: begin, startNow, reset }, host.compile);
  const made = (given: Source | BundleSource, options: Options) => {
    const log = logOf(options);
    const source = isSource(given) ? given : host.source(given);
    return { supply: new Supply(runtime, source, options, log), log };
  };
  return {
    createHandler: async (bundle, options = {}) => {
      const { supply, log } = made(bundle, options);
      await supply.station();
      return (request, _environment, context) => handle(runtime, supply, log, request, context);
    },
    createLazyHandler: (bundle, options = {}) => {
      let opened: { supply: Supply; log: Log } | undefined;
      return async (request, environment, context) => {
        let chosen: Options = {};
        try {
          if (!opened) {
            chosen = typeof options === "function" ? options(environment as object) : options;
            opened = made(bundle(environment as object), chosen);
          }
        } catch (error) {
          return misconfigured(runtime, chosen, request, error);
        }
        return handle(runtime, opened.supply, opened.log, request, context);
      };
    },
  };
}

/** The answer where variables or bindings name no source. */
async function misconfigured(runtime: Runtime, options: Options, request: Request, error: unknown): Promise<Response> {
  const started = clock();
  // Where it can't be started, the refusal is made without it.
  await runtime.ready().catch(() => undefined);
  return refused(runtime, settingsOf(options), logOf(options), headOf(request), started, error);
}

/** The answer where there is no bundle. */
function refused(runtime: Runtime, settings: readonly string[], log: Log, head: Head, started: number, error: unknown): Response {
  const reply = withoutBundle(runtime, settings, head, error);
  const ms = since(started);
  log(requestEntry(head, { ...reply, code: reply.code ?? undefined }, undefined, ms));
  return response(reply, head, [["answer", ms]]);
}

function logOf({ log }: Options): Log {
  return quietly(log === false ? () => undefined : (log ?? toConsole));
}

function isSource(given: Source | BundleSource): given is BundleSource {
  return typeof (given as Partial<BundleSource>).read === "function";
}

/** A log that cannot stop an answer. */
function quietly(log: Log): Log {
  return (entry) => {
    try {
      log(entry);
    } catch {
      // Whoever writes the log sees to it.
    }
  };
}

async function handle(runtime: Runtime, supply: Supply, log: Log, request: Request, context?: Context): Promise<Response> {
  const started = clock();
  const head = headOf(request);
  let station: Held<Station>;
  try {
    station = await supply.station(context);
  } catch (error) {
    return refused(runtime, supply.settings, log, head, started, error);
  }
  const done = (outcome: Outcome, facts: Facts | undefined) => {
    const ms = since(started);
    observe(station, head, outcome, ms);
    log(requestEntry(head, outcome, facts, ms));
  };
  const answered = await answer(runtime, station, supply.settings, request, head, started, done);
  supply.check(context);
  return answered;
}

type Done = (outcome: Outcome, facts: Facts | undefined) => void;

async function answer(
  runtime: Runtime,
  station: Held<Station>,
  settings: readonly string[],
  request: Request,
  head: Head,
  started: number,
  done: Done,
): Promise<Response> {
  let exchange: Exchange | undefined;
  let streaming = false;
  let facts: Facts | undefined;
  try {
    exchange = new Exchange(runtime, station, head);
    facts = exchange.facts;
    const { reply, lines, most } = exchange.run((native) => native.admitted());
    if (reply && lines) {
      const answers = new LineAnswers(exchange, request.body);
      const refusal = await answers.begin();
      if (refusal) return finished(refusal, head, [["read", since(started)]], done, facts);
      streaming = true;
      const stream = answers.stream((outcome) => {
        done(outcome, facts);
        exchange?.close();
      }, request.signal);
      return response(reply, head, [["first", since(started)]], stream);
    }
    if (reply) return finished(reply, head, [["answer", since(started)]], done, facts);
    const body = await wholeBody(request, most);
    const read = clock();
    const whole = body ? respond(runtime, station, exchange, head, body) : exchange.run((native) => native.tooLarge());
    return finished(whole, head, [["read", since(started, read)], ["answer", since(read)]], done, facts);
  } catch (error) {
    // Refusals are answers; what is thrown is a trap, or a body that broke off.
    const ours = error instanceof SkewlessError;
    const reason = ours
      ? { status: 500, code: error.code, message: error.message }
      : { status: 400, code: "request.aborted", message: "the body broke off" };
    const instead = inPlace(runtime, station, settings, head, exchange, reason);
    return finished(instead.reply, head, [["answer", since(started)]], done, instead.facts);
  } finally {
    if (!streaming) exchange?.close();
  }
}

/** Answers a whole body, once more where the instance was lost to another request meanwhile. */
function respond(runtime: Runtime, station: Held<Station>, exchange: Exchange, head: Head, body: Uint8Array): Reply {
  const answered = (asked: Exchange) => asked.run((native) => native.respond(body));
  try {
    return answered(exchange);
  } catch (error) {
    if (!(error instanceof SkewlessError && error.code === INTERRUPTED)) throw error;
    const again = new Exchange(runtime, station, head);
    try {
      return answered(again);
    } finally {
      again.close();
    }
  }
}

function observe(station: Held<Station>, { path }: Head, { status, code, tally }: Outcome, ms: number): void {
  const counts = Object.entries(tally.codes);
  const names = counts.map(([name]) => name);
  const numbers = Uint32Array.from(counts, ([, count]) => count);
  try {
    station.run((native) => native.observe(path, status, code, tally.rows, names, numbers, ms / 1e3));
  } catch {
    // Counters went with the instance; the answer stands.
  }
}

function finished(reply: Reply, head: Head, times: Times, done: Done, facts: Facts | undefined): Response {
  done({ status: reply.status, code: reply.code ?? undefined, tally: reply.tally }, facts);
  return response(reply, head, times);
}

type Times = readonly (readonly [string, number])[];

function response(reply: Reply, head: Head, times: Times, stream?: ReadableStream<Uint8Array>): Response {
  const body = stream ?? (reply.body.length > 0 ? reply.body : null);
  const answered = new Response(body, { status: reply.status, headers: reply.headers });
  answered.headers.set("x-request-id", head.id);
  if (times.length > 0) answered.headers.set("server-timing", times.map(([name, ms]) => `${name};dur=${ms}`).join(", "));
  return answered;
}
