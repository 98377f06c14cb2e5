// What every script here needs: its arguments, the package as it is published, records, and a server as a site has it.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const root = fileURLToPath(new URL("../../", import.meta.url));
/** The package: the one in `web/dist`, or another build of it. */
export const dist = process.env.SKEWLESS_PACKAGE ?? join(root, "web/dist");

/** The policy that the design promises the package works under. */
export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; style-src 'self'; img-src 'self' data:";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** The paths given as `--bundle` and `--rows`. */
export function paths() {
  const { values } = parseArgs({ options: { bundle: { type: "string" }, rows: { type: "string" } } });
  return {
    bundle: values.bundle ?? join(root, "models/flights/flights.skw"),
    rows: values.rows ?? join(root, "models/flights/sample.jsonl"),
  };
}

/** The records of a JSON-lines file. */
export async function readRows(path) {
  const text = await readFile(path, "utf8");
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** One line for `cargo xtask parity`. */
export function report(target, rows, sha256) {
  console.log(JSON.stringify({ target, rows, sha256 }));
}

/**
 * Serves files at the given paths (`{"/bundle.skw": path}`) and folders (`{"/": path}`, the longest prefix counts) on a
 * free port of this machine, with the policy on every answer.
 */
export async function serve(files, policy = POLICY) {
  const prefixes = Object.keys(files).sort((a, b) => b.length - a.length);
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const prefix = prefixes.find((known) => (known.endsWith("/") ? pathname.startsWith(known) : pathname === known));
    try {
      const rest = pathname === prefix ? (prefix.endsWith("/") ? "index.html" : "") : pathname.slice(prefix.length);
      const path = rest ? join(files[prefix], rest) : files[prefix];
      const body = await readFile(path);
      response.writeHead(200, {
        "content-type": TYPES[extname(path)] ?? "application/octet-stream",
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
      });
      response.end(body);
    } catch {
      response.writeHead(404, { "content-security-policy": policy }).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
