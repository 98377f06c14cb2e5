// What a bundle says of itself, laid out for pages: everything a form needs, and what people read.

import type { Conformal, FeaturePart, FeaturesPart, InputPart, OpPart, OutputPart, Parts, Task } from "./parts.js";
import type { Profile } from "./profile.js";
import type { RawRecord } from "./raw.js";

/** What the bundle says of itself. */
export interface ModelInfo {
  /** The model's name. */
  readonly name: string;
  /** The model's version (semver). */
  readonly version: string;
  /** SHA-256 of the manifest, which names the digest of every other part. */
  readonly digest: string;
  /** Size of the bundle in bytes. */
  readonly size: number;
  /** What is predicted. */
  readonly task: Task;
  /** What the prediction is called. */
  readonly target: string;
  /** Unit of a regression's value, or of a vector's. */
  readonly unit?: string;
  /** The labels; empty for regression and vectors. */
  readonly labels: readonly string[];
  /** Binary: the second label is given from this probability on. */
  readonly threshold?: number;
  /** The coverage that intervals or sets of labels promise, where the bundle promises one. */
  readonly conformal?: Conformal;
  /** The fields that a record needs, in the specification's order. */
  readonly inputs: readonly InputInfo[];
  /** How the inputs become what the model sees. */
  readonly features: readonly FeatureInfo[];
  /** The columns that the model sees. */
  readonly columns: readonly string[];
  /** A record that the model answers: one of the bundle's golden rows. */
  readonly example?: RawRecord;
  /** The golden rows: records with the numbers that every door must give, to the bit. */
  readonly golden: readonly GoldenRow[];
  /** How often each input took which values in the training data: the reference of `profile()`. */
  readonly profile: Profile;
  /** The model card, in Markdown. */
  readonly card: string;
  /** Where the model comes from: data, configuration, code, metrics. */
  readonly provenance: unknown;
}

/** A golden row. */
export interface GoldenRow {
  readonly record: RawRecord;
  /** The feature row that the model sees, `null` for missing. */
  readonly features: readonly (number | null)[];
  /** Scores, the numbers of the prediction, and the index of its label in `labels`. */
  readonly prediction: { readonly raw: readonly number[]; readonly values: readonly number[]; readonly label: number | null };
}

/** One field of a record. */
export interface InputInfo {
  /** The field's name. */
  readonly name: string;
  /** The type of its values. */
  readonly type: "number" | "integer" | "boolean" | "category" | "text" | "timestamp" | "date" | "tensor";
  /** Unit, for people. */
  readonly unit?: string;
  /** What it means. */
  readonly doc?: string;
  /** May be missing: absent, `null` or `NaN`. */
  readonly nullable: boolean;
  /** Other values that stand for a missing one. */
  readonly missing?: readonly (string | number)[];
  /** Smallest value. */
  readonly min?: number;
  /** Greatest value. */
  readonly max?: number;
  /** The tenth and the ninetieth percentile of the training data, where they differ. */
  readonly usual?: readonly [number, number];
  /** The time zone of a timestamp: `local`, `utc` or `±hh:mm`. */
  readonly zone?: string;
  /** The lengths of a tensor's dimensions. */
  readonly shape?: readonly number[];
  /** The values that the model knows; it answers for others too, as out of vocabulary. */
  readonly vocabulary?: readonly string[];
}

/** One feature. */
export interface FeatureInfo {
  /** Its name. */
  readonly name: string;
  /** The inputs or earlier features it is made from. */
  readonly from: readonly string[];
  /** How it is made, for example `one_hot`. */
  readonly op: string;
  /** What fitting found for it, and what it was told: a vocabulary, edges, a mean. Empty where it needs nothing. */
  readonly parameters: { readonly [name: string]: FeatureParameter };
  /** An intermediate that the model does not see. */
  readonly hidden: boolean;
  /** What it means. */
  readonly doc?: string;
}

/** A parameter of a feature, by its name in `features.json`. */
export type FeatureParameter = string | number | boolean | readonly (string | number)[];

/** The probability from which a binary model without a threshold of its own gives the second label. */
const HALF = 0.5;

/** The manifest is the first thing in a bundle, and not among the parts it names. @internal */
export interface Identity {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
  readonly size: number;
}

