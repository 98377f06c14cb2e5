// What whoever deploys a handler may choose: in code, or by variables named SKEWLESS_*.

import type { Log } from "./journal.js";

/** How a handler answers. */
export interface Options {
  /** How much one request may ask for; what is beyond is refused with status 413. */
  readonly limits?: Limits | undefined;
  /** Which pages of other sites may read the answers; none without it. */
  readonly cors?: Cors | undefined;
  /** At most how often the source is asked for a new bundle, in seconds; 60 without it, never for 0. */
  readonly checkSeconds?: number | undefined;
  /** Takes one entry a request, and one for each bundle; written as a JSON line to the console without it. */
  readonly log?: Log | false | undefined;
}

/** Bounds on one request. */
export interface Limits {
  /** Longest body that is read whole, in bytes; 16 MiB without it. */
  readonly maxBody?: number | undefined;
  /** Most rows of such a body; 100,000 without it. */
  readonly maxRows?: number | undefined;
  /** Longest line of JSON lines, in bytes; 1 MiB without it. */
  readonly maxLine?: number | undefined;
  /** Longest body of JSON lines, in bytes; 1 GiB without it. */
  readonly maxStreamBody?: number | undefined;
  /** Most rows of JSON lines; 10,000,000 without it. */
  readonly maxStreamRows?: number | undefined;
}

/** The origins that may read answers. */
export interface Cors {
  /** `*`, or origins such as `https://example.org`. */
  readonly origins: "*" | readonly string[];
  /** Seconds for which a browser may keep the answer to a preflight; a day without it. */
  readonly maxAge?: number | undefined;
}

/** How often a source is asked for a new bundle where nothing is said, in seconds. @internal */
export const CHECK_SECONDS = 60;

const PREFIX = "SKEWLESS_";

/** Variables that are read in JavaScript; the protocol knows the others and refuses what it does not know. */
const OWN = new Set(["SOURCE", "CHECK_SECONDS", "LOG"]);

/** The settings of options as the protocol names them: names and values in turn. @internal */
export function settingsOf(options: Options): string[] {
  const { limits = {}, cors } = options;
  const named: [string, string | undefined][] = [
    ["max_body", limits.maxBody?.toString()],
    ["max_rows", limits.maxRows?.toString()],
    ["max_line", limits.maxLine?.toString()],
    ["max_stream_body", limits.maxStreamBody?.toString()],
    ["max_stream_rows", limits.maxStreamRows?.toString()],
    ["cors_origins", cors && [cors.origins].flat().join(",")],
    ["cors_max_age", cors?.maxAge?.toString()],
    ...((options as Configured).settings ?? []),
  ];
  return named.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
}

/** Options that carry settings as variables name them. */
interface Configured extends Options {
  readonly settings?: readonly [string, string][];
}

/**
 * The options that variables state: `SKEWLESS_MAX_BODY`, `SKEWLESS_MAX_ROWS`, `SKEWLESS_MAX_LINE`,
 * `SKEWLESS_MAX_STREAM_BODY`, `SKEWLESS_MAX_STREAM_ROWS`, `SKEWLESS_CORS_ORIGINS`, `SKEWLESS_CORS_MAX_AGE`,
 * `SKEWLESS_CHECK_SECONDS` and `SKEWLESS_LOG` (`off`). A name that means nothing is refused when the handler opens.
 */
export function optionsFrom(variables: object): Options {
  const stated = Object.entries(variables).flatMap(([key, value]): [string, string][] =>
    key.startsWith(PREFIX) && isPlain(value) ? [[key.slice(PREFIX.length), String(value)]] : [],
  );
  const own = new Map(stated.filter(([name]) => OWN.has(name)));
  const settings = stated.filter(([name]) => !OWN.has(name)).map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const seconds = own.get("CHECK_SECONDS");
  const options: Configured = {
    settings,
    ...(seconds !== undefined && { checkSeconds: Number(seconds) }),
    ...(own.get("LOG") === "off" && { log: false }),
  };
  return options;
}

function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number";
}
