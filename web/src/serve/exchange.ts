// One request under way, bound to the bundle that was in use when it came.

import { SkewlessError } from "../error.js";
import type { Held, Runtime } from "../runtime.js";
import { Pieces } from "./body.js";
import type { Head, Outcome } from "./journal.js";
import type { Exchange as Native, Facts, Reply, Station } from "./wasm/skewless.js";

/** The code of a request whose instance was lost to another one. */
export const INTERRUPTED = "internal.interrupted";

/** A request inside an instance. It ends with the instance, because what it has answered so far is lost there. */
export class Exchange {
  readonly facts: Facts;
  #runtime: Runtime;
  #native: Native;
  #generation: number;

  constructor(runtime: Runtime, station: Held<Station>, { method, path, headers }: Head) {
    this.#runtime = runtime;
    this.#native = station.run((native) => native.begin(method, path, [...headers]));
    this.#generation = runtime.generation;
    this.facts = this.run((native) => native.facts());
  }

  /** Runs `work` with the live request. */
  run<T>(work: (native: Native) => T): T {
    return this.#runtime.run(() => {
      if (this.#generation !== this.#runtime.generation) {
        const message = "the WebAssembly instance stopped on another request, and took this one along";
        throw new SkewlessError({ kind: "internal", code: INTERRUPTED, message });
      }
      return work(this.#native);
    });
  }

  /** Gives the memory back, and with it the bundle where it is in use no more. */
  close(): void {
    // Asked inside, because a trap is cleared away there; an object of an earlier instance went with it.
    this.#runtime.run(() => {
      if (this.#generation === this.#runtime.generation) this.#native.free();
    });
  }
}

/** The answers to JSON lines, made while the lines arrive and no faster than they are read. */
export class LineAnswers {
  #exchange: Exchange;
  #pieces: Pieces;
  #first: Uint8Array | undefined;
  #code: string | undefined;
  #ended = false;

  constructor(exchange: Exchange, body: ReadableStream<Uint8Array> | null) {
    this.#exchange = exchange;
    this.#pieces = new Pieces(body);
  }

  /** Waits for the first answers: what goes wrong before them is a refusal, which has a status. */
  async begin(): Promise<Reply | undefined> {
    this.#first = await this.#next();
    return this.#exchange.run((native) => native.refusal());
  }

  /** The answers as a stream; `done` is told what became of them at their end, however they end. */
  stream(done: (outcome: Outcome) => void, gone?: AbortSignal): ReadableStream<Uint8Array> {
    let told = false;
    const finish = () => {
      if (told) return;
      told = true;
      const tally = this.#exchange.run((native) => native.tally());
      done({ status: 200, code: this.#code, tally });
    };
    // Some hosts cancel no stream whose client has gone, and say it by the request's signal.
    gone?.addEventListener("abort", () => {
      if (told) return;
      this.#leave();
      this.#settle(finish, done);
    });
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      try {
        const answers = this.#first ?? (await this.#next());
        this.#first = undefined;
        if (answers) return controller.enqueue(answers);
        controller.close();
      } catch (error) {
        this.#fail(error, controller);
      }
      this.#settle(finish, done);
    };
    const cancel = async () => {
      this.#leave();
      await this.#pieces.cancel();
      this.#settle(finish, done);
    };
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }

  async #next(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      const piece = await this.#pieces.next();
      // Whoever asked has gone meanwhile, and the exchange with it.
      if (this.#ended) return undefined;
      const answers = this.#exchange.run((native) => (piece ? native.push(piece) : native.finish()));
      this.#code = this.#exchange.run((native) => native.over());
      this.#ended = !piece || this.#code !== undefined;
      if (this.#ended) await this.#pieces.cancel();
      if (answers.length > 0) return answers;
    }
    return undefined;
  }

  #leave(): void {
    this.#ended = true;
    this.#code ??= "request.aborted";
  }

  /** Ends the answers: by a last line where this side failed, by an error where the other did. */
  #fail(error: unknown, controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#ended = true;
    if (error instanceof SkewlessError) {
      const { code, message } = error;
      this.#code = code;
      controller.enqueue(new TextEncoder().encode(`${JSON.stringify({ error: { code, message } })}\n`));
      controller.close();
    } else {
      this.#code = "request.aborted";
      controller.error(error);
    }
    void this.#pieces.cancel();
  }

  #settle(finish: () => void, done: (outcome: Outcome) => void): void {
    try {
      finish();
    } catch {
      // The count went with the instance.
      done({ status: 200, code: this.#code, tally: { rows: 0, failures: 0, codes: {} } });
    }
  }
}
