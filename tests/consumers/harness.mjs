// What the consumers share: the packed package installed into a copy of each, and the answers that all must give.

import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { dist, paths, root } from "../web/harness.mjs";
import { packedNetwork } from "../web/kinds.mjs";
import { predictions } from "../web/program.mjs";

const execute = promisify(execFile);
const place = join(root, "target/consumers");
const { bundle } = paths();

/** The first golden row of the bundle: its record, and the answer that the program which trained the model wrote. */
export const { record, expected } = golden(await readFile(bundle, "latin1"));

function golden(text) {
  const row = JSON.parse(text.slice(text.indexOf('{"record":')).split("\n", 1)[0]);
  const labels = JSON.parse(/"labels":(\[[^\]]*\])/.exec(text)[1]);
  const { label, values, raw } = row.prediction;
  return { record: row.record, expected: { label: labels[label], probability: values[0], raw: raw[0] } };
}

await rm(place, { recursive: true, force: true });
const network = await packedNetwork(join(place, "bundles"));

/** A record of the network, and what `skewless predict` answers to it. */
export const tensor = network.records[0];
export const [expectedOfNetwork] = await predictions(network.bundle, network.rows);

/** What pages and programs give that open `network.skw` besides, each here and in a worker. */
export const answers = { here: expected, worker: expected, network: expectedOfNetwork, networkInWorker: expectedOfNetwork };

/** The script of Vite, of which two versions are there. */
export function vite(name) {
  return join(root, "tests/consumers/node_modules", name, "bin/vite.js");
}

/** The path of a tool that the consumers' packages bring. */
export function tool(name) {
  return join(root, "tests/consumers/node_modules/.bin", name);
}

/** Runs a program in a consumer's folder; gives what it printed. */
export async function run(folder, program, ...given) {
  const { stdout } = await execute(program, given, { cwd: folder, env: { ...process.env, NO_COLOR: "1" } }).catch((error) => {
    error.message = `${program} ${given.join(" ")} fails:\n${error.stdout}\n${error.stderr}`;
    throw error;
  });
  return stdout;
}

/** Packs the package as `npm publish` would; gives the path of the tarball. */
async function pack() {
  await execute("npm", ["pack", "--silent", "--pack-destination", place], { cwd: dist });
  // What the consumers build with is installed once for all of them.
  await symlink(join(root, "tests/consumers/node_modules"), join(place, "node_modules"));
  const [tarball] = (await readdir(place)).filter((name) => name.endsWith(".tgz"));
  return join(place, tarball);
}

const packed = pack();

/** A consumer as somebody has it who ran `npm install skewless`: its files, the package from the tarball, the bundle. */
export async function install(name) {
  const tarball = await packed;
  const folder = join(place, name);
  const modules = join(folder, "node_modules/skewless");
  await rm(folder, { recursive: true, force: true });
  await cp(join(root, "tests/consumers", name), folder, { recursive: true });
  await mkdir(modules, { recursive: true });
  await execute("tar", ["-xzf", tarball, "--strip-components=1", "-C", modules]);
  await cp(bundle, join(folder, "flights.skw"));
  await cp(network.bundle, join(folder, "network.skw"));
  await writeFile(join(folder, "record.json"), JSON.stringify(record));
  await writeFile(join(folder, "network.json"), JSON.stringify(tensor));
  const { version } = JSON.parse(await readFile(join(modules, "package.json"), "utf8"));
  const manifest = { name: `consumer-${name}`, private: true, type: "module", dependencies: { skewless: version } };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  return folder;
}

/** The package in a consumer's folder as npm installs it, with its program. */
export async function installed(folder) {
  await run(folder, "npm", "install", "--offline", "--no-audit", "--no-fund", "--no-package-lock", await packed);
}
