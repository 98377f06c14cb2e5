// In a Cloudflare Worker: the bundle is part of the script.

import { load } from "skewless";

import bundle from "./flights.skw";

const model = await load(bundle);

export default {
  async fetch(request) {
    return Response.json({ here: model.predict(await request.json()) });
  },
};
