// The same with the bundle where `SKEWLESS_SOURCE` says: a bucket, a namespace, a static asset or an address. The first
// request opens it; a new one there is taken without a deployment, but for an asset, which is deployed.

import { createLazyHandler, optionsFrom, sourceFrom } from "skewless/serve";

export default { fetch: createLazyHandler(sourceFrom, optionsFrom) };
