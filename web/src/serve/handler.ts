// Answers HTTP requests with a bundle, through the one implementation of the serving protocols.

import { SkewlessError } from "../error.js";
import { Held, type Compile, Runtime } from "../runtime.js";
import { bytesOf, type Fetch, type Source } from "../source.js";
import start, { __wbg_reset_state as reset, initSync as startNow, Service } from "./wasm/skewless.js";

/** Answers a request. */
export type Handler = (request: Request) => Promise<Response>;

/** Opens a bundle and gives the function that answers requests with it. */
export type CreateHandler = (bundle: Source) => Promise<Handler>;

/** The `createHandler` of a host that compiles and reads in its own way. */
export function handlerMaker(compile: Compile, fetch: Fetch): CreateHandler {
  const runtime = new Runtime({ start: (module) => start({ module_or_path: module }), startNow, reset }, compile);
  return async (source) => {
    const [bundle] = await Promise.all([bytesOf(source, fetch), runtime.ready()]);
    const service = new Held(runtime, () => new Service(bundle));
    return (request) => answer(service, request);
  };
}

async function answer(service: Held<Service>, request: Request): Promise<Response> {
  const body = new Uint8Array(await request.arrayBuffer());
  const { pathname } = new URL(request.url);
  const headers = [...request.headers].flat();
  try {
    const reply = service.run((native) => native.respond(request.method, pathname, headers, body));
    return new Response(reply.body.length > 0 ? reply.body : null, { status: reply.status, headers: reply.headers });
  } catch (error) {
    // Refusals are answers; what is thrown is a trap, and the next request finds a fresh instance.
    if (!(error instanceof SkewlessError)) throw error;
    const { code, message } = error;
    return Response.json({ error: { code, message } }, { status: 500, headers: { "x-skewless-error": code } });
  }
}
