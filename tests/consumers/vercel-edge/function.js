// In a function of Vercel's edge runtime: the bundle is a static file of the same site.

import { load } from "skewless";

export const config = { runtime: "edge" };

let model;

export default async function handler(request) {
  model ??= await load(new URL("/flights.skw", request.url));
  return Response.json({ here: model.predict(await request.json()) });
}
