// The package as it is published: its declarations against the golden ones, and what its scripts must not hold.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";

import { dist, root } from "./harness.mjs";

const golden = join(root, "tests/web/golden/skewless.d.ts");
const manifest = JSON.parse(await readFile(join(dist, "package.json"), "utf8"));
const files = await readdir(dist, { recursive: true });

describe("the declarations", () => {
  test("are the golden ones; `BLESS=1` writes those anew", async () => {
    const found = await declarations();
    if (process.env.BLESS) await writeFile(golden, found);
    assert.equal(found, await readFile(golden, "utf8"));
  });

  test("name files that are there", () => {
    const filesOf = (entry) => (typeof entry === "string" ? [entry] : Object.values(entry).flatMap(filesOf));
    const named = filesOf(manifest.exports);
    const absent = [...named, ...Object.values(manifest.bin)].filter((file) => !files.includes(file.replace("./", "")));
    // The engine's module alone is left out of a build without it.
    assert.deepEqual(absent.filter((file) => file !== "./full/skewless_full_bg.wasm"), []);
  });
});

/** What each entry exports, and every declaration that these names lead to, in the order of files and lines. */
async function declarations() {
  const entries = Object.entries(manifest.exports).filter(([, { types }]) => types);
  const known = new Map();
  for (const file of files.filter((name) => name.endsWith(".d.ts") && !/(^|\/)wasm\//.test(name)).sort()) {
    for (const statement of statements(await readFile(join(dist, file), "utf8"))) {
      const name = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|function|const) (\w+)/m.exec(statement)?.[1];
      // An entry's own values are told by the entry.
      if (name && !entries.some(([, { types }]) => types === `./${file}`)) known.set(`${file} ${name}`, { name, statement });
    }
  }
  const told = [];
  const wanted = new Set();
  for (const [entry, { types }] of entries) {
    const text = await exported(types);
    told.push(`// ${entry.replace(".", "skewless")}\n${text}`);
    for (const word of text.match(/\b[A-Z]\w*/g)) wanted.add(word);
  }
  const reached = new Set();
  for (let before = -1; before < reached.size; ) {
    before = reached.size;
    for (const [key, { name, statement }] of known) {
      if (reached.has(key) || !wanted.has(name)) continue;
      reached.add(key);
      const code = statement.replace(/\/\*[^]*?\*\//g, "");
      for (const word of code.match(/\b[A-Z]\w*/g) ?? []) wanted.add(word);
    }
  }
  const all = [...known].filter(([key]) => reached.has(key)).map(([, { statement }]) => statement);
  return `// What the package publishes, as its declarations say; \`published.test.mjs\` compares, and writes it with BLESS=1.\n\n${[...told, ...new Set(all)].join("\n\n")}\n`;
}

/** An entry's own statements, with those of a file that it exports whole. */
async function exported(types) {
  const text = await readFile(join(dist, types), "utf8");
  const lines = [];
  for (const statement of statements(text)) {
    const whole = /^export \* from "(.+)\.js"/.exec(statement)?.[1];
    if (whole) lines.push(await exported(relative(dist, join(dist, dirname(types), `${whole}.d.ts`))));
    else if (!/^import|^export \{\};/.test(statement)) lines.push(statement.replace(/ from ".*"/, ""));
  }
  return lines.join("\n");
}

/** The statements at the edge of the page, each with its comment. */
function statements(text) {
  const found = [];
  let open = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    open.push(line);
    const ended = !line.startsWith(" ") && /[;}]$/.test(line) && !/^\/?\*/.test(line);
    if (ended) found.push(open.splice(0).join("\n"));
  }
  return found;
}

