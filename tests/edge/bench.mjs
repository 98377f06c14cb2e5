// Time to ready and processor time a request of each host, beside a handler that does nothing. Prints JSON.
//
// workerd's clocks stand still while code runs, and no host's clock sees what its server does: processor time is what the
// kernel counted for the whole process over many requests (`/proc/PID/stat`), and what a handler that reads the body and
// answers with as many bytes takes on the same host is shown beside it. Time to ready is taken around `createHandler`, by
// the host's clock and as processor time of all threads; on workerd from the start of the process to its first answer, less
// the same of the handler that does nothing, so that it holds the loading of script and module too.

import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";

import { dist, readRows, root } from "../web/harness.mjs";
import { freePort, PROGRAMS, until } from "./hosts.mjs";

const bundle = join(root, "models/flights/flights.skw");

const run = promisify(execFile);
const { values: flags } = parseArgs({ options: { small: { type: "boolean", default: false } } });
const [ROUNDS, REQUESTS, STARTS] = flags.small ? [1, 100, 1] : [7, 3000, 15];

const folder = join(root, "target/edge/bench");
const workerd = join(root, "tests/web/node_modules/workerd/bin/workerd");
const ticks = Number((await run("getconf", ["CLK_TCK"])).stdout);

const records = (await readRows(join(root, "models/flights/sample.jsonl"))).slice(0, 10);
const body = JSON.stringify({ dataframe_records: records });

/** Reads the body and answers with as many bytes as the template's answer has. */
const nothing = (length) => `async (request) => {
  await request.arrayBuffer();
  return new Response("x".repeat(${length}), { headers: { "content-type": "application/json" } });
}`;

const READY = `
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createHandler } from "skewless/serve";
const bundle = new Uint8Array(await readFile("flights.skw"));
const spent = ${threadTime.toString()};
const [before, started] = [spent("self"), performance.now()];
await createHandler(bundle, { log: false });
const wall = performance.now() - started;
const opened = spent("self");
await createHandler(bundle, { log: false });
console.log(JSON.stringify({ wall, cpu: opened - before, again: spent("self") - opened }));
`;

/** How each host runs a file, and what its empty server is. */
const HOSTS = {
  Node: { program: process.execPath, parameters: [], server: "server.mjs", empty: nodeEmpty },
  Bun: { program: join(PROGRAMS, "bun/bin/bun.exe"), parameters: [], server: "server.mjs", empty: nodeEmpty },
  Deno: {
    program: join(PROGRAMS, "deno/deno"),
    parameters: ["run", "-A"],
    server: "main.ts",
    empty: (length) => `Deno.serve({ port: Number(Deno.env.get("PORT")) }, ${nothing(length)});`,
  },
};

function nodeEmpty(length) {
  return `import { listen } from "skewless/serve/node";\nawait listen(${nothing(length)}, { port: Number(process.env.PORT) });`;
}

await prepare();
const length = (await answerOnce()).length;
const results = [await ofWorkerd()];
for (const [name, host] of Object.entries(HOSTS)) results.push(await ofHost(name, host));
console.log(JSON.stringify({ requests: REQUESTS * ROUNDS, records: records.length, results }));

async function prepare() {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, "node_modules"), { recursive: true });
  for (const template of ["node", "deno"]) await cp(join(root, "web/workers", template), folder, { recursive: true });
  await cp(join(root, "web/workers/cloudflare"), join(folder, "cloudflare"), { recursive: true });
  await cp(dist, join(folder, "node_modules/skewless"), { recursive: true });
  for (const place of [".", "cloudflare"]) await cp(bundle, join(folder, place, "flights.skw"));
  await writeFile(join(folder, "ready.mjs"), READY);
  // The script as `wrangler deploy` uploads it.
  const wrangler = join(root, "tests/web/node_modules/.bin/wrangler");
  const env = { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false" };
  await run(wrangler, ["deploy", "--dry-run", "--outdir", "../script"], { cwd: join(folder, "cloudflare"), env });
}

async function ofWorkerd() {
  const names = (await readdir(join(folder, "script"))).filter((name) => /\.(js|wasm|skw)$/.test(name));
  // The first module is where it begins.
  names.sort((one, other) => Number(other === "index.js") - Number(one === "index.js"));
  const kinds = { js: "esModule", wasm: "wasm", skw: "data" };
  const modules = names.map((name) => `(name = "${name}", ${kinds[name.split(".").pop()]} = embed "script/${name}")`);
  await configuration("ours", modules.join(", "));
  await writeFile(join(folder, "nothing.js"), `export default { fetch: ${nothing(length)} };`);
  await configuration("empty", `(name = "nothing.js", esModule = embed "nothing.js")`);
  const start = (name) => (port) => started(workerd, ["serve", `${name}.capnp`, `--socket-addr=http=127.0.0.1:${port}`]);
  const ready = [];
  for (let round = 0; round <= STARTS; round++) {
    const ours = await untilAnswer(start("ours"));
    const empty = await untilAnswer(start("empty"));
    // The first start finds its files in no cache.
    if (round > 0) ready.push({ wall: ours.wall - empty.wall, cpu: ours.cpu - empty.cpu });
  }
  const version = (await run(workerd, ["--version"])).stdout.trim().replace(/^workerd /, "");
  return { host: "workerd", version, ...readiness(ready), ...(await load(start("ours"), start("empty"))) };
}

