// The bundle in use and where it comes from: opened once, and replaced when the source has another.

import { SkewlessError } from "../error.js";
import { Held, type Runtime } from "../runtime.js";
import { clock, type Log, named, since } from "./journal.js";
import { CHECK_SECONDS, type Options, settingsOf } from "./options.js";
import { coded } from "./refusal.js";
import type { BundleSource } from "./sources.js";
import { checkSettings, Station } from "./wasm/skewless.js";

/** What a host gives a request besides: a way to go on after the answer. */
export interface Context {
  waitUntil?(work: Promise<unknown>): void;
}

/** Milliseconds after which a reading that has not come back is given up: its request may have been ended with it. */
const PATIENCE = 30_000;

/** Milliseconds for which a failure to open the bundle is the answer, before the source is asked again. */
const PAUSE = 1000;

/** Keeps a bundle, and asks its source for another. @internal */
export class Supply {
  #runtime: Runtime;
  #source: BundleSource;
  /** Names and values in turn, as WebAssembly takes them. */
  readonly settings: readonly string[];
  #every: number;
  #log: Log;
  #station: Held<Station> | undefined;
  #bytes = new Uint8Array();
  /** What the source last called its bundle, be it in use or refused. */
  #tag: string | undefined;
  #opening: { readonly station: Promise<Held<Station>>; readonly since: number } | undefined;
  #failed: { readonly error: unknown; readonly at: number } | undefined;
  #checking: number | undefined;
  #checked = 0;
  /** True after a reading that failed, until one comes back. */
  #unreachable = false;
  /** What `/v2/health/ready` says of the source's bundle; a fresh instance is told it again. */
  #refusal: { readonly code: string; readonly message: string; readonly at: string } | undefined;
  /** True where what the source holds was refused. */
  #refused = false;

  constructor(runtime: Runtime, source: BundleSource, options: Options, log: Log) {
    this.#runtime = runtime;
    this.#source = source;
    this.settings = settingsOf(options);
    this.#every = (options.checkSeconds ?? CHECK_SECONDS) * 1e3;
    this.#log = log;
  }

  /** The station; the first call opens it, and others that come meanwhile wait for the same. */
  station(context?: Context): Held<Station> | Promise<Held<Station>> {
    if (this.#station) return this.#station;
    if (this.#failed && Date.now() - this.#failed.at < PAUSE) return Promise.reject(this.#failed.error);
    if (!this.#opening || Date.now() - this.#opening.since > PATIENCE) {
      const station = this.#open();
      this.#opening = { station, since: Date.now() };
      // Others wait for it, so that it goes on where the first request is ended.
      keep(context, station);
    }
    return this.#opening.station;
  }

  /** Asks the source for another bundle where that is due; nobody waits for it. */
  check(context?: Context): void {
    const now = Date.now();
    if (!this.#station || !(this.#every > 0) || now - this.#checked < this.#every) return;
    if (this.#checking !== undefined && now - this.#checking < PATIENCE) return;
    this.#checking = now;
    keep(context, this.#check(this.#station));
  }

  async #open(): Promise<Held<Station>> {
    const started = clock();
    try {
      await this.#runtime.ready();
      this.#runtime.run(() => checkSettings([...this.settings]));
      const read = await this.#source.read(undefined);
      if (!read) throw new SkewlessError({ kind: "internal", code: "internal.source", message: "the source has nothing" });
      this.#bytes = read.bytes as Uint8Array<ArrayBuffer>;
      const station = new Held(this.#runtime, () => this.#fresh());
      this.#tag = read.tag;
      this.#checked = Date.now();
      this.#station = station;
      const facts = station.run((native) => native.facts());
      this.#log({ event: "bundle", level: "info", outcome: "opened", ...named(facts), ms: since(started) });
      return station;
    } catch (error) {
      this.#tell("unreachable", error, since(started));
      this.#failed = { error, at: Date.now() };
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  #fresh(): Station {
    const station = new Station(this.#bytes, [...this.settings]);
    if (this.#refusal) station.refuseBundle(this.#refusal.code, this.#refusal.message, this.#refusal.at);
    return station;
  }

  async #check(station: Held<Station>): Promise<void> {
    const started = clock();
    try {
      // After a silence, what was refused before it is read and told again.
      const read = await this.#source.read(this.#unreachable && this.#refused ? undefined : this.#tag);
      if (read) this.#replace(station, read.bytes, read.tag, started);
      else if (this.#unreachable) {
        this.#refusal = undefined;
        station.run((native) => native.forgetRefused());
      }
      this.#unreachable = false;
    } catch (error) {
      this.#unreachable = true;
      this.#refuse(station, "unreachable", error, since(started));
    } finally {
      this.#checked = Date.now();
      this.#checking = undefined;
    }
  }

  #replace(station: Held<Station>, bytes: Uint8Array, tag: string, started: number): void {
    this.#tag = tag;
    this.#refused = true;
    try {
      const changed = station.run((native) => native.replace(bytes));
      this.#bytes = bytes as Uint8Array<ArrayBuffer>;
      this.#refused = false;
      this.#refusal = undefined;
      const facts = station.run((native) => native.facts());
      if (changed) this.#log({ event: "bundle", level: "info", outcome: "replaced", ...named(facts), ms: since(started) });
    } catch (error) {
      this.#refuse(station, "refused", error, since(started));
    }
  }

  #refuse(station: Held<Station>, outcome: "refused" | "unreachable", error: unknown, ms: number): void {
    const { code, message } = this.#tell(outcome, error, ms);
    const refusal = { code, message, at: new Date().toISOString() };
    station.run((native) => native.refuseBundle(code, message, refusal.at));
    this.#refusal = refusal;
  }

  #tell(outcome: "refused" | "unreachable", error: unknown, ms: number): { code: string; message: string } {
    const { code, message } = coded(error);
    this.#log({ event: "bundle", level: "error", outcome, code, message, ms });
    return { code, message };
  }
}

function keep(context: Context | undefined, work: Promise<unknown>): void {
  const settled = work.catch(() => undefined);
  context?.waitUntil?.(settled);
}
