// The Cloudflare template as a user has it (a copy, with the package installed and a bundle), run by `wrangler dev`.

import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, realpath, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
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
  const template = join(root, "web/workers/cloudflare");
  await checkDependency(template);
  const place = join(root, "target/worker");
  await mkdir(place, { recursive: true });
  const folder = await mkdtemp(join(place, "cloudflare-"));
  // Without what an `npm install` in the template left there.
  await cp(template, folder, { recursive: true, filter: (path) => !path.includes("node_modules", template.length) });
  await cp(dist, join(folder, "node_modules/skewless"), { recursive: true });
  await cp(bundle, join(folder, "flights.skw"));
  return folder;
}

/** Fails unless `npm install` in the template takes the package that is copied here. */
async function checkDependency(template) {
  const { dependencies } = JSON.parse(await readFile(join(template, "package.json"), "utf8"));
  const path = /^file:(.+)$/.exec(dependencies.skewless)?.[1];
  if (path === undefined) throw new Error(`the template takes skewless from \`${dependencies.skewless}\`, not from a folder`);
  const named = await realpath(resolve(template, path));
  if (named !== (await realpath(dist))) throw new Error(`the template takes skewless from ${named}, not from ${dist}`);
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
