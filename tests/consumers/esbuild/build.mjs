// The site's build: esbuild, and the package's files that its code names beside it.

import { cp } from "node:fs/promises";

import { build } from "esbuild";

await build({ entryPoints: ["main.js", "worker.js"], bundle: true, format: "esm", target: "es2022", minify: true, outdir: "dist" });
for (const file of ["skewless_bg.wasm", "network/skewless_network_bg.wasm"]) {
  await cp(`node_modules/skewless/${file}`, `dist/${file.split("/").at(-1)}`);
}
