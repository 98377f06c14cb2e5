// Vercel's edge runtime answers the serving protocols.

import { after, before, describe } from "node:test";

import { SETTINGS } from "./cases.mjs";
import { fileServer } from "./file-server.mjs";
import { protocolTests } from "./protocol.mjs";
import { startVercel } from "./vercel.mjs";

describe("Vercel's edge runtime", () => {
  let address;
  let host;
  before(async () => {
    address = await fileServer(true);
    host = await startVercel({ ...SETTINGS, SKEWLESS_SOURCE: address.url });
  });
  after(async () => {
    await host?.stop();
    address?.close();
  });
  protocolTests(() => host);
});
