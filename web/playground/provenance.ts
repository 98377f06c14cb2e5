// The provenance of a bundle as far as this page reads it: an in-toto statement that may hold less, or something else.

import { measureName } from "./metrics.js";
import type { ReliabilityBin } from "./reliability.js";

/** A measure with its interval; `null` where it could not be taken. */
export interface Estimate {
  readonly value: number | null;
  readonly low?: number | null;
  readonly high?: number | null;
}

/** Measures by name. */
export type Measures = { readonly [measure: string]: Estimate };

/** What was measured on rows that training had not seen. */
export interface Tested {
  readonly rows?: number;
  readonly positive_share?: number;
  readonly model: Measures;
  readonly baseline?: Measures;
  /** The model less the baseline, on the same rows. */
  readonly difference?: Measures;
  readonly calibration?: readonly ReliabilityBin[];
  readonly coverage?: Coverage;
  readonly slices?: readonly Slice[];
}

/** What intervals or sets of labels promise, and what the test rows found. */
export interface Coverage {
  readonly method: string;
  /** The share of rows whose truth is promised to lie inside. */
  readonly confidence: number;
  /** Validation rows that the promise is made from. */
  readonly rows: number;
  /** The share of the test rows whose truth lies inside. */
  readonly test: Estimate;
  /** Whether the promise lies in that share's interval. */
  readonly holds: boolean;
  /** Whether the promise is kept by saying nothing. */
  readonly says_nothing?: boolean;
  /** The input whose values have promises of their own. */
  readonly by?: string;
  /** The test rows of each value, then those of no such value. */
  readonly groups?: readonly CoveredGroup[];
}

/** The test rows of a group that has a promise of its own. */
export interface CoveredGroup {
  readonly value: string | null;
  readonly rows: number;
  readonly test: Estimate;
  readonly holds: boolean;
  /** Mean width of an interval, or mean number of labels; `null` without end. */
  readonly size: number | null;
}

/** A group of test rows; a small one has no measures. */
export interface Slice {
  readonly input: string;
  readonly value: string | null;
  readonly rows: number;
  readonly model: Measures;
}

/** A file that the model was made from. */
export interface Dependency {
  readonly uri: string;
  readonly digest?: string;
  readonly rows?: number;
}

/** What can be shown. */
export interface Provenance {
  readonly tested: Tested | undefined;
  readonly dependencies: readonly Dependency[];
  readonly facts: readonly (readonly [term: string, description: string])[];
}

type Json = { readonly [key: string]: Json | undefined } | undefined;

/** Reads what is there; nothing of it is relied on. */
export function provenanceOf(statement: unknown): Provenance {
  const predicate = (statement as Json)?.["predicate"];
  const definition = predicate?.["buildDefinition"];
  const run = predicate?.["runDetails"];
  const metadata = run?.["metadata"];
  // Earlier trainers wrote their own fields beside the metadata and not within it.
  const own = (name: string) => run?.[name] ?? metadata?.[name];
  const study = run?.["skewless_study"];
  const tested = study ? testOf(study) : (own("skewless_test") as Tested | undefined);
  const internal = definition?.["internalParameters"];
  const parts = list(own("skewless_parts")).map((part) => `${text(part?.["name"])} ${text(part?.["rows"])}`);
  const parameters = Object.entries((internal?.["parameters"] as Json) ?? {}).map(([name, value]) => `${name.replaceAll("_", " ")} ${text(value)}`);
  const builder = run?.["builder"];
  const versions = Object.entries((builder?.["version"] as Json) ?? {}).map(([name, version]) => `${name} ${text(version)}`);
  const facts: (readonly [string, string])[] = [
    ["Made by", versions.join(", ") || text(builder?.["id"])],
    ["Kind of build", text(definition?.["buildType"])],
    ["Finished", text(metadata?.["finishedOn"])],
    ["Seed", text(internal?.["seed"])],
    ["Parameters", parameters.join(", ")],
    ["Chosen by", measureName(text(study?.["selection"]?.["by"] ?? own("skewless_select_by")))],
    ["Rows", parts.join(", ")],
    ["Configuration", text((definition?.["externalParameters"]?.["configuration"]?.["digest"] as Json)?.["sha256"])],
  ];
  return {
    tested: tested && typeof tested.model === "object" ? tested : undefined,
    dependencies: list(definition?.["resolvedDependencies"]).map((one) => ({
      uri: text(one?.["uri"] ?? one?.["name"]),
      digest: text((one?.["digest"] as Json)?.["sha256"]),
      ...(typeof one?.["annotations"]?.["rows"] === "number" && { rows: one["annotations"]["rows"] as number }),
    })),
    facts: facts.filter(([, description]) => description !== ""),
  };
}

/** The test of a study, whose measures are a list. */
function testOf({ test, coverage, slices }: NonNullable<Json>): Tested | undefined {
  if (!test) return undefined;
  const bins = list(test["calibration"]) as unknown as readonly ReliabilityBin[];
  return {
    ...(typeof test["rows"] === "number" && { rows: test["rows"] as number }),
    model: measuresOf(test),
    ...(bins.length > 0 && { calibration: bins }),
    ...(typeof coverage?.["test"] === "object" && typeof coverage["confidence"] === "number" && { coverage: coverage as unknown as Coverage }),
    slices: list(slices).map((slice) => ({ ...(slice as unknown as Slice), model: measuresOf(slice) })),
  };
}

function measuresOf(measured: Json): Measures {
  return Object.fromEntries(list(measured?.["measures"]).map((one) => [text(one?.["measure"]), one as unknown as Estimate]));
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}
