// A gateway in front of the function: HTTP requests become events of one of Lambda's HTTP sources, and answers go back.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import { root } from "../web/harness.mjs";
import { Lambda } from "./runtime.mjs";

/** The sources: which sample event they begin with, and what of a request goes where. */
const SOURCES = {
  "API Gateway, REST": {
    sample: "apigw-v1.json",
    event: (request) => ({ httpMethod: request.method, path: request.path, headers: null, multiValueHeaders: request.several }),
    of: (answer) => ({ ...answer, headers: answer.headers ?? {} }),
  },
  "API Gateway, HTTP": { sample: "apigw-v2.json", event: v2, of: (answer) => answer },
  "a Function URL that streams": { sample: "function-url.json", event: v2, of: (answer) => answer, streams: true },
  "a load balancer": {
    sample: "alb.json",
    event: (request) => ({ httpMethod: request.method, path: request.path, headers: request.headers }),
    of: (answer) => answer,
  },
  "a load balancer with several values a header": {
    sample: "alb.json",
    event: (request) => ({ httpMethod: request.method, path: request.path, headers: undefined, multiValueHeaders: request.several }),
    of: (answer) => ({ ...answer, headers: Object.fromEntries(Object.entries(answer.multiValueHeaders).map(([name, values]) => [name, values.join(", ")])) }),
  },
};

export const NAMES = Object.keys(SOURCES);

function v2(request, sample) {
  const stage = sample.requestContext.stage;
  // A named stage stands before the path.
  const rawPath = stage === "$default" ? request.path : `/${stage}${request.path}`;
  const http = { ...sample.requestContext.http, method: request.method, path: rawPath };
  return { rawPath, headers: request.headers, requestContext: { ...sample.requestContext, http } };
}

/** Starts the function behind a gateway of a source. */
export async function startDoor(name, program, variables) {
  const { sample, event, of, streams = false } = SOURCES[name];
  const base = JSON.parse(await readFile(join(root, "lambda/events", sample), "utf8"));
  const lambda = await Lambda.start(program, { ...variables, SKEWLESS_STREAM: String(streams) });
  const server = createServer(async (incoming, outgoing) => {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const request = {
      method: incoming.method,
      path: incoming.url.split("?")[0],
      headers: Object.fromEntries(Object.entries(incoming.headers).map(([header, value]) => [header, String(value)])),
      several: incoming.headersDistinct,
    };
    const body = Buffer.concat(parts).toString("base64");
    const taken = await lambda.invoke({ ...base, ...event(request, base), body, isBase64Encoded: true });
    if (taken.prelude) {
      outgoing.writeHead(taken.prelude.statusCode, taken.prelude.headers).end(taken.body);
      return;
    }
    if (!taken.value) return outgoing.writeHead(502).end(JSON.stringify(taken.error));
    const answer = of(taken.value);
    outgoing.writeHead(answer.statusCode, answer.headers).end(answer.body ?? "");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const whole = streams ? undefined : "the body is answered whole, within the limits of whole bodies";
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    entries: () => lambda.entries,
    log: () => JSON.stringify(lambda.entries),
    lacks: {
      streaming: "Lambda hands a body over whole",
      counters: "the function's metrics are lines of its log",
      entries: "the function's log lines have another form",
      lines: whole,
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await lambda.stop();
    },
  };
}
