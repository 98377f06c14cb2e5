// What a project that uses the package writes; `types.test.mjs` compiles it against the published declarations.

import { type Explanation, load, type ModelInfo, type Prediction, SkewlessError } from "skewless";
import { createHandler, type Handler } from "skewless/serve";

const model = await load("flights.skw", { verify: false });
const { task, inputs }: ModelInfo = model.info;

const prediction: Prediction = model.predict({ carrier: "UA", distance: 1400, wind_gust: null });
const numbers: number[] = "values" in prediction ? prediction.values : [prediction.raw].flat();
const said: string | number | undefined = "value" in prediction ? prediction.value : "label" in prediction ? prediction.label : numbers[0];

const { base, features }: Explanation = model.explain({ carrier: "UA" });
const added: number | undefined = features[0]?.contributions[0];

const batch = model.predictBatch({
  distance: new Float32Array([1400, 700]),
  carrier: ["UA", null],
  origin: { dictionary: ["EWR"], codes: new Uint32Array([0, 0]) },
});
const first: number | undefined = batch.values[0];
const codes: string[] = batch.errors.map((error) => error.code);
model.predictBatch([{ carrier: "UA" }]);
model.predict({ image: [[1, 2], [3, 4]], sound: new Float32Array(490) });
const scores: Float64Array = model.score(new Float64Array(137));

const handler: Handler = await createHandler(new Uint8Array());
const answer: Response = await handler(new Request("http://localhost/ping"));

try {
  model.close();
} catch (error) {
  if (error instanceof SkewlessError && error.kind === "misuse") throw error;
}

// @ts-expect-error: an object is no raw value
model.predict({ carrier: { code: "UA" } });
// @ts-expect-error: a record is an object
model.predict(3);
// @ts-expect-error: a kind that does not exist
if (new SkewlessError({ kind: "unknown", code: "", message: "" }).kind) throw new Error();

export { added, answer, base, codes, first, inputs, said, scores, task };
