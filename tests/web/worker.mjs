// The Cloudflare template as a user has it (a copy, with the package installed and a bundle), run by `wrangler dev`.

import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { dist, root } from "./harness.mjs";

/** How long workerd may take to answer for the first time, in milliseconds. */
const PATIENCE = 60_000;

/** Starts the worker; `stop` ends it and takes its folder away. */
export async function startWorker(bundle) {
  const folder = await install(bundle);
  const port = await freePort();
  const wrangler = join(root, "tests/web/node_modules/.bin/wrangler");
  const child = spawn(wrangler, ["dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", NO_COLOR: "1" },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    const ended = child.exitCode === null ? new Promise((end) => child.once("exit", end)) : undefined;
    // The whole group, because wrangler's workerd is its child.
    if (ended) process.kill(-child.pid, "SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answering(`${url}/v2/health/ready`, child);
  } catch (error) {
    await stop();
    throw new Error(`the worker does not answer: ${error.message}\n${log}`);
  }
  return { url, stop };
}

async function install(bundle) {
  const place = join(root, "target/worker");
  await mkdir(place, { recursive: true });
  const folder = await mkdtemp(join(place, "cloudflare-"));
  await cp(join(root, "web/workers/cloudflare"), folder, { recursive: true });
  await cp(dist, join(folder, "node_modules/skewless"), { recursive: true });
  await cp(bundle, join(folder, "flights.skw"));
  return folder;
}

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function answering(url, child) {
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`wrangler ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await pause(100);
  }
  throw new Error(`nothing for ${PATIENCE / 1000} s`);
}
