// In a Cloudflare Worker whose bundle holds a network: the module that knows networks is part of the script.

import { load } from "skewless/network";

import bundle from "./network.skw";

const model = await load(bundle);

export default {
  async fetch(request) {
    return Response.json({ network: model.predict(await request.json()) });
  },
};
