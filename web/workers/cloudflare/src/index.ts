// Answers `POST /v2/models/flights/infer`, `POST /invocations` and the health paths with the bundle beside it.

import { createHandler } from "skewless/serve";

import bundle from "../flights.skw";

export default { fetch: await createHandler(bundle) };
