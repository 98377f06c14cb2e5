// The worker's end: opens bundles, answers with them, and hands typed arrays over without copying them.

import { SkewlessError } from "../error.js";
import type { Load } from "../load.js";
import type { Model } from "../model.js";
import { buffersOf, METHODS, type Opened, packed, type Port, type Question, type Reply } from "./messages.js";

/** Gives the function that takes the page's messages. */
export function answerer(load: Load, port: Port): (message: unknown) => void {
  const models = new Map<number, Model>();
  const loading = new Map<number, AbortController>();

  function modelOf(number: number): Model {
    const model = models.get(number);
    if (!model) throw new SkewlessError({ kind: "misuse", code: "misuse.closed", message: "this model is closed" });
    return model;
  }

  async function open(question: Question & { ask: "load" }): Promise<Opened | undefined> {
    const { skewless, source, options, progress } = question;
    const controller = new AbortController();
    loading.set(skewless, controller);
    const onProgress = (progress: unknown) => port.post({ skewless, progress }, []);
    try {
      const model = await load(source, { ...options, signal: controller.signal, ...(progress && { onProgress }) });
      if (controller.signal.aborted) return void model.close();
      // The question's number is the model's.
      models.set(skewless, model);
      return { model: skewless, info: model.info };
    } finally {
      loading.delete(skewless);
    }
  }

  function close(number: number): void {
    models.get(number)?.close();
    models.delete(number);
  }

  function answer(question: Question): unknown {
    switch (question.ask) {
      case "load":
        return open(question);
      case "abort":
        loading.get(question.load)?.abort();
        // It may have come too late: nobody waits for that model.
        return close(question.load);
      case "close":
        return close(question.model);
      case "call": {
        const { model, method, given } = question;
        if (!METHODS.includes(method)) throw new TypeError(`there is no method ${method}`);
        return (modelOf(model)[method] as (...given: readonly unknown[]) => unknown).apply(modelOf(model), given as unknown[]);
      }
    }
  }

  return async (message) => {
    const question = message as Question;
    const skewless = question?.skewless;
    if (skewless === undefined) return;
    let reply: Reply;
    try {
      reply = { skewless, result: packed(await answer(question)) };
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown.cause : undefined;
      const error = thrown instanceof SkewlessError ? thrown.toJSON() : internal(thrown);
      reply = { skewless, error, cause: cloneable(cause) };
    }
    port.post(reply, [...buffersOf("result" in reply ? reply.result : undefined)]);
  };
}

function internal(thrown: unknown) {
  return { kind: "internal", code: "internal.worker", message: `the worker stumbled: ${String(thrown)}` } as const;
}

/** A cause may be anything; what can't travel goes as text. */
function cloneable(cause: unknown): unknown {
  try {
    return structuredClone(cause);
  } catch {
    return String(cause);
  }
}
