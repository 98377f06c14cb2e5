// `load` for a host: the WebAssembly module and the bundle are fetched side by side.

import { keep, recall } from "./cache.js";
import { SkewlessError } from "./error.js";
import { Model } from "./model.js";
import { checkedOptions, type LoadOptions } from "./options.js";
import { type Compile, Runtime } from "./runtime.js";
import { abortable, bytesOf, type Fetch, isAddress, type Source } from "./source.js";
import start, { __wbg_reset_state as reset, initSync as startNow, Model as Native } from "./wasm/skewless.js";

/**
 * Opens a bundle from wherever it is. `load<Flights>(…)` gives the model the types that `npx skewless types` wrote.
 * @throws {SkewlessError} `input.unreachable`, `input.aborted`, `bundle.*`, `unsupported.*`, `misuse.source`,
 * `misuse.cache`, `misuse.options`.
 */
export type Load = <M extends Model = Model>(source: Source, options?: LoadOptions) => Promise<M>;

/** Packages with larger modules, which know more models. @internal */
type Larger = "network" | "full";

/** The package that runs what an `unsupported.engine` names. */
const LARGER: { readonly [engine: string]: Larger | undefined } = { network: "network", tract: "full" };

/** How hosts differ. @internal */
export interface Host {
  /** Give the packages that open what this module does not know; without, the error says which to import. */
  readonly larger?: { readonly [name in Larger]?: () => Promise<{ readonly load: Load }> };
  /** Whether a compiled module starts at once: without a look at the classes of `fetch`, which Node would have to load. */
  readonly now?: boolean;
  /** Checks golden rows, where the module does so itself. */
  readonly verify?: (native: Native, bundle: Uint8Array) => void;
}

/** The `load` of a host that compiles and reads in its own way. @internal */
export function loader(compile: Compile, fetch: Fetch, { larger, now, verify }: Host = {}): Load {
  const begin = (module: WebAssembly.Module) => (now ? startNow({ module }) : start({ module_or_path: module }));
  const runtime = new Runtime({ start: begin, startNow, reset }, compile);

  async function open(bundle: Uint8Array, options: LoadOptions): Promise<Model> {
    let check = options.verify ?? true;
    const make = (bytes: Uint8Array) => {
      const native = new Native(bytes, options.expectDigest);
      if (check) verify?.(native, bytes);
      check = false;
      return native;
    };
    try {
      return new Model(runtime, make, bundle, { verify: check && !verify, profile: options.profile });
    } catch (error) {
      const name = error instanceof SkewlessError && error.code === "unsupported.engine" && LARGER[error.value as string];
      if (!name) throw error;
      const { onProgress: _, ...rest } = options;
      return (await enlarged(error, name, larger?.[name])).load(bundle, rest);
    }
  }

  return (async (source: Source, given?: LoadOptions) => {
    const options = checkedOptions(given);
    const { cache, expectDigest } = options;
    if (cache && !expectDigest) throw needsDigest();
    const digest = cache && isAddress(source) ? expectDigest : undefined;
    const kept = digest && (await recall(digest));
    // What lies there damaged, or under another's digest, is fetched anew.
    const known = kept && (await openFrom(kept, options).catch(letGo));
    if (known) return known.model;
    const { model, bundle } = await openFrom(source, options);
    if (digest) await keep(digest, bundle);
    return model;
  }) as Load;

  async function openFrom(source: Source, options: LoadOptions): Promise<{ model: Model; bundle: Uint8Array }> {
    const both = Promise.all([bytesOf(source, fetch, options), runtime.ready()]);
    const [bundle] = await abortable(both, options.signal);
    return { model: await open(bundle, options), bundle };
  }
}

async function enlarged(
  error: SkewlessError,
  name: Larger,
  larger: (() => Promise<{ readonly load: Load }>) | undefined,
): Promise<{ readonly load: Load }> {
  const because = (why: string, cause?: unknown) =>
    new SkewlessError({ ...error.toJSON(), message: `${error.message}; ${why} \`skewless/${name}\`` }, { cause });
  if (!larger) throw because("here it is opened by `load` of");
  try {
    return await larger();
  } catch (cause) {
    throw because(`${String(cause)} while loading`, cause);
  }
}

/** What is not of this package, such as what `onProgress` throws, is the caller's. */
function letGo(error: unknown): undefined {
  if (!(error instanceof SkewlessError)) throw error;
}

function needsDigest(): SkewlessError {
  return new SkewlessError({ kind: "misuse", code: "misuse.cache", message: "`cache` finds bundles by digest and needs `expectDigest`" });
}
