// Yggdrasil Decision Forests for the web: a model of the same size on the raw columns.

import { FlightFeatures } from "../features.mjs";

export async function open(work, { ydf }) {
  const model = await (await ydf()).loadModelFromZipBlob(await work.bytes("ydf.zip"));
  const records = await work.lines("records.jsonl");
  const features = new FlightFeatures(await work.json("vocabulary.json"), await work.lines("planes.jsonl"));
  const raw = (from, count) => records.slice(from, from + count);
  return {
    expected: "ydf_expected.f64",
    rows: records.length,
    input: (from, count) => (work.fromRecords ? raw(from, count) : features.columns(raw(from, count))),
    call: (block) => model.predict(work.fromRecords ? features.columns(block) : block),
    numbers: (probabilities) => probabilities,
  };
}
