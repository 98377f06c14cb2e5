// The same for a bundle with a network: the module that knows networks comes with the function.

import { load } from "skewless/network";

export const config = { runtime: "edge" };

let model;

export default async function handler(request) {
  model ??= await load(new URL("/network.skw", request.url));
  return Response.json({ network: model.predict(await request.json()) });
}
