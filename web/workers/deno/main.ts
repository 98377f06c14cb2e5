// Answers the serving protocols with a bundle, over Deno's own server.

import { createHandler, optionsFrom, sourceFrom } from "skewless/serve";

const variables = { SKEWLESS_SOURCE: "flights.skw", ...Deno.env.toObject() };
const handler = await createHandler(sourceFrom(variables), optionsFrom(variables));
Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8080) }, (request) => handler(request));
