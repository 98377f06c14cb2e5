// Node's own server around a handler: requests and answers as the web has them, streams both ways.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { Handler } from "./handler.js";

/** Where a server listens. */
export interface Address {
  /** 8080 without it; 0 for one that is free. */
  readonly port?: number | undefined;
  /** All interfaces without it. */
  readonly hostname?: string | undefined;
}

/** Serves a handler over HTTP; the server is listening when it is given. */
export async function listen(handler: Handler, { port = 8080, hostname }: Address = {}): Promise<Server> {
  const server = createServer((message, answer) => {
    void carry(handler, message, answer);
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(port, hostname, () => listening());
  });
  return server;
}

async function carry(handler: Handler, message: IncomingMessage, answer: ServerResponse): Promise<void> {
  try {
    const response = await handler(requestOf(message));
    const headers = new Map<string, string[]>();
    for (const [name, value] of response.headers) headers.set(name, [...(headers.get(name) ?? []), value]);
    answer.writeHead(response.status, Object.fromEntries(headers));
    if (response.body) await pipeline(Readable.fromWeb(response.body as never), answer);
    else answer.end();
  } catch {
    // Whoever asked has gone, or its body broke off in the middle of the answer.
    answer.destroy();
  }
}

function requestOf(message: IncomingMessage): Request {
  const headers = new Headers();
  for (let at = 0; at < message.rawHeaders.length; at += 2) {
    headers.append(message.rawHeaders[at] as string, message.rawHeaders[at + 1] as string);
  }
  const method = message.method ?? "GET";
  const url = addressOf(message.url ?? "/");
  // No `Request` is of this method; the handler refuses it as any other that its paths do not take.
  if (method === "TRACE") return Object.defineProperty(new Request(url, { headers }), "method", { value: method });
  const bodied = method !== "GET" && method !== "HEAD";
  const init = { method, headers, ...(bodied && { body: bodyOf(message), duplex: "half" }) };
  return new Request(url, init as RequestInit);
}

/**
 * The address of a request's target (RFC 9112, 3.2): a path, which may begin with two slashes, or a whole address, whose
 * host does not matter.
 */
function addressOf(target: string): URL {
  const address = new URL("http://localhost");
  if (target.startsWith("/")) return new URL(`${address.origin}${target}`);
  try {
    ({ pathname: address.pathname, search: address.search } = new URL(target));
  } catch {
    address.pathname = target;
  }
  return address;
}

/** The body, read as it is asked for. What nobody wants is let go: to end the connection would lose the answer. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces = message.iterator({ destroyOnReturn: false });
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const { done, value } = (await pieces.next()) as IteratorResult<Buffer>;
    if (done) controller.close();
    else controller.enqueue(value);
  };
  const cancel = async () => {
    await pieces.return?.();
    message.resume();
  };
  return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
}
