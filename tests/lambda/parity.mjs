// Scores a file of records through a Lambda emulator and prints the digest of the predictions, computed from the
// numbers in the JSON answers. A part of the rows goes through HTTP events too and must come back the same.
//
//   node tests/lambda/parity.mjs --url http://127.0.0.1:9000 --function bootstrap --rows FILE.jsonl
//   node tests/lambda/parity.mjs --program bootstrap --rows FILE.jsonl     the program over a Runtime API of this script's
//   node tests/lambda/parity.mjs --emulator qemu-aarch64 --program bootstrap --rows FILE.jsonl
//
// Prints {"target":"lambda-watch","rows":N,"sha256":"…"}.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

import { Lambda } from "./runtime.mjs";

const NO_LABEL = 0xffffffff;
const FAILED = 0xfffffffe;
/** Rows that also go through HTTP events. */
const HTTP_ROWS = 500;

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.0.0.1:9000" },
    program: { type: "string" },
    emulator: { type: "string" },
    function: { type: "string", default: "bootstrap" },
    model: { type: "string", default: "flights" },
    rows: { type: "string" },
    batch: { type: "string", default: "2000" },
    target: { type: "string", default: "lambda-watch" },
  },
});
if (!options.rows) {
  throw new Error("--rows FILE.jsonl is missing");
}
const invocations = `${options.url}/2015-03-31/functions/${options.function}/invocations`;
const command = [options.emulator, options.program].filter(Boolean);
const lambda = options.program ? await Lambda.start(command, settings()) : undefined;
const batchSize = Number(options.batch);

const labels = await labelsOfModel();
const all = createHash("sha256");
const first = createHash("sha256");
let rows = 0;
let firstBatch;

for await (const lines of batches(options.rows, batchSize)) {
  const predictions = await answered(`[${lines.join(",")}]`);
  if (predictions.length !== lines.length) {
    throw new Error(`${predictions.length} answers for ${lines.length} records`);
  }
  firstBatch ??= lines.slice(0, HTTP_ROWS);
  for (const [place, prediction] of predictions.entries()) {
    const bytes = predictionBytes(prediction);
    all.update(bytes);
    if (rows + place < firstBatch.length) first.update(bytes);
  }
  rows += lines.length;
}
if (rows === 0) {
  throw new Error(`${options.rows} holds no records`);
}

const expected = first.digest("hex");
for (const [name, predictions] of await overHttp(firstBatch)) {
  const hash = createHash("sha256");
  for (const prediction of predictions) hash.update(predictionBytes(prediction));
  const found = hash.digest("hex");
  if (found !== expected) {
    throw new Error(`${name}: ${found} where the direct invocation gives ${expected}`);
  }
}
await lambda?.stop();
console.log(JSON.stringify({ target: options.target, rows, sha256: all.digest("hex") }));

/** The settings that a started program is given: those of this process' environment, and the emulator its own. */
function settings() {
  const own = ([name]) => /^(SKEWLESS_|QEMU_|LAMBDA_TASK_ROOT$)/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(own));
}

/** One invocation with a JSON text as its event; the answer parsed. */
async function answered(event) {
  if (lambda) {
    const { value, error } = await Promise.race([lambda.invoke(undefined, { text: event }), lambda.ended()]);
    if (value === undefined) throw new Error(`invocation failed: ${JSON.stringify([error, lambda.initError, ...lambda.entries.slice(-20)])}`);
    return value;
  }
  const response = await fetch(invocations, { method: "POST", body: event });
  const text = await response.text();
  if (!response.ok || response.headers.has("x-amz-function-error")) {
    throw new Error(`invocation failed with ${response.status}: ${text.slice(0, 500)}`);
  }
  const answer = JSON.parse(text);
  if (answer !== null && typeof answer === "object" && "errorType" in answer) {
    throw new Error(`invocation failed: ${answer.errorType}: ${answer.errorMessage}`);
  }
  return answer;
}

/** The label order of the model, which the digest counts labels by. */
async function labelsOfModel() {
  const response = await answered(JSON.stringify(functionUrlEvent("GET", `/v2/models/${options.model}`)));
  if (response.statusCode !== 200) {
    throw new Error(`model metadata: ${response.statusCode} ${response.body}`);
  }
  const { outputs } = JSON.parse(response.body);
  return outputs.find((output) => output.name === "label")?.parameters.labels ?? [];
}

/** The same records through API Gateway's two forms, as lists of predictions. */
async function overHttp(lines) {
  const body = `{"dataframe_records":[${lines.join(",")}]}`;
  const events = [
    ["api-gateway-v1", restEvent("POST", "/invocations", body)],
    ["function-url", functionUrlEvent("POST", "/invocations", body)],
  ];
  const answers = [];
  for (const [name, event] of events) {
    const response = await answered(JSON.stringify(event));
    if (response.statusCode !== 200) {
      throw new Error(`${name}: ${response.statusCode} ${response.body}`);
    }
    answers.push([name, JSON.parse(response.body).predictions]);
  }
  return answers;
}

function restEvent(method, path, body) {
  return {
    resource: "/{proxy+}",
    path,
    httpMethod: method,
    headers: { "content-type": "application/json" },
    multiValueHeaders: { "content-type": ["application/json"] },
    requestContext: { resourcePath: "/{proxy+}", httpMethod: method, stage: "prod" },
    body,
    isBase64Encoded: false,
  };
}

function functionUrlEvent(method, path, body) {
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: { "content-type": "application/json" },
    requestContext: {
      domainName: "id.lambda-url.us-east-1.on.aws",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "parity" },
      routeKey: "$default",
      stage: "$default",
    },
    body: body === undefined ? undefined : Buffer.from(body).toString("base64"),
    isBase64Encoded: body !== undefined,
  };
}

/** A prediction's bytes in the digest: raw scores, values, label; or the mark of a failed row and its code. */
function predictionBytes(prediction) {
  if (prediction.error) {
    const mark = Buffer.alloc(4);
    mark.writeUInt32LE(FAILED);
    return Buffer.concat([mark, Buffer.from(prediction.error.code), Buffer.alloc(1)]);
  }
  const numbers = [...[prediction.raw].flat(), ...scoreValues(prediction)];
  const bytes = Buffer.alloc(numbers.length * 8 + 4);
  for (const [place, number] of numbers.entries()) bytes.writeDoubleLE(number, place * 8);
  bytes.writeUInt32LE(labelIndex(prediction), numbers.length * 8);
  return bytes;
}

function scoreValues(prediction) {
  if (prediction.probabilities) return labels.map((label) => prediction.probabilities[label]);
  return [prediction.probability ?? prediction.value];
}

function labelIndex(prediction) {
  if (prediction.label === undefined) return NO_LABEL;
  const index = labels.indexOf(prediction.label);
  if (index < 0) throw new Error(`label ${prediction.label} is none of ${labels.join(", ")}`);
  return index;
}

/** The file's lines in lists of `size`. */
async function* batches(file, size) {
  let lines = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line.trim() === "") continue;
    lines.push(line);
    if (lines.length === size) {
      yield lines;
      lines = [];
    }
  }
  if (lines.length > 0) yield lines;
}
