// A plugin for esbuild, which leaves addresses of files as they are: what the package's scripts name lies where they look.

import { copyFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Puts the modules and the worker's script into the folder of esbuild's output, in which the scripts must lie that use the
 * package.
 */
export function skewless(): { name: string; setup(build: Build): void } {
  return {
    name: "skewless",
    setup({ initialOptions, esbuild, onEnd }) {
      const { outdir, outfile, minify = false, target = "es2022", absWorkingDir = process.cwd() } = initialOptions;
      const folder = resolve(absWorkingDir, outdir ?? dirname(outfile ?? ""));
      onEnd(async ({ errors }) => {
        if (errors.length > 0) return;
        await esbuild.build({ entryPoints: [at("./worker.js")], bundle: true, format: "esm", target, minify, outdir: folder });
        await Promise.all(MODULES.map((name) => copyFile(at(name), join(folder, basename(name)))));
      });
    },
  };
}

/** esbuild's build, as far as a plugin of it is used here. */
interface Build {
  readonly initialOptions: { outdir?: string; outfile?: string; minify?: boolean; target?: string | string[]; absWorkingDir?: string };
  readonly esbuild: { build(options: object): Promise<unknown> };
  onEnd(finished: (result: { readonly errors: readonly unknown[] }) => Promise<void>): void;
}

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** What `load` fetches: the second one only for a network. */
const MODULES = ["./skewless_bg.wasm", "./network/skewless_network_bg.wasm"];
