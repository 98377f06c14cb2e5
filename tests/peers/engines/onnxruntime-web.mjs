// ONNX Runtime's CPU build for the web: float rows, int8 tensors, or raw records through hand-written feature code.

import { FlightFeatures } from "../features.mjs";

/** Opens a work with the module `ort`. `file` is the graph. */
export async function open(work, { ort, file = "model.onnx" }) {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const { onnx, columns } = await work.json("work.json");
  const session = await ort.InferenceSession.create(await work.bytes(file), { executionProviders: ["wasm"] });
  const run = async (tensor) => (await session.run({ [onnx.input]: tensor }, [onnx.output]))[onnx.output].data;
  const numbers = (data) => answerOf(onnx, data);
  if (work.fromRecords) {
    const records = await work.lines("records.jsonl");
    const features = new FlightFeatures(await work.json("vocabulary.json"), await work.lines("planes.jsonl"));
    const call = (block) => run(new ort.Tensor("float32", features.rows(block), [block.length, columns]));
    return { waits: true, rows: records.length, input: (from, count) => records.slice(from, from + count), call, numbers };
  }
  const type = onnx.shape ? "int8" : "float32";
  const rows = onnx.shape ? await work.quantised() : new Float32Array(await work.rows());
  const shape = onnx.shape ?? [columns];
  return {
    waits: true,
    rows: rows.length / columns,
    input: (from, count) => rows.slice(from * columns, (from + count) * columns),
    call: (block) => run(new ort.Tensor(type, block, [block.length / columns, ...shape])),
    numbers,
  };
}

function answerOf(onnx, data) {
  if (onnx.then === "logit of the second") {
    return Array.from({ length: data.length / 2 }, (_, row) => Math.log(data[2 * row + 1] / data[2 * row]));
  }
  return Array.from(data);
}
