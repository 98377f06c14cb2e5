// One WebAssembly instance, and what happens when it traps: a trapped instance is never used again.

import { asData, SkewlessError, type Thrown } from "./error.js";

/** The generated functions that start an instance and forget it. */
export interface Glue {
  start(module: WebAssembly.Module): Promise<Instance> | Instance;
  startNow(input: { module: WebAssembly.Module }): Instance;
  reset(): void;
}

/** What an instance exports, as far as this package reads it. */
export interface Instance {
  readonly memory: WebAssembly.Memory;
}

/** Gives the compiled module; how it is found differs from host to host. */
export type Compile = () => Promise<WebAssembly.Module>;

/** The instance that everything of one WebAssembly module shares. */
export class Runtime {
  #glue: Glue;
  #compile: Compile;
  #module: WebAssembly.Module | undefined;
  #memory: WebAssembly.Memory | undefined;
  #starting: Promise<void> | undefined;
  #suspect = false;
  #generation = 0;

  constructor(glue: Glue, compile: Compile) {
    this.#glue = glue;
    this.#compile = compile;
  }

  /** Counts the instances; what was made in an earlier one is gone. */
  get generation(): number {
    return this.#generation;
  }

  /** True where WebAssembly runs. */
  get started(): boolean {
    return this.#module !== undefined;
  }

  /** The live instance's memory. */
  get memory(): WebAssembly.Memory {
    return this.#memory as WebAssembly.Memory;
  }

  /** Compiles and starts; a second call waits for the first. */
  async ready(): Promise<void> {
    if (this.#module) return;
    this.#starting ??= this.#start();
    try {
      await this.#starting;
    } finally {
      this.#starting = undefined;
    }
  }

  /** Runs `work` against the instance; whatever is thrown is a `SkewlessError`. */
  run<T>(work: () => T): T {
    try {
      if (this.#suspect) this.#restart();
      // Suspect until it has come back in order: what leaves Rust in the middle of its work may leave memory half written.
      this.#suspect = true;
      const result = work();
      this.#suspect = false;
      return result;
    } catch (thrown) {
      const error = explained(thrown);
      this.#suspect = error.code === "internal.trap";
      throw error;
    }
  }

  async #start(): Promise<void> {
    try {
      const module = await this.#compile();
      this.#memory = (await this.#glue.start(module)).memory;
      this.#module = module;
    } catch (cause) {
      const message = `WebAssembly can't be started here: ${String(cause)}`;
      throw new SkewlessError({ kind: "internal", code: "internal.not_started", message }, { cause });
    }
  }

  #restart(): void {
    const module = this.#module as WebAssembly.Module;
    this.#glue.reset();
    this.#memory = this.#glue.startNow({ module }).memory;
    this.#generation += 1;
    this.#suspect = false;
  }
}

function explained(thrown: unknown): SkewlessError {
  if (thrown instanceof SkewlessError) return thrown;
  if (Array.isArray(thrown)) return new SkewlessError(asData(thrown as unknown as Thrown));
  const message = `the WebAssembly instance stopped and is started anew: ${String(thrown)}`;
  return new SkewlessError({ kind: "internal", code: "internal.trap", message }, { cause: thrown });
}

/** An object inside an instance, opened again when a trap has taken the instance away. */
export class Held<Native extends { free(): void }> {
  #runtime: Runtime;
  #open: ((again: boolean) => Native) | undefined;
  #native: Native;
  #generation: number;

  constructor(runtime: Runtime, open: (again: boolean) => Native) {
    this.#runtime = runtime;
    this.#open = open;
    this.#native = runtime.run(() => open(false));
    this.#generation = runtime.generation;
  }

  /** Runs `work` with the live object. */
  run<T>(work: (native: Native) => T): T {
    return this.#runtime.run(() => work(this.#live()));
  }

  /** Gives the memory back; every later call is `misuse.closed`. */
  close(): void {
    if (!this.#open) return;
    this.#open = undefined;
    // An object of an earlier instance went with it.
    this.#runtime.run(() => {
      if (this.#generation === this.#runtime.generation) this.#native.free();
    });
  }

  #live(): Native {
    if (!this.#open) throw new SkewlessError({ kind: "misuse", code: "misuse.closed", message: "this model is closed" });
    if (this.#generation !== this.#runtime.generation) {
      this.#native = this.#open(true);
      this.#generation = this.#runtime.generation;
    }
    return this.#native;
  }
}
