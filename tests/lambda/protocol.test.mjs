// The function answers the serving protocols behind each of Lambda's HTTP sources as every other host does.

import { after, before, describe } from "node:test";

import { bundle, SETTINGS } from "../edge/cases.mjs";
import { protocolTests } from "../edge/protocol.mjs";
import { NAMES, startDoor } from "./door.mjs";

for (const name of NAMES) {
  describe(name, () => {
    let door;
    before(async () => {
      door = await startDoor(name, process.env.TESTED_BOOTSTRAP, { ...SETTINGS, SKEWLESS_BUNDLE: bundle });
    });
    after(() => door?.stop());
    protocolTests(() => door);
  });
}
