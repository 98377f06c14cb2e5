// In a Cloudflare Worker: a bundle from an address, which the host's `caches` keep by its digest.

import { load } from "skewless";

export default {
  async fetch(request) {
    const { address, digest } = await request.json();
    const model = await load(address, { cache: true, expectDigest: digest });
    return new Response(model.info.digest);
  },
};
