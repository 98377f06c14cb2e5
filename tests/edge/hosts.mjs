// The templates as a user has them (a copy, with the package installed and a bundle), each run by its own program.

import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { dist, root } from "../web/harness.mjs";

/** Where the runtimes of these tests lie. */
export const PROGRAMS = join(root, "tests/edge/node_modules");

/** How long a host may take to answer for the first time, in milliseconds. */
const PATIENCE = 60_000;

/** What each host is started with, from its template's folder. */
const COMMANDS = {
  node: () => ["node", process.execPath, ["server.mjs"]],
  bun: () => ["node", join(PROGRAMS, "bun/bin/bun.exe"), ["server.mjs"]],
  deno: () => ["deno", join(PROGRAMS, "deno/deno"), ["run", "--allow-net", "--allow-read", "--allow-env", "main.ts"]],
  workerd: (port, settings, flags) => [
    "cloudflare",
    join(root, "tests/web/node_modules/.bin/wrangler"),
    [
      ["dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0", "--log-level", "log"],
      Object.entries(settings).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
      flags,
    ].flat(),
  ],
};

/** The hosts that answer over a socket. */
export const HOSTS = Object.keys(COMMANDS);

/** A folder with a template and its bundle, as somebody has it who followed the template's README. */
export async function install(template, bundle) {
  const from = join(root, "web/workers", template);
  await checkDependency(from);
  await mkdir(join(root, "target/edge"), { recursive: true });
  const folder = await mkdtemp(join(root, "target/edge", `${template}-`));
  // Without what an `npm install` in the template left there.
  await cp(from, folder, { recursive: true, filter: (path) => !path.includes("node_modules", from.length) });
  await cp(dist, join(folder, "node_modules/skewless"), { recursive: true });
  if (bundle) await cp(bundle, join(folder, "flights.skw"));
  return folder;
}

/**
 * Starts a host with variables and, on workerd, flags of wrangler. `prepare` may change its folder before. `entries` are
 * the JSON lines that it has logged so far. One that is left `untouched` has been sent no request yet.
 */
export async function startHost(host, { bundle, settings = {}, flags = [], prepare, untouched = false } = {}) {
  const port = await freePort();
  const [template, program, parameters] = COMMANDS[host](port, settings, flags);
  const folder = await install(template, bundle);
  await prepare?.(folder);
  const environment = {
    ...process.env,
    ...(host === "workerd"
      ? { CI: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" }
      : { PORT: String(port), ...settings }),
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1",
  };
  const child = spawn(program, parameters, { cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"], env: environment });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    const running = child.exitCode === null && child.signalCode === null;
    const ended = running ? new Promise((end) => child.once("exit", end)) : undefined;
    // The whole group, because wrangler's workerd is its child.
    if (ended) process.kill(-child.pid, "SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answering(url, child, untouched);
  } catch (error) {
    await stop();
    throw new Error(`${host} does not answer: ${error.message}\n${log}`);
  }
  return { url, folder, stop, pid: child.pid, log: () => log, entries: () => entriesOf(log) };
}

/** Prepares a template's folder: the bundle is a static asset of the Worker. */
export async function asAsset(folder) {
  await mkdir(join(folder, "public"));
  await rename(join(folder, "flights.skw"), join(folder, "public/flights.skw"));
}

/** Waits until `found` gives something. */
export async function until(found, what, patience = 20_000) {
  const deadline = Date.now() + patience;
  while (Date.now() < deadline) {
    const result = await found();
    if (result) return result;
    await pause(50);
  }
  throw new Error(`waited ${patience / 1000} s for ${what}`);
}

function entriesOf(log) {
  return log.split("\n").flatMap((line) => {
    try {
      return line.startsWith("{") ? [JSON.parse(line)] : [];
    } catch {
      return [];
    }
  });
}

/** Fails unless `npm install` in the template takes the package that is copied here. */
async function checkDependency(template) {
  const { dependencies } = JSON.parse(await readFile(join(template, "package.json"), "utf8"));
  const path = /^file:(.+)$/.exec(dependencies.skewless)?.[1];
  if (path === undefined) throw new Error(`the template takes skewless from \`${dependencies.skewless}\`, not from a folder`);
  const named = await realpath(resolve(template, path));
  if (named !== (await realpath(dist))) throw new Error(`the template takes skewless from ${named}, not from ${dist}`);
}

export async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function answering(url, child, untouched) {
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (untouched) return accepts(url);
    const answer = await fetch(`${url}/v2/health/live`).catch(() => undefined);
    return answer?.ok;
  }, "an answer", PATIENCE);
}

function accepts(url) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  return new Promise((done) => {
    socket.once("connect", () => done(true)).once("error", () => done(false));
  }).finally(() => socket.destroy());
}
