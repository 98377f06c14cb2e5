// Makes `dist/`, the folder that is published, from the sources and from what `cargo xtask wasm` left in `src/**/wasm/`.

import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import * as esbuild from "esbuild";

const web = dirname(fileURLToPath(import.meta.url));
const dist = join(web, "dist");
const at = (...parts) => join(web, ...parts);

/** Sections that a browser has no use for. */
const STRIP = ["--strip-debug", "--strip-producers", "--strip-target-features"];

/** Where each WebAssembly build lies in the sources; it keeps its place in `dist/`. */
const builds = [".", "network", "serve"];

/**
 * The modules that `load` fetches besides have names of their own: esbuild lays what it bundles into one folder, and a
 * module is found beside it.
 */
const moduleOf = (build) => (["network", "full"].includes(build) ? `skewless_${build}_bg.wasm` : "skewless_bg.wasm");

/** What each host has an entry of. */
const hosts = ["index", "node", "workerd", "edge-light"];

/** `--full`: the package with the general engine too, whose module `cargo xtask web --full` builds for minutes. */
const full = process.argv.includes("--full");

/** What all of the package's scripts are built with. */
const settings = {
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  external: ["node:*", "*.wasm", "*.wasm?module"],
  minify: true,
  legalComments: "none",
};

/** What stands in a file of its own is not bundled into another. */
const apart = {
  name: "apart",
  setup: (build) => build.onResolve({ filter: /^\.\.?\/(network|full)\// }, ({ path }) => ({ path, external: true })),
};

/** The worker's module and the program have the package beside them. */
const besides = {
  name: "besides",
  setup: (build) => build.onResolve({ filter: /^\.\.?\/(index|node)\.js$/ }, ({ path }) => ({ path, external: true })),
};

/** The playground has the package's files beside it: the page and its worker fetch them once. What none of them exports is bundled. */
const beside = { index: "index.js", public: "index.js", "worker-client": "worker-client.js", merge: "profile.js" };
const published = {
  name: "published",
  setup: (build) =>
    build.onResolve({ filter: /^\.\.\/src\// }, ({ path }) => {
      const file = beside[/(\w[\w-]*)\.js$/.exec(path)[1]];
      return file && { path: `./${file}`, external: true };
    }),
};
const files = [...new Set(Object.values(beside)), "worker.js", moduleOf("."), "network/index.js", `network/${moduleOf("network")}`, "full/index.js", ...(full ? [`full/${moduleOf("full")}`] : [])];

await rm(dist, { recursive: true, force: true });
await Promise.all([optimise(), bundle(), playground(), declarations(), manifest(), ...(full ? [optimiseFull(), bundleOver("full")] : [absentFull()])]);
for (const name of files) {
  await copyFile(join(dist, name), await inFolder(join(dist, "playground", name)));
}
await sizes();

/**
 * Takes away what a browser has no use for. Nothing is rearranged: the optimiser's smaller module is a larger download,
 * because it compresses worse.
 */
async function optimise() {
  const one = async (build) => {
    const output = await inFolder(join(dist, build, moduleOf(build)));
    await run("wasm-opt", at("src", build, "wasm/skewless_bg.wasm"), ...STRIP, "-o", output);
  };
  await Promise.all(builds.map(one));
}

/** The compiler has made it small already; the optimiser would take minutes for little. */
async function optimiseFull() {
  const output = await inFolder(join(dist, "full", moduleOf("full")));
  await run("wasm-opt", at("src/full/wasm/skewless_bg.wasm"), ...STRIP, "-o", output);
}

async function bundle() {
  await scripts([...hosts, "serve/index", "serve/node", "serve/workerd", "serve/edge-light"]);
  await scripts([{ in: at("src/merge.ts"), out: "profile" }]);
  await scripts(["worker", "worker-node", "worker-client", "worker-client-node"], [besides]);
  await scripts(["bin/skewless"], [besides]);
  await scripts(["esbuild"]);
  await chmod(join(dist, "bin/skewless.js"), 0o755);
  await bundleOver("network");
}

/** Bundlers want to find every file that another names. */
async function absentFull() {
  const entryPoints = Object.fromEntries(hosts.map((host) => [host, at("src/full/absent.ts")]));
  await esbuild.build({ ...settings, entryPoints, outdir: join(dist, "full") });
}

/** The same sources over a larger module's own bindings. */
async function bundleOver(build) {
  const bindings = {
    name: "bindings",
    setup: (setup) => setup.onResolve({ filter: /\/wasm\/skewless\.js$/ }, () => ({ path: at("src", build, "wasm/skewless.js") })),
  };
  await scripts(hosts.map((host) => `${build}/${host}`), [bindings]);
}

async function scripts(names, plugins = []) {
  await esbuild.build({
    ...settings,
    entryPoints: names.map((name) => (typeof name === "string" ? { in: at(`src/${name}.ts`), out: name } : name)),
    plugins: [apart, ...plugins],
    outdir: dist,
    outbase: at("src"),
  });
}

async function playground() {
  const entryPoints = [at("playground/playground.ts"), at("playground/playground.css")];
  await esbuild.build({ ...settings, plugins: [published], entryPoints, outdir: join(dist, "playground") });
  for (const name of ["index.html", "icon.svg"]) await copyFile(at("playground", name), join(dist, "playground", name));
}

async function declarations() {
  await run("tsc", "--project", at("tsconfig.json"));
  await run("tsc", "--project", at("tsconfig.types.json"));
  await prune();
}

/** Takes away the declarations that no entry leads to: what is internal names types that not every project has. */
async function prune() {
  const { exports } = JSON.parse(await readFile(at("package.json"), "utf8"));
  const reached = new Set();
  const reach = async (path) => {
    if (reached.has(path)) return;
    reached.add(path);
    const text = await readFile(join(dist, path), "utf8");
    const named = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)\.js"/g)].map(([, name]) => join(dirname(path), `${name}.d.ts`));
    await Promise.all(named.map(reach));
  };
  await Promise.all(Object.values(exports).flatMap(({ types }) => (types ? [reach(join(types))] : [])));
  const all = (await readdir(dist, { recursive: true })).filter((name) => name.endsWith(".d.ts"));
  await Promise.all(all.filter((name) => !reached.has(name)).map((name) => rm(join(dist, name))));
}

/** The published package.json: this one without what only a build needs, with the version of the crates. */
async function manifest() {
  const { devDependencies, private: _, scripts, ...published } = JSON.parse(await readFile(at("package.json"), "utf8"));
  const workspace = await readFile(at("../Cargo.toml"), "utf8");
  const version = /\[workspace\.package\][^[]*?\bversion = "([^"]+)"/.exec(workspace)?.[1];
  if (!version) throw new Error("Cargo.toml names no workspace version");
  await inFolder(join(dist, "package.json"));
  await writeFile(join(dist, "package.json"), JSON.stringify({ ...published, version }, undefined, 2) + "\n");
  await copyFile(at("README.md"), join(dist, "README.md"));
  for (const license of ["LICENSE-APACHE", "LICENSE-MIT"]) await copyFile(at("..", license), join(dist, license));
}

/** Runs one of the installed tools, which may speak for itself. */
function run(tool, ...args) {
  return new Promise((done, failed) => {
    const child = spawn(at("node_modules/.bin", tool), args, { stdio: "inherit" });
    child.once("error", failed);
    child.once("exit", (code) => (code === 0 ? done() : failed(new Error(`${tool} ends with ${code}`))));
  });
}

async function inFolder(path) {
  await mkdir(dirname(path), { recursive: true });
  return path;
}

async function sizes() {
  const row = (...cells) => console.log(cells.map((cell, index) => (index ? String(cell).padStart(9) : cell.padEnd(28))).join(""));
  row("file", "bytes", "gzip", "brotli");
  const names = ["skewless_bg.wasm", "index.js", `network/${moduleOf("network")}`, "network/index.js", "serve/skewless_bg.wasm", "serve/workerd.js", "playground/playground.js"];
  for (const name of full ? [...names, `full/${moduleOf("full")}`, "full/index.js"] : names) {
    const path = join(dist, name);
    const bytes = await readFile(path);
    const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
    row(relative(dist, path), (await stat(path)).size, gzipSync(bytes, { level: 9 }).length, brotli.length);
  }
}