async function configuration(name, modules) {
  const text = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (modules = [${modules}], compatibilityDate = "2025-09-01");
`;
  await writeFile(join(folder, `${name}.capnp`), text);
}

async function ofHost(host, { program, parameters, server, empty }) {
  const file = `empty.${server.split(".").pop()}`;
  await writeFile(join(folder, file), empty(length));
  const ready = [];
  for (let round = 0; round <= STARTS; round++) {
    const { stdout } = await run(program, [...parameters, "ready.mjs"], { cwd: folder });
    if (round > 0) ready.push(JSON.parse(stdout));
  }
  const start = (name) => (port) => started(program, [...parameters, name], { PORT: String(port) });
  const { stdout } = await run(program, ["--version"]);
  const version = /\d+\.\d+\.\d+/.exec(stdout)[0];
  return { host, version, ...readiness(ready), ...(await load(start(server), start(file))) };
}

/** Processor milliseconds a request, of the template and of nothing, in turn. */
async function load(ours, empty) {
  const [one, other] = [await serving(ours), await serving(empty)];
  try {
    const rounds = { cpu: [], empty: [] };
    // The first round warms both up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, host] of [["cpu", one], ["empty", other]]) {
        const before = await processorTime(host.pid);
        for (let request = 0; request < REQUESTS; request++) await host.ask();
        const spent = (await processorTime(host.pid)) - before;
        if (round > 0) rounds[name].push(spent / REQUESTS);
      }
    }
    const own = rounds.cpu.map((time, round) => time - rounds.empty[round]);
    return { cpu: spread(rounds.cpu), empty: spread(rounds.empty), own: spread(own) };
  } finally {
    await Promise.all([one.stop(), other.stop()]);
  }
}

async function serving(start) {
  const port = await freePort();
  const { child, stop } = start(port);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = () => posted(port, agent);
  await until(() => ask().catch(() => undefined), "an answer");
  return {
    pid: child.pid,
    ask,
    stop: async () => {
      agent.destroy();
      await stop();
    },
  };
}

/** Milliseconds from the start of a process to its first answer, by the clock and of its threads. */
async function untilAnswer(start) {
  const port = await freePort();
  const begun = performance.now();
  const { child, stop } = start(port);
  while (!(await posted(port).catch(() => undefined))) await pause(1);
  const taken = { wall: performance.now() - begun, cpu: threadTime(child.pid) };
  await stop();
  return taken;
}

/** Milliseconds that the living threads of a process have had of a processor, to the nanosecond. */
function threadTime(pid) {
  const folder = `/proc/${pid}/task`;
  const times = readdirSync(folder).map((thread) => Number(readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ")[0]));
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

function readiness(ready) {
  const again = ready.flatMap((one) => one.again ?? []);
  return {
    ready: spread(ready.map(({ wall }) => wall)),
    ready_cpu: spread(ready.map(({ cpu }) => cpu)),
    ...(again.length > 0 && { again: spread(again) }),
  };
}

async function answerOnce() {
  const host = await serving((port) => started(process.execPath, ["server.mjs"], { PORT: String(port) }));
  const answer = await host.ask();
  await host.stop();
  return answer;
}

/** Sends the records, and gives the answer's text. */
function posted(port, agent) {
  return new Promise((resolve, failed) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = http.request({ host: "127.0.0.1", port, path: "/invocations", method: "POST", headers, agent });
    request.once("error", failed).once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.once("end", () => (response.statusCode === 200 ? resolve(text) : failed(new Error(text))));
    });
    request.end(body);
  });
}

function started(program, parameters, variables = {}) {
  // What is logged costs its writing, and goes nowhere.
  const child = spawn(program, parameters, { cwd: folder, stdio: "ignore", env: { ...process.env, ...variables } });
  const ended = new Promise((end) => child.once("exit", end));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  return { child, stop };
}

/** Milliseconds that all threads of a process have had of a processor. */
async function processorTime(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ").pop().split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticks;
}

function spread(times) {
  const sorted = times.toSorted((one, other) => one - other);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
}