/** Reads the parts that people read. @internal */
export function infoOf(identity: Identity, parts: Parts, needed: readonly string[]): ModelInfo {
  const spec = parts.json("features.json") as FeaturesPart;
  const { name: target, task, labels = [], threshold, unit, conformal } = parts.json("output.json") as OutputPart;
  const profile = parts.json("profile.json") as Profile;
  const golden = parts.lines("golden.jsonl") as GoldenRow[];
  return {
    ...identity,
    task,
    target,
    ...(unit !== undefined && { unit }),
    labels,
    ...(task === "binary" && { threshold: threshold ?? HALF }),
    ...(conformal && { conformal }),
    inputs: spec.inputs.filter(({ name }) => needed.includes(name)).map((input) => inputInfo(input, spec, profile)),
    features: spec.features.map(featureInfo),
    columns: spec.features.filter(({ hidden }) => !hidden).flatMap((feature) => columnNames(feature, spec)),
    ...(golden[0] && { example: golden[0].record }),
    golden,
    profile,
    card: parts.text("card.md"),
    provenance: parts.json("provenance.json"),
  };
}

function inputInfo(input: InputPart, spec: FeaturesPart, profile: Profile): InputInfo {
  const { name, type, unit, doc, nullable = false, missing = [], range, zone, shape } = input;
  const usual = usualOf(input, profile);
  const vocabulary = vocabularyOf(name, spec);
  return {
    name,
    type: type as InputInfo["type"],
    ...(unit !== undefined && { unit }),
    ...(doc !== undefined && { doc }),
    nullable,
    ...(missing.length > 0 && { missing }),
    ...(range?.min !== undefined && { min: range.min }),
    ...(range?.max !== undefined && { max: range.max }),
    ...(usual && { usual }),
    ...(zone !== undefined && { zone }),
    ...(shape && { shape }),
    ...(vocabulary.length > 0 && { vocabulary }),
  };
}

/** The outermost edges of the reference's ten bins of equal share. */
function usualOf({ name, type }: InputPart, profile: Profile): [number, number] | undefined {
  if (type !== "number" && type !== "integer") return undefined;
  const counts = profile.inputs.find((counted) => counted.name === name)?.counts;
  const edges = counts && "numbers" in counts ? counts.numbers.edges : [];
  const [low, high] = [edges[0] as number, edges[edges.length - 1] as number];
  return low < high ? [low, high] : undefined;
}

/** The categories that features know of an input, directly or where only the missing ones were replaced before. */
function vocabularyOf(input: string, { features, lookups = [] }: FeaturesPart): string[] {
  const carriers = [input];
  const known = new Set<string>();
  for (const feature of features) {
    if (!feature.from.some((from) => carriers.includes(from))) continue;
    const [op, { vocabulary, table }] = opOf(feature);
    if (op === "impute_category") carriers.push(feature.name);
    const keys = table === undefined ? [] : (lookups.find(({ name }) => name === table)?.keys ?? []);
    for (const word of [...(vocabulary ?? []), ...keys]) known.add(word);
  }
  return [...known].sort();
}

function featureInfo(feature: FeaturePart): FeatureInfo {
  const { name, from, hidden = false, doc } = feature;
  const [op, parameters] = opOf(feature);
  return { name, from, op: op === "impute_category" ? "impute" : op, parameters: { ...parameters } as FeatureInfo["parameters"], hidden, ...(doc !== undefined && { doc }) };
}

function opOf({ op }: FeaturePart): [string, OpPart] {
  return typeof op === "string" ? [op, {}] : (Object.entries(op)[0] as [string, OpPart]);
}

/** The names that errors and tables give a feature's columns. */
function columnNames(feature: FeaturePart, { inputs }: FeaturesPart): string[] {
  const { name, from } = feature;
  const [op, parameters] = opOf(feature);
  const { vocabulary = [], edges, buckets } = parameters;
  const numbered = (count: number, wrap: (at: number) => string) => Array.from({ length: count }, (_, at) => wrap(at));
  if (op === "one_hot") {
    const { unknown_column, missing_column } = parameters;
    const others = [...(unknown_column ? ["?unknown"] : []), ...(missing_column ? ["?missing"] : [])];
    return [...vocabulary, ...others].map((category) => `${name}=${category}`);
  }
  if (parameters.encode === "one_hot") return numbered(buckets ?? (edges as number[]).length + 1, (at) => `${name}=${at}`);
  if (op === "cyclic") return [`${name}_sin`, `${name}_cos`];
  if (parameters.indicator) return [name, `${name}_missing`];
  const elements = tensorElements(from[0] as string, inputs);
  return op === "number" && elements !== undefined ? numbered(elements, (at) => `${name}[${at}]`) : [name];
}

function tensorElements(from: string, inputs: readonly InputPart[]): number | undefined {
  return inputs.find(({ name }) => name === from)?.shape?.reduce((product, length) => product * length, 1);
}
