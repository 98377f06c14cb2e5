// The site's build: esbuild, with the plugin that puts the package's WebAssembly and worker there.

import { build } from "esbuild";
import { skewless } from "skewless/esbuild";

await build({ entryPoints: ["main.js"], bundle: true, format: "esm", target: "es2022", minify: true, outdir: "dist", plugins: [skewless()] });
