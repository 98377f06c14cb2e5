// A function as Vercel's builder makes one, in Vercel's edge runtime, run by its own package.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { EdgeRuntime, runServer } from "edge-runtime";

import { dist, root } from "../web/harness.mjs";

const esbuild = await import(pathToFileURL(join(root, "web/node_modules/esbuild/lib/main.js")).href);

/** The function of somebody's project, with the runtime's way to be called around it. */
const FUNCTION = `
  import { createLazyHandler, optionsFrom, sourceFrom } from "skewless/serve";
  const handler = createLazyHandler(() => sourceFrom(process.env), () => optionsFrom(process.env));
  addEventListener("fetch", (event) => event.respondWith(handler(event.request, undefined, event)));
`;

/** Starts the function with variables. `entries` are what it has logged so far. */
export async function startVercel(variables) {
  const entries = [];
  const written = (text) => {
    entries.push(text);
  };
  const module = await WebAssembly.compile(await readFile(join(dist, "serve/skewless_bg.wasm")));
  const runtime = new EdgeRuntime({
    initialCode: await built(),
    extend: (context) =>
      Object.assign(context, {
        SKEWLESS_MODULE: module,
        process: { env: variables },
        console: { ...console, log: written },
      }),
  });
  const server = await runServer({ runtime, host: "127.0.0.1", port: 0 });
  return {
    url: server.url.replace(/\/$/, ""),
    log: () => entries.join("\n"),
    entries: () => entries.map((text) => JSON.parse(text)),
    hurries: "the package's server writes answers whether they are read or not",
    stop: () => server.close(),
  };
}

/** The function in one script. Vercel's builder puts a compiled module in place of each `?module`. */
async function built() {
  const published = JSON.parse(await readFile(join(dist, "package.json"), "utf8"));
  const plugin = {
    name: "vercel",
    setup(build) {
      build.onResolve({ filter: /^skewless\/serve$/ }, () => ({ path: join(dist, published.exports["./serve"]["edge-light"]) }));
      build.onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({ path, namespace: "module" }));
      build.onLoad({ filter: /.*/, namespace: "module" }, () => ({ contents: "export default globalThis.SKEWLESS_MODULE" }));
    },
  };
  const stdin = { contents: FUNCTION, resolveDir: root };
  const { outputFiles } = await esbuild.build({ stdin, bundle: true, write: false, format: "iife", target: "es2022", plugins: [plugin] });
  return outputFiles[0].text;
}
