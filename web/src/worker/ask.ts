// The page's end: the methods of a model as promises over a worker.

import { SkewlessError } from "../error.js";
import type { HostURL, HostWorker } from "../host/types.js";
import type { ModelInfo } from "../info.js";
import type { Model } from "../model.js";
import { checkedOptions, type LoadOptions, misused, type Progress } from "../options.js";
import { abortable, bytesOf, isAddress, type Source, unreachable } from "../source.js";
import { buffersOf, type Method, METHODS, type Opened, type Port, type Question, type Reply, unpacked } from "./messages.js";

/** How a bundle is opened in a worker. */
export interface WorkerLoadOptions extends LoadOptions {
  /** A worker that has imported `skewless/worker`. Default: one that all such models share, started by the first. */
  readonly worker?: HostWorker | undefined;
  /**
   * Hand the typed arrays that methods are given over to the worker, in place of copying them: afterwards they are empty
   * here. Default: false.
   */
  readonly transfer?: boolean | undefined;
}

/** A model in a worker: the methods of `Model`, as promises. */
export type WorkerModel<M extends Model = Model> = {
  readonly [name in Method]: (...given: Parameters<M[name]>) => Promise<ReturnType<M[name]>>;
} & {
  /** What the bundle says of itself. */
  readonly info: ModelInfo;
  /** Gives the model's memory back; with its last model, a worker that this package started ends. */
  close(): Promise<void>;
};

/** Opens a bundle in a worker. Types and errors are those of `load`, with `internal.worker` for a worker that stops. */
export type WorkerLoad = <M extends Model = Model>(
  source: Source,
  options?: WorkerLoadOptions,
) => Promise<WorkerModel<M>>;

/** How hosts differ. @internal */
export interface Host<Worker> {
  /** Starts the package's own worker. */
  start(): Worker;
  /** Opens the line to a worker. */
  connect(worker: Worker, hear: (message: unknown) => void, stopped: (cause: unknown) => void): Port;
  /** Ends a worker. */
  end(worker: Worker): void;
  /** The method of a worker that takes listeners. */
  readonly listens: "addEventListener" | "on";
  /** An address as the worker must be told, whose own is another. Throws for what is no address. */
  resolve(address: HostURL | string): string;
}

/** The `load` of a host. @internal */
export function workerLoader<Worker extends object>(host: Host<Worker>): WorkerLoad {
  const lines = new WeakMap<Worker, Line>();
  let shared: Worker | undefined;

  function lineOf(given: Worker | undefined): Line {
    const worker = given ?? (shared ??= started(host));
    let line = lines.get(worker);
    if (!line) {
      const own = worker === shared;
      const over = () => {
        lines.delete(worker);
        if (!own) return;
        host.end(worker);
        if (shared === worker) shared = undefined;
      };
      line = new Line((hear, stopped) => host.connect(worker, hear, stopped), over);
      lines.set(worker, line);
    }
    return line;
  }

  const load = async (source: Source, given?: WorkerLoadOptions): Promise<WorkerModel> => {
    const options = checkedOptions(given);
    const { worker, transfer = false, signal, onProgress, ...plain } = options;
    if (worker != null && !isWorker(worker, host.listens)) throw misused("worker", "a `Worker`");
    const line = lineOf(worker as Worker | undefined);
    return line.used(async () => {
      const sent = isAddress(source) ? resolved(host, source) : await portable(source, options);
      const watch = { signal, onProgress: isAddress(source) || sent instanceof Blob ? onProgress : undefined };
      const question = { ask: "load", source: sent, options: plain, progress: watch.onProgress !== undefined } as const;
      const { model, info } = (await line.ask(question, ArrayBuffer.isView(sent), watch)) as Opened;
      return remote(line, model, info, transfer);
    });
  };
  return load as WorkerLoad;
}

/** The package's own worker; hosts without workers, and pages that may not start one of another origin, throw at once. */
function started<Worker>(host: Host<Worker>): Worker {
  try {
    return host.start();
  } catch (cause) {
    const message = `the worker can't be started: ${String(cause)}`;
    throw new SkewlessError({ kind: "internal", code: "internal.worker", message }, { cause });
  }
}

/** Workers of another realm are no instances of this one's class. */
function isWorker(given: object, listens: string): boolean {
  return ["postMessage", listens].every((name) => typeof (given as { readonly [name: string]: unknown })[name] === "function");
}

