// What the consumers share: the packed package installed into a copy of each, and the answers that all must give.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
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

/** Where programs that run consumers lie. None is in anybody's path, where another Node would take this one's place. */
export const PROGRAMS = join(root, "tests/consumers/node_modules");

/** Runs a program in a consumer's folder; gives what it printed. */
export async function run(folder, program, ...given) {
  const { stdout } = await execute(program, given, { cwd: folder, env: { ...process.env, NO_COLOR: "1" } }).catch((error) => {
    error.message = `${program} ${given.join(" ")} fails:\n${error.stdout}\n${error.stderr}`;
    throw error;
  });
  return stdout;
}

/** Packs the package as `npm publish` would, under the name by which the consumers depend on it. */
async function pack() {
  await execute("npm", ["pack", "--silent", "--pack-destination", place], { cwd: dist });
  const [tarball] = (await readdir(place)).filter((name) => name.endsWith(".tgz"));
  await rename(join(place, tarball), join(place, "skewless.tgz"));
}

const packed = pack();

/** A consumer as somebody has it who ran `npm install` in a copy of its folder, with the bundles and a record of each. */
export async function install(name) {
  await packed;
  const folder = join(place, name);
  await rm(folder, { recursive: true, force: true });
  // The page of both versions of Vite is one file.
  await cp(join(root, "tests/consumers", name), folder, { recursive: true, dereference: true });
  await cp(bundle, join(folder, "flights.skw"));
  await cp(network.bundle, join(folder, "network.skw"));
  await writeFile(join(folder, "record.json"), JSON.stringify(record));
  await writeFile(join(folder, "network.json"), JSON.stringify(tensor));
  const { devDependencies = {} } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  await mkdir(join(folder, "node_modules"));
  for (const [tool, range] of Object.entries(devDependencies)) await symlink(placeOf(tool, range), join(folder, "node_modules", tool));
  await run(folder, "npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock");
  return folder;
}

/**
 * Where a package lies that consumers are built with: each is installed once, and one of which there are two under its
 * name and version. npm takes it if it is in the range, and asks in vain for another if not.
 */
function placeOf(name, range) {
  const places = ["tests/consumers", "tests/web", "web"].flatMap((folder) => [`${name}-${range}`, name].map((known) => join(root, folder, "node_modules", known)));
  const found = places.find((path) => existsSync(path));
  if (!found) throw new Error(`${name} is not installed`);
  return found;
}
