// What a program writes that has the types of its bundle: `npx skewless types flights.skw -o flights.d.ts`.

import { load, type Prediction } from "skewless";
import { load as loadInWorker } from "skewless/worker-client";

import type { Flights, FlightsRecord } from "./flights.js";

const model = await load<Flights>("flights.skw", { expectDigest: "…" });

const record: FlightsRecord = {
  carrier: "UA",
  origin: "EWR",
  dest: "XYZ",
  scheduled_departure: "2013-11-01T05:15",
  scheduled_arrival: "2013-11-01T08:25",
  distance: 1400,
  temp: null,
};
const { label, probability, raw } = model.predict(record);
export const late: "on_time" | "late" = label;
export const numbers: number[] = [probability, raw];
export const faults: string[] = model.validate({ carrier: 3 }).map(({ field, rule }) => `${field} ${rule}`);

model.predictBatch([record, { ...record, temp: undefined }]);
const batch = model.predictBatch({
  carrier: ["UA", "AA"],
  origin: { dictionary: ["EWR"], codes: new Uint32Array([0, 0]) },
  dest: ["IAH", "MIA"],
  scheduled_departure: ["2013-11-01T05:15", "2013-11-01T05:30"],
  scheduled_arrival: ["2013-11-01T08:25", "2013-11-01T08:40"],
  distance: new Float32Array([1400, 1089]),
  temp: [null, 70],
});
export const probabilities: Float64Array = batch.values;

const remote = await loadInWorker<Flights>("flights.skw");
export const there: "on_time" | "late" = (await remote.predict(record)).label;

// Functions that take any model take this one.
const anyModel = (model: { predict(record: FlightsRecord): Prediction }) => model.predict(record);
anyModel(model);

// @ts-expect-error: a field that is required
model.predict({ carrier: "UA" });
// @ts-expect-error: a string where a number is due
model.predict({ ...record, distance: "1400" });
// @ts-expect-error: a field that may not be missing
model.predict({ ...record, carrier: null });
// @ts-expect-error: a label that the bundle does not have
if (label === "early") throw new Error();
// @ts-expect-error: a column of another type
model.predictBatch({ ...record, distance: [true] });
// @ts-expect-error: a wrong field name, in a worker too
await remote.predict({ ...record, distanze: 1400 });
