// What a template reads in global scope is open before anybody asks, so that no request pays; the others wait for one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { answered, bundle, records } from "./cases.mjs";
import { asAsset, HOSTS, startHost, until } from "./hosts.mjs";

/** How long a host is left alone in which it might open its bundle, in milliseconds. */
const QUIET = 1000;

const told = (host) => host.entries().map(({ event, outcome }) => [event, outcome]);

async function ask(host) {
  const headers = { "content-type": "application/x-ndjson" };
  const answer = await fetch(`${host.url}/invocations`, { method: "POST", headers, body: JSON.stringify(records[0]) });
  assert.equal((await answer.text()).trim(), answered.text.split("\n")[0]);
}

for (const name of HOSTS) {
  test(`${name} has the bundle open before the first request, and opens it once`, async () => {
    const host = await startHost(name, { bundle, untouched: true });
    try {
      await until(() => told(host).length, "the entry of the bundle");
      assert.deepEqual(told(host), [["bundle", "opened"]]);
      await ask(host);
      await until(() => told(host).length > 1, "the entry of the request");
      assert.deepEqual(told(host), [["bundle", "opened"], ["request", undefined]]);
    } finally {
      await host.stop();
    }
  });
}

test("a Worker whose bundle is a static asset opens it at the first request", async () => {
  const host = await startHost("workerd", { bundle, flags: ["--env", "assets"], prepare: asAsset, untouched: true });
  try {
    await pause(QUIET);
    assert.deepEqual(told(host), []);
    await ask(host);
    await until(() => told(host).length > 1, "the entry of the request");
    assert.deepEqual(told(host), [["bundle", "opened"], ["request", undefined]]);
  } finally {
    await host.stop();
  }
});
