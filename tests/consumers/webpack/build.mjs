// The site's build: webpack with its defaults.

import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import webpack from "webpack";

const at = (name) => fileURLToPath(new URL(name, import.meta.url));
const stats = await promisify(webpack)({
  mode: "production",
  context: at("."),
  entry: "./main.js",
  output: { path: at("dist"), filename: "[name].js" },
  module: { rules: [{ test: /\.skw$/, type: "asset/resource" }] },
});
if (stats.hasErrors()) throw new Error(stats.toString({ colors: false }));
