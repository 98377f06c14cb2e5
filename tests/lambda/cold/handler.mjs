// The flights model as a Node function has it: feature code by hand, ONNX Runtime's WebAssembly, and the shortest loop over
// the Runtime API, because the package with Lambda's own client builds native code with CMake. Lambda's client does more
// than this, so that the time is no longer than with it.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { InferenceSession, Tensor, env } from "onnxruntime-web";

const WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"];
const LABELS = ["on_time", "late"];
const MINUTE = 60_000;
const DAY = 86_400_000;

const folder = process.env.MODEL_FOLDER;
env.wasm.numThreads = 1;
const known = JSON.parse(await readFile(join(folder, "features.json"), "utf8"));
const positions = Object.fromEntries(
  Object.entries(known.vocabularies).map(([name, values]) => [name, new Map(values.map((value, place) => [value, place]))]),
);
const session = await InferenceSession.create(await readFile(join(folder, "model.onnx")), { executionProviders: ["wasm"] });

async function handler(record) {
  const row = Float64Array.from(features(record));
  const { raw } = await session.run({ features: new Tensor("float64", row, [1, row.length]) });
  const probability = 1 / (1 + Math.exp(-raw.data[0]));
  return { label: LABELS[Number(probability >= 0.5)], probability, raw: raw.data[0] };
}

function features(record) {
  const departure = Date.parse(`${record.scheduled_departure}Z`);
  const arrival = Date.parse(`${record.scheduled_arrival}Z`);
  const block = (arrival - departure) / 1000;
  const [year, seats] = known.planes[record.tailnum] ?? [];
  const date = new Date(departure);
  return [
    (departure % DAY) / MINUTE,
    (arrival % DAY) / MINUTE,
    (date.getUTCDay() + 6) % 7,
    block,
    record.distance,
    record.distance / block,
    ...["carrier", "origin", "dest"].map((name) => positions[name].get(record[name]) ?? NaN),
    date.getUTCFullYear() - (year ?? NaN),
    seats ?? NaN,
    ...WEATHER.map((name) => record[name] ?? NaN),
  ];
}

const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
for (;;) {
  const next = await fetch(`${runtime}/next`);
  const answer = await handler(await next.json());
  await fetch(`${runtime}/${next.headers.get("lambda-runtime-aws-request-id")}/response`, { method: "POST", body: JSON.stringify(answer) });
}
