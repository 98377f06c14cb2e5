// A Worker on Cloudflare's workerd, run by `wrangler dev` as its author would.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** How long workerd may take to answer for the first time, in milliseconds. */
const PATIENCE = 60_000;

/** Starts the Worker in a folder, from a script of it or the one that `wrangler.toml` names; `stop` ends it. */
export async function startWrangler(folder, ...script) {
  const child = spawn(join(folder, "node_modules/.bin/wrangler"), ["dev", ...script, "--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", NO_COLOR: "1" },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  const ended = new Promise((end) => child.once("exit", end));
  const stop = async () => {
    // The whole group, because wrangler's workerd is its child.
    if (child.exitCode === null) process.kill(-child.pid, "SIGTERM");
    await ended;
  };
  const deadline = Date.now() + PATIENCE;
  while (Date.now() < deadline && child.exitCode === null) {
    const url = /Ready on (http:\S+)/.exec(log)?.[1];
    if (url) return { url, stop };
    await pause(100);
  }
  await stop();
  throw new Error(`the Worker does not answer\n${log}`);
}