describe("the scripts", async () => {
  const scripts = files.filter((name) => name.endsWith(".js"));
  assert.ok(scripts.length > 15, `${scripts.length} scripts`);

  const forbidden = {
    "run text as code": /\beval\b|\bnew Function\b|\bFunction\(|\bimportScripts\b|\bset(Timeout|Interval)\(\s*["'`]/,
    "make scripts of blobs": /createObjectURL|["'`]blob:|["'`]data:(?!,)/,
    "tell anybody anything": /sendBeacon|XMLHttpRequest|WebSocket|EventSource|WebTransport|RTCPeerConnection/,
    "write into the page as HTML": /innerHTML|insertAdjacentHTML|document\.write/,
    "remember anything but bundles": /localStorage|sessionStorage|indexedDB|document\.cookie/,
  };
  for (const [what, pattern] of Object.entries(forbidden)) {
    test(`do not ${what}`, async () => {
      for (const name of scripts) assert.doesNotMatch(withoutDownload(name, await readFile(join(dist, name), "utf8")), pattern, name);
    });
  }

  test("name no server", async () => {
    for (const name of scripts) {
      const text = await readFile(join(dist, name), "utf8");
      const addresses = text.match(/(https?|wss?):\/\/[^\s"'`)]*/g) ?? [];
      // Keys of caches and of assets are addresses that no network has, a request's path is read behind an address of its
      // own, and elements of a page have names that are none.
      const foreign = addresses.filter((address) => !/^(https:\/\/\w+\.invalid\/|http:\/\/localhost$|http:\/\/www\.w3\.org\/)/.test(address));
      assert.deepEqual(foreign, [], name);
    }
  });

  test("import their own files alone, and Node's where they are made for it", async () => {
    for (const name of scripts) {
      const text = await readFile(join(dist, name), "utf8");
      const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, path]) => path);
      const made = /(^|\/|-)node\.js$|^bin\/|^esbuild\.js$/.test(name);
      // The program writes declarations that import the package.
      const allowed = (path) => path.startsWith(".") || (made && path.startsWith("node:")) || (name === "bin/skewless.js" && path === "skewless");
      const foreign = imported.filter((path) => !allowed(path));
      assert.deepEqual(foreign, [], name);
    }
  });
});

describe("docs/web.md", async () => {
  const text = await readFile(join(root, "docs/web.md"), "utf8");
  const told = [...text.matchAll(/^\| `((?:input|bundle|unsupported|misuse|internal)\.\w+)` \|/gm)].map(([, code]) => code);

  test("tells each error code that the package can give, once", async () => {
    const modules = ["skewless_bg.wasm", "network/skewless_network_bg.wasm"].map((name) => join(dist, name));
    const built = await Promise.all(modules.map((path) => readFile(path, "latin1")));
    const sources = { core: (await sourcesOf("crates/skewless-core/src")) + (await sourcesOf("crates/skewless-wasm/src")), tract: await sourcesOf("crates/skewless-tract/src"), web: await sourcesOf("web/src") };
    const codes = (source) => [...source.matchAll(/"((?:input|bundle|unsupported|misuse|internal)\.[a-z_]+)"/g)].map(([, code]) => code);
    const given = new Set([
      ...codes(sources.core).filter((code) => built.some((module) => module.includes(code))),
      ...codes(sources.tract),
      ...codes(sources.web),
      // The parts that the package reads as JSON name themselves.
      ...["features", "output", "profile", "golden", "provenance"].map((part) => `bundle.invalid_${part}`),
    ]);
    assert.ok(given.size > 40, `${given.size} codes`);
    assert.deepEqual([...told].sort(), [...given].sort());
  });

  test("tells each option and each method", async () => {
    const declared = await readFile(golden, "utf8");
    const members = (name) => [...new RegExp(`(?:interface|class) ${name}[<{ ][^]*?\\n}`).exec(declared)[0].matchAll(/^ {4}(?:readonly |get )?(\w+)[?:(]/gm)].map(([, member]) => member);
    const named = [...members("LoadOptions"), ...members("WorkerLoadOptions"), ...members("Model")];
    assert.ok(named.length > 10, named.join());
    for (const name of named) assert.match(text, new RegExp(`^\\| \`${name}[\`(]`, "m"), name);
  });
});

/** The playground hands its answers to the browser as a file, in one place. */
function withoutDownload(name, text) {
  return name === "playground/playground.js" ? text.replace(/URL\.createObjectURL\(/, "") : text;
}

/** The sources of a folder, one after another. */
async function sourcesOf(folder) {
  const names = await readdir(join(root, folder), { recursive: true });
  const sources = names.filter((name) => /\.(rs|ts)$/.test(name) && !/(^|\/)(wasm|serve)\//.test(name));
  return (await Promise.all(sources.map((name) => readFile(join(root, folder, name), "utf8")))).join("\n");
}
