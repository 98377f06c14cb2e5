// Bundles kept in the host's `caches` under their digests. A cache only ever saves a request: what fails here is fetched.

/** A bundle under its digest never changes. Cloudflare's caches keep nothing that does not say how long. */
const HEADERS = { "cache-control": "max-age=31536000" };

/** The cache's name; `caches.delete(CACHE)` forgets every bundle. */
const CACHE = "skewless";

/** A bundle that was kept. */
export function recall(digest: string): Promise<ArrayBuffer | undefined> {
  return shelf(async (cache) => (await cache.match(keyOf(digest)))?.arrayBuffer());
}

/** Keeps a bundle that has proven to have this digest. */
export function keep(digest: string, bundle: Uint8Array): Promise<void | undefined> {
  return shelf((cache) => cache.put(keyOf(digest), new Response(bundle as Uint8Array<ArrayBuffer>, { headers: HEADERS })));
}

/** Nothing in hosts without caches, and in pages that may not use them. */
async function shelf<T>(work: (cache: Cache) => Promise<T>): Promise<T | undefined> {
  try {
    return await work(await caches.open(CACHE));
  } catch {
    return undefined;
  }
}

/** Keys are addresses; nobody asks a server for this one. */
function keyOf(digest: string): string {
  return `https://skewless.invalid/${digest}`;
}
