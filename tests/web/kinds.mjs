// Bundles of other kinds than the example's: models of other libraries, packed by the program with features of every sort.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { readRows, root } from "./harness.mjs";
import { pack } from "./program.mjs";

/** Inputs and features in front of a model that takes six numbers, one column each but for the last two, which are one's. */
const FEATURES = `
[[input]]
name = "speed"
type = "number"
unit = "m/s"
range = { min = -10, max = 10, outside = "reject" }

[[input]]
name = "load"
type = "number"
range = { min = 0, max = 5000, outside = "reject" }

[[input]]
name = "age"
type = "integer"
range = { min = 0, max = 200, outside = "reject" }

[[input]]
name = "material"
type = "category"

[[input]]
name = "shift"
type = "number"
nullable = true

[[feature]]
name = "speed_scaled"
op = "standardize"
from = "speed"

[[feature]]
name = "load_scaled"
op = "min_max"
from = "load"

[[feature]]
name = "age_group"
op = "bucketize"
from = "age"
edges = [5, 10, 20, 30, 35]

[[feature]]
name = "material_code"
op = "ordinal"
from = "material"

[[feature]]
name = "shift_known"
op = "impute"
from = "shift"
strategy = "mean"
indicator = true
`;

const MATERIALS = ["brass", "oak", "slate", "steel"];

/** The record from which a model's six reference numbers might have come. */
const recordOf = ({ row: [speed, load, age, material, shift] }, at) => ({
  speed,
  load,
  age,
  material: MATERIALS[material % MATERIALS.length],
  shift: at % 5 === 2 ? null : shift * 1000,
});

/** Reference models are asked about the edges of their numbers, too, which no specification lets in. */
const isUsual = ({ row: [speed, load, age, material, shift] }) =>
  [Math.abs(speed) <= 10, load >= 0, load <= 5000, Number.isInteger(age), age >= 0, age <= 200, Number.isInteger(material), material >= 0, Math.abs(shift) < 1].every(Boolean);

/** What each is packed from: a reference model, and how it is told. */
const PACKED = {
  multiclass: { model: "lightgbm_multiclass.txt", flags: ["--labels", "keep,repair,replace"] },
  regression: { model: "lightgbm_regression.txt", flags: ["--target", "hours"] },
  linear: { model: "sklearn_linear.onnx", flags: ["--target", "hours"] },
  linear_multiclass: { model: "sklearn_logistic_multiclass.onnx", flags: ["--labels", "keep,repair,replace"] },
};

/** The kinds that have features of their own. */
export const KINDS = Object.keys(PACKED);

/** Packs one into a folder, with other flags if there are any: the paths of its bundle and of its records, and these. */
export async function packedKind(kind, folder, other) {
  const { model, flags } = PACKED[kind];
  const references = join(root, "tests/references");
  const records = (await readRows(join(references, `${model.split(".", 1)[0]}.rows.jsonl`))).filter(isUsual).map(recordOf);
  const { bundle, rows } = await placed(kind, folder, records);
  const features = join(folder, `${kind}.toml`);
  await writeFile(features, FEATURES);
  await pack({ model: join(references, model), name: kind, bundle, flags: ["--features", features, "--fit-on", rows, ...(other ?? flags)] });
  return { bundle, rows, records };
}

/** The same of an int8 network that takes a tensor and nothing else. */
export async function packedNetwork(folder) {
  const records = (await readRows(join(root, "tests/parity/network.rows.jsonl"))).slice(0, 40).map(({ row }) => ({ x: row }));
  const { bundle, rows } = await placed("network", folder, records);
  await pack({ model: join(root, "tests/parity/network.onnx"), name: "network", bundle, flags: ["--golden-from", rows] });
  return { bundle, rows, records };
}

async function placed(kind, folder, records) {
  await mkdir(folder, { recursive: true });
  const rows = join(folder, `${kind}.jsonl`);
  await writeFile(rows, records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return { bundle: join(folder, `${kind}.skw`), rows };
}
