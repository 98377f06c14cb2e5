// The minute's paths of the two READMEs, as they stand there: commands and files copied out of them, and their answers.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { appendFile, copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { dist, root } from "../web/harness.mjs";
import { predictions } from "../web/program.mjs";
import { bundle } from "./cases.mjs";
import { freePort, PROGRAMS, until } from "./hosts.mjs";

const run = promisify(execFile);
const sample = join(root, "models/flights/sample.jsonl");
const expected = await predictions(bundle, sample);

/** The commands under a heading of the project's README. */
async function commandsUnder(heading) {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const section = readme.split(`\n## ${heading}\n`)[1].split("\n## ")[0];
  return lines(/```console\n([^]*?)```/.exec(section)[1]);
}

const lines = (block) => block.trimEnd().split("\n").map((line) => line.replace(/^\$ /, ""));

/** What npm is told besides: tests ask no registry. */
const OFFLINE = { npm_config_offline: "true", npm_config_audit: "false", npm_config_fund: "false" };

/** Runs commands in a tree like the repository's; gives the answers that the last one prints. */
async function printed(commands, folder, port) {
  // Apart from what the server prints meanwhile.
  const answers = join(folder, "answers.jsonl");
  // Whoever types the commands sees when the server listens.
  const listens = `until curl -s -o /dev/null localhost:${port}/v2/health/live; do sleep 0.1; done`;
  const script = ["set -e", ...commands.flatMap((line) => (line.startsWith("curl") ? [listens, `${line} > "$ANSWERS"`] : [line]))];
  const env = { ...process.env, ...OFFLINE, PATH: `${join(PROGRAMS, ".bin")}:${process.env.PATH}`, PORT: String(port), ANSWERS: answers, CI: "true", WRANGLER_SEND_METRICS: "false", DENO_NO_UPDATE_CHECK: "1" };
  const child = spawn("bash", ["-c", `${script.join("\n")}\necho "ends here"`], { cwd: folder, env, detached: true });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => (text += piece));
  try {
    await until(() => /^ends here$/m.test(text) || child.exitCode !== null, "the commands", 60_000);
    assert.ok(child.exitCode === null || child.exitCode === 0, text);
    return (await readFile(answers, "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line));
  } finally {
    // What it left in the background, too.
    process.kill(-child.pid, "SIGTERM");
  }
}

/** A tree with the template and the package where the repository has them. */
async function tree(template) {
  const folder = await mkdtemp(join(root, "target/edge/minute-"));
  const place = join(folder, "web/workers", template);
  await symlink(join(root, "models"), join(folder, "models"));
  await cp(dist, join(folder, "web/dist"), { recursive: true });
  const from = join(root, "web/workers", template);
  await cp(from, place, { recursive: true, filter: (path) => !path.includes("node_modules", from.length) });
  return { folder, place };
}

/** Wrangler as `npm install` would bring it, which takes the one that is there. */
async function linkWrangler(place) {
  await mkdir(join(place, "node_modules"));
  await symlink(join(root, "tests/web/node_modules/wrangler"), join(place, "node_modules/wrangler"));
}

test("README: in a Worker", async () => {
  const { folder, place } = await tree("cloudflare");
  try {
    const port = await freePort();
    await linkWrangler(place);
    await appendFile(join(place, "wrangler.toml"), `\n[dev]\nport = ${port}\ninspector_port = 0\n`);
    const commands = (await commandsUnder("In a Worker")).map((line) => line.replace("localhost:8787", `localhost:${port}`));
    assert.deepEqual(await printed(commands, folder, port), expected);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("README: in Deno", async () => {
  const { folder } = await tree("deno");
  try {
    const port = await freePort();
    const commands = (await commandsUnder("In Deno")).map((line) => line.replace("localhost:8080", `localhost:${port}`));
    assert.deepEqual(await printed(commands, folder, port), expected);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** The blocks of the package's README that hold some text. */
async function block(language, held) {
  const readme = await readFile(join(root, "web/README.md"), "utf8");
  const found = [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, "g"))].map(([, text]) => text).filter((text) => text.includes(held));
  assert.equal(found.length, 1, `${language} with ${held}`);
  return found[0];
}

/** `npm install skewless`, of the package that was packed. */
const INSTALL = "npm install ./skewless-*.tgz";

/** A folder of somebody's own, with the package as it is published. */
async function project() {
  const folder = await mkdtemp(join(root, "target/edge/project-"));
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: dist });
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", devDependencies: { wrangler: "4" } }));
  await linkWrangler(folder);
  await copyFile(sample, join(folder, "records.jsonl"));
  return folder;
}

test("the package's README: a Worker of one's own", async () => {
  const folder = await project();
  try {
    const port = await freePort();
    await mkdir(join(folder, "src"));
    await copyFile(bundle, join(folder, "src/flights.skw"));
    await writeFile(join(folder, "src/index.ts"), await block("js", "export default { fetch"));
    await writeFile(join(folder, "wrangler.toml"), `${await block("toml", "main =")}\n[dev]\nport = ${port}\ninspector_port = 0\n`);
    const ask = (await block("console", "curl")).replace("localhost:8080", `localhost:${port}`);
    assert.deepEqual(await printed([INSTALL, "npx wrangler dev &", ...lines(ask)], folder, port), expected);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the package's README: Deno", async () => {
  const folder = await project();
  try {
    const port = await freePort();
    await copyFile(bundle, join(folder, "flights.skw"));
    await writeFile(join(folder, "deno.json"), '{ "nodeModulesDir": "manual" }');
    await writeFile(join(folder, "main.ts"), (await block("ts", "Deno.serve")).replace("8080", String(port)));
    const ask = (await block("console", "curl")).replace("localhost:8080", `localhost:${port}`);
    assert.deepEqual(await printed([INSTALL, "deno run --allow-net --allow-read main.ts &", ...lines(ask)], folder, port), expected);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
