// Lambda's Runtime API and Extensions API as a function meets them: events are handed out one by one, answers are taken as
// they come, and the next event waits until every extension has asked for it.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const RUNTIME = "/2018-06-01/runtime";
const EXTENSION = "/2020-01-01/extension";
const ARN = "arn:aws:lambda:us-east-1:123456789012:function:flights";

/** The longest answer in bytes that is not a stream. */
const LONGEST = 6 << 20;

/** What divides the prelude of a streamed answer from its body. */
const DIVIDER = Buffer.alloc(8);

/** A function under test: the program, started anew whenever it has ended. */
export class Lambda {
  /** Lines of standard output and standard error, those that are JSON parsed. */
  entries = [];
  /** What a failed start was reported with. */
  initError = undefined;
  #program;
  #variables;
  #server;
  #url;
  #child;
  #ended;
  /** The invocations that wait to be taken. */
  #queue = [];
  /** Those that were taken, by their id. */
  #taken = new Map();
  #asking = [];
  #extensions = new Map();

  constructor(program, variables = {}) {
    this.#program = program;
    this.#variables = variables;
  }

  static async start(program, variables) {
    const lambda = new Lambda(program, variables);
    await lambda.listen();
    lambda.launch();
    return lambda;
  }

  /** The names of the extensions that were registered. */
  get extensions() {
    return [...this.#extensions.values()].map(({ name }) => name);
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Lines of the log that hold this, as objects. */
  logged(members) {
    return this.entries.filter((entry) => Object.entries(members).every(([name, value]) => entry[name] === value));
  }

  /** The metrics lines. */
  get metrics() {
    return this.entries.filter((entry) => entry._aws);
  }

  /** Starts the program. */
  launch() {
    this.#asking = [];
    this.#extensions.clear();
    const env = {
      PATH: process.env.PATH,
      AWS_LAMBDA_RUNTIME_API: this.#url,
      AWS_LAMBDA_FUNCTION_NAME: "flights",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
      AWS_LAMBDA_FUNCTION_VERSION: "1",
      AWS_REGION: "us-east-1",
      ...this.#variables,
    };
    const [path, ...parameters] = [this.#program].flat();
    this.#child = spawn(path, parameters, { env, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#read(stream);
    this.#ended = new Promise((ended) => this.#child.on("close", (code, signal) => ended({ code, signal })));
    this.#ended.then(() => {
      // Whoever was answered by it gets what Lambda says of a process that ended.
      for (const { settle } of this.#taken.values()) settle({ error: { errorType: "Runtime.ExitError" } });
      this.#taken.clear();
    });
  }

  /** Waits until the program has ended. */
  ended() {
    return this.#ended;
  }

  kill(signal) {
    this.#child.kill(signal);
  }

  async stop() {
    this.kill("SIGKILL");
    await this.#ended;
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /**
   * Sends an event: the answer is `{ value }`, `{ error }`, or of a stream `{ prelude, body, chunks }`. `taken` is called when
   * the program has been given the event.
   */
  invoke(event, { taken, text = JSON.stringify(event), id = randomUUID() } = {}) {
    return new Promise((settle) => {
      this.#queue.push({ id, text, settle, taken });
      this.#deal();
    });
  }

  /** Waits until all extensions are done with what was last answered. */
  async settled() {
    const done = () => [...this.#extensions.values()].every(({ waiting }) => waiting);
    while (!done() || this.#asking.length === 0) await new Promise((later) => setTimeout(later, 2));
  }

  /** Opens the Runtime API, of which a launched program is told. */
  async listen() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    await new Promise((listening) => this.#server.listen(0, "127.0.0.1", listening));
    this.#url = `127.0.0.1:${this.#server.address().port}`;
  }

  async #answer(request, response) {
    const path = request.url;
    if (path === `${RUNTIME}/invocation/next`) {
      this.#asking.push(response);
      return this.#deal();
    }
    if (path === `${EXTENSION}/event/next`) {
      const extension = this.#extensions.get(request.headers["lambda-extension-identifier"]);
      extension.waiting = response;
      return this.#deal();
    }
    const { body, chunks } = await read(request);
    // What the function printed before it answered waits in its pipes: a turn of the event loop reads them.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    if (path === `${EXTENSION}/register`) {
      const id = randomUUID();
      this.#extensions.set(id, { name: request.headers["lambda-extension-name"], events: JSON.parse(body).events });
      const registered = { functionName: "flights", functionVersion: "1", handler: "bootstrap" };
      return response.setHeader("lambda-extension-identifier", id).end(JSON.stringify(registered));
    }
    if (path === `${RUNTIME}/init/error`) {
      const type = request.headers["lambda-runtime-function-error-type"];
      this.initError = { type, ...JSON.parse(body) };
      return response.writeHead(202).end("{}");
    }
    const [, id, what] = /\/invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const invocation = this.#taken.get(id);
    if (!invocation) return response.writeHead(400).end("{}");
    this.#taken.delete(id);
    const isStream = request.headers["lambda-runtime-function-response-mode"] === "streaming";
    if (what === "response" && !isStream && body.length > LONGEST) {
      response.writeHead(413).end(JSON.stringify({ errorType: "RequestEntityTooLarge" }));
      return invocation.settle({ error: { errorType: "Function.ResponseSizeTooLarge" } });
    }
    response.writeHead(202).end("{}");
    if (what === "error") return invocation.settle({ error: JSON.parse(body) });
    if (!isStream) return invocation.settle({ value: JSON.parse(body) });
    const end = body.indexOf(DIVIDER);
    const prelude = JSON.parse(body.subarray(0, end));
    const type = request.headers["content-type"];
    invocation.settle({ type, prelude, body: body.subarray(end + DIVIDER.length), chunks });
  }

  /** Hands out the next event, where the runtime and every extension ask for one. */
  #deal() {
    const extensions = [...this.#extensions.values()].filter(({ events }) => events.includes("INVOKE"));
    const ready = this.#asking.length > 0 && extensions.every(({ waiting }) => waiting);
    if (!ready || this.#queue.length === 0) return;
    const invocation = this.#queue.shift();
    const { id, text } = invocation;
    const deadline = Date.now() + 30_000;
    this.#taken.set(id, invocation);
    for (const extension of extensions) {
      const event = { eventType: "INVOKE", deadlineMs: deadline, requestId: id, invokedFunctionArn: ARN, tracing: { type: "X-Amzn-Trace-Id", value: "" } };
      extension.waiting.end(JSON.stringify(event));
      extension.waiting = undefined;
    }
    this.#asking
      .shift()
      .writeHead(200, {
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": id,
        "lambda-runtime-deadline-ms": String(deadline),
        "lambda-runtime-invoked-function-arn": ARN,
        "lambda-runtime-trace-id": `Root=1-5bef4de7-${id.slice(0, 8)}`,
      })
      .end(text);
    invocation.taken?.();
  }

  #read(stream) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines.filter(Boolean)) this.entries.push(parsed(line));
    });
  }
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return { text: line };
  }
}

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return { body: Buffer.concat(chunks), chunks };
}