function resolved<Worker>(host: Host<Worker>, address: URL | string): string {
  try {
    return host.resolve(address);
  } catch (cause) {
    throw unreachable(String(address), String(cause), { cause });
  }
}

/** A file travels as it is; of bytes a copy is handed over, and an answer is read here. */
async function portable(source: Exclude<Source, string | URL>, watch: LoadOptions): Promise<Blob | Uint8Array> {
  if (source instanceof Blob) return source;
  const bytes = await bytesOf(source, (address) => fetch(address), watch);
  return "arrayBuffer" in source ? bytes : bytes.slice();
}

function remote(line: Line, model: number, info: ModelInfo, transfer: boolean): WorkerModel {
  line.hold();
  let open = true;
  const call = (method: Method) => (...given: unknown[]) => line.ask({ ask: "call", model, method, given }, transfer);
  const close = async () => {
    if (!open) return;
    open = false;
    await line.ask({ ask: "close", model }, false).finally(() => line.release());
  };
  return { ...(Object.fromEntries(METHODS.map((method) => [method, call(method)])) as unknown as WorkerModel), info, close };
}

type Unnumbered<Q> = Q extends unknown ? Omit<Q, "skewless"> : never;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: LoadOptions["onProgress"];
}

/** The questions to one worker. */
class Line {
  #port: Port;
  #waiting = new Map<number, Waiting>();
  #asked = 0;
  #holders = 0;
  #over: () => void;
  #stopped: SkewlessError | undefined;

  constructor(connect: (hear: (message: unknown) => void, stopped: (cause: unknown) => void) => Port, over: () => void) {
    this.#over = over;
    this.#port = connect(
      (message) => this.#hear(message as Reply),
      (cause) => this.#stop(cause),
    );
  }

  /** Keeps the worker while `work` lasts. */
  async used<T>(work: () => Promise<T>): Promise<T> {
    this.hold();
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#end(new SkewlessError({ kind: "misuse", code: "misuse.closed", message: "this model is closed" }));
  }

  ask(question: Unnumbered<Question>, transfer: boolean, watch: Pick<LoadOptions, "signal" | "onProgress"> = {}): Promise<unknown> {
    const { signal, onProgress } = watch;
    const skewless = this.#asked++;
    const answer = new Promise((resolve, reject) => {
      if (this.#stopped) return reject(this.#stopped);
      if (signal?.aborted) return;
      try {
        this.#port.post({ skewless, ...question }, transfer ? [...buffersOf(question)] : []);
      } catch (cause) {
        const message = `this can't be sent to a worker: ${String(cause)}`;
        return reject(new SkewlessError({ kind: "misuse", code: "misuse.not_cloneable", message }, { cause }));
      }
      this.#waiting.set(skewless, { resolve, reject, onProgress });
      this.#port.awaited?.(true);
    });
    const abort = () => this.#abort(skewless);
    signal?.addEventListener("abort", abort);
    return abortable(answer, signal).finally(() => signal?.removeEventListener("abort", abort));
  }

  #hear(reply: Reply): void {
    const waiting = this.#waiting.get(reply?.skewless);
    if (!waiting) return;
    if ("progress" in reply) return this.#tell(reply.skewless, waiting, reply.progress);
    this.#settled(reply.skewless);
    if ("error" in reply) waiting.reject(new SkewlessError(reply.error, { cause: reply.cause }));
    else waiting.resolve(unpacked(reply.result));
  }

  /** What `onProgress` throws ends the loading here and there. */
  #tell(skewless: number, { onProgress, reject }: Waiting, progress: Progress): void {
    try {
      onProgress?.(progress);
    } catch (error) {
      this.#abort(skewless);
      reject(error);
    }
  }

  #abort(load: number): void {
    if (this.#settled(load)) this.#port.post({ skewless: this.#asked++, ask: "abort", load }, []);
  }

  /** Forgets a question; whether it waited. */
  #settled(skewless: number): boolean {
    const waited = this.#waiting.delete(skewless);
    if (waited && this.#waiting.size === 0) this.#port.awaited?.(false);
    return waited;
  }

  #stop(cause: unknown): void {
    const message = `the worker stopped: ${String(cause)}`;
    this.#end(new SkewlessError({ kind: "internal", code: "internal.worker", message }, { cause }));
  }

  #end(error: SkewlessError): void {
    if (this.#stopped) return;
    this.#stopped = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#over();
  }
}
