// TypeScript declarations of a bundle's records and predictions.

import type { InputInfo, ModelInfo } from "../info.js";

/** Longer vocabularies, such as the registrations of aircraft, help nobody who types. */
const SUGGESTED = 200;

/** The declarations, as a file that is imported for its types. */
export function declarations(info: ModelInfo): string {
  const { name, version, digest, inputs } = info;
  const type = typeName(name);
  const prediction = predictionOf(info);
  const [imported] = prediction.split("<", 1) as [string];
  return `// Written by \`skewless types\` from the bundle ${name} ${version}; write it anew with the bundle.
// Digest: ${digest}

import type { ${[imported, "Model", ...(inputs.some(({ type }) => type === "tensor") ? ["RawTensor"] : [])].sort().join(", ")} } from "skewless";

/** A record of ${name}. */
export type ${type}Record = {
${inputs.map(field).join("")}};

/** What ${name} answers: ${word(info.target)}. */
export type ${type}Prediction = ${prediction};

/** The model: \`const model = await load<${type}>(…)\`. */
export type ${type} = Model<${type}Record, ${type}Prediction>;
`;
}

/** A field with its comment. A nullable one may be left out, as JavaScript leaves out what is not known. */
function field(input: InputInfo): string {
  const { name, nullable } = input;
  const comment = said(input);
  const type = valueType(input);
  return `${comment}  readonly ${key(name)}${nullable ? "?" : ""}: ${type}${nullable ? " | null | undefined" : ""};\n`;
}

function valueType({ type, vocabulary = [] }: InputInfo): string {
  switch (type) {
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    case "tensor":
      return "RawTensor";
    default:
      // The model answers for other values too, so that they are suggested and not required.
      return vocabulary.length > 0 && vocabulary.length <= SUGGESTED ? `${union(vocabulary)} | (string & {})` : "string";
  }
}

function said({ doc, unit, min, max, type, zone, shape }: InputInfo): string {
  const range = min === undefined && max === undefined ? undefined : `${min ?? "…"} to ${max ?? "…"}`;
  const facts = [
    type === "timestamp" && `ISO 8601, ${zone === "local" ? "without an offset" : "with an offset"}`,
    type === "date" && "YYYY-MM-DD",
    type === "integer" && "a whole number",
    shape && `shape ${shape.join(" × ")}`,
    range && [range, unit].filter(Boolean).join(" "),
    !range && unit,
  ];
  const text = [doc, facts.filter(Boolean).join(", ")].filter(Boolean).join(" · ");
  return text ? `  /** ${word(text)} */\n` : "";
}

function predictionOf({ task, labels }: ModelInfo): string {
  switch (task) {
    case "binary":
      return `BinaryPrediction<${union(labels)}>`;
    case "multiclass":
      return `MulticlassPrediction<${union(labels)}>`;
    case "regression":
      return "RegressionPrediction";
    case "vector":
      return "VectorPrediction";
  }
}

function union(words: readonly string[]): string {
  return words.map((word) => JSON.stringify(word)).join(" | ");
}

/** Text that stands in a comment of one line. */
function word(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("*/", "*\\/");
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** `late-flights.v2` becomes `LateFlightsV2`. */
function typeName(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const joined = words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join("");
  return /^[A-Z]/.test(joined) ? joined : `Model${joined}`;
}
