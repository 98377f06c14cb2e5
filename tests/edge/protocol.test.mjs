// Each template under its own program answers the serving protocols.

import { after, before, describe } from "node:test";

import { bundle, SETTINGS } from "./cases.mjs";
import { HOSTS, startHost } from "./hosts.mjs";
import { protocolTests } from "./protocol.mjs";

for (const name of HOSTS) {
  describe(name, () => {
    let host;
    before(async () => {
      host = await startHost(name, { bundle, settings: SETTINGS });
    });
    after(() => host?.stop());
    protocolTests(() => host);
  });
}
