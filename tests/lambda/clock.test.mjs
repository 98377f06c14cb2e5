// The time of day jumps under the running function, backwards and forwards: what is answered and told stays right.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { bundle, records } from "../edge/cases.mjs";
import { root } from "../web/harness.mjs";
import { Lambda } from "./runtime.mjs";

const run = promisify(execFile);
const YEAR = 365 * 86_400;

let folder, library;
before(async () => {
  await mkdir(join(root, "target/lambda"), { recursive: true });
  folder = await mkdtemp(join(root, "target/lambda/clock-"));
  library = join(folder, "clock.so");
  await run("cc", ["-shared", "-fPIC", "-O1", "-o", library, join(root, "tests/lambda/clock.c"), "-ldl"]);
});
after(() => rm(folder, { recursive: true }));

test("a jump of the clock moves what is told of time, and nothing else", async (t) => {
  const offset = join(folder, "offset");
  await writeFile(offset, "0");
  const copy = join(folder, "flights.skw");
  await writeFile(copy, await readFile(bundle));
  const lambda = await Lambda.start(process.env.TESTED_BOOTSTRAP, {
    LD_PRELOAD: library,
    CLOCK_OFFSET: offset,
    SKEWLESS_BUNDLE: copy,
    SKEWLESS_CHECK_SECONDS: "0.000001",
    SKEWLESS_FEATURE_LOG: "stdout",
    SKEWLESS_FEATURE_LOG_SHARE: "1",
  });
  t.after(() => lambda.stop());
  const schedule = JSON.parse(await readFile(join(root, "lambda/events/schedule.json"), "utf8"));
  const first = (await lambda.invoke(records[0])).value;
  for (const [years, isOld] of [[0, true], [-40, false], [10, true], [-1, undefined]]) {
    await writeFile(offset, String(years * YEAR));
    const from = lambda.entries.length;
    const due = Date.now() + years * YEAR * 1e3;
    assert.deepEqual((await lambda.invoke(records[0])).value, first);
    const { value } = await lambda.invoke(schedule);
    assert.equal(value.ready, true);
    assert.ok(value.age_seconds >= 0);
    if (isOld !== undefined) assert.equal(value.age_seconds > 0, isOld, `${years} years`);
    const told = lambda.entries.slice(from);
    const near = (time) => Math.abs(time - due) < 60_000;
    const [metrics] = told.filter((entry) => entry._aws);
    // CloudWatch's timestamps begin with 1970.
    assert.ok(near(metrics._aws.Timestamp), `${metrics._aws.Timestamp} for ${due}`);
    assert.ok(metrics.BundleAge >= 0 && metrics.Latency >= 0 && metrics.Latency < 60_000);
    const [answered] = told.filter((entry) => entry.message === "answered");
    assert.ok(near(Date.parse(answered.timestamp)), answered.timestamp);
    const [features] = told.filter((entry) => entry.event === "features");
    assert.ok(near(Date.parse(features.time)), features.time);
  }
});
