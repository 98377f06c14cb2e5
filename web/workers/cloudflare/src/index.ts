// Answers the serving protocols with the bundle beside it, which travels in the script.

import { env } from "cloudflare:workers";
import { createHandler, optionsFrom } from "skewless/serve";

import bundle from "../flights.skw";

export default { fetch: await createHandler(bundle, optionsFrom(env)) };
