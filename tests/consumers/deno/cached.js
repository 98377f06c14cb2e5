// In Deno: a bundle from an address, asked for twice and fetched once, because the host's `caches` keep it by its digest.

import { load } from "skewless";

const [address, digest] = Deno.args;
const options = { cache: true, expectDigest: digest };
// What an earlier run kept would save the one request.
await caches.delete("skewless");
await load(address, options);
const model = await load(address, options);
console.log(model.info.digest);
