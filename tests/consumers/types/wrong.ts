// A field with a wrong name, which must not compile.

import { load } from "skewless";

import type { Flights } from "./flights.js";

const model = await load<Flights>("flights.skw");
model.predict({
  carrier: "UA",
  origin: "EWR",
  dest: "IAH",
  scheduled_departure: "2013-11-01T05:15",
  scheduled_arrival: "2013-11-01T08:25",
  distanze: 1400,
});
