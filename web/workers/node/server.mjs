// Answers the serving protocols with a bundle, over Node's own server or Bun's.

import { createHandler, listen, optionsFrom, sourceFrom } from "skewless/serve/node";

const variables = { SKEWLESS_SOURCE: "flights.skw", ...process.env };
const handler = await createHandler(sourceFrom(variables), optionsFrom(variables));
const server = await listen(handler, { port: Number(process.env.PORT ?? 8080) });
process.once("SIGTERM", () => server.close());
