// How a bundle is opened: what is proven of it, and how its reading is watched, called off and remembered.

import { SkewlessError } from "./error.js";
import type { HostAbortSignal } from "./host/types.js";

/** How a bundle is opened. */
export interface LoadOptions {
  /** Predict the bundle's golden rows and refuse the bundle when one number differs. Default: true. */
  readonly verify?: boolean | undefined;
  /** Count what is answered, for `profile()`. Default: false. */
  readonly profile?: boolean | undefined;
  /**
   * The digest that the bundle must have (`info.digest`, `skewless inspect`): any other bundle is refused as
   * `bundle.unexpected_digest` before anything of it is used.
   */
  readonly expectDigest?: string | undefined;
  /**
   * Keep a bundle that was fetched in the host's `caches`, under its digest, and take it from there the next time: then
   * nothing is fetched. It needs `expectDigest`, without which only the network could tell the digest. Where the host has
   * no `caches`, the bundle is fetched. Default: false.
   */
  readonly cache?: boolean | undefined;
  /** Calls the loading off: it ends with `input.aborted`, whose `cause` is the signal's reason. */
  readonly signal?: HostAbortSignal | undefined;
  /** Is told of every piece of the bundle that has arrived. What it throws ends the loading, and is thrown on as it is. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** How much of a bundle has arrived. */
export interface Progress {
  /** Bytes so far. */
  readonly loaded: number;
  /** Bytes in all; `undefined` where nobody says so, as for a compressed answer. */
  readonly total: number | undefined;
}

/**
 * The options of a caller, who may not have been checked by a compiler. An object of another realm is no instance of this
 * one's classes, so that a signal is told by what it can do.
 * @internal
 */
export function checkedOptions<Options extends LoadOptions>(given: Options | null | undefined): Options {
  const options = (given ?? {}) as Options;
  const { expectDigest, signal, onProgress } = options;
  if (expectDigest !== undefined && typeof expectDigest !== "string") throw misused("expectDigest", "a text");
  if (signal != null && typeof signal.addEventListener !== "function") throw misused("signal", "an `AbortSignal`");
  if (onProgress != null && typeof onProgress !== "function") throw misused("onProgress", "a function");
  return options;
}

/** What is wrong with an option that is not what it must be. @internal */
export function misused(field: string, what: string): SkewlessError {
  return new SkewlessError({ kind: "misuse", code: "misuse.options", message: `\`${field}\` is ${what}`, field });
}
