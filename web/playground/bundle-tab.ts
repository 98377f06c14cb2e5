// The bundle tab: what the bundle says of itself, and what this page proves of it.

import type { InputInfo, ModelInfo } from "../src/public.js";
import { element, table } from "./element.js";
import { featuresOf } from "./features.js";
import { goldenCheck } from "./golden-check.js";
import { markdown } from "./markdown.js";
import { metricsOf } from "./metrics.js";
import { provenanceOf } from "./provenance.js";
import type { Session } from "./session.js";
import { timeOf } from "./timing.js";
import { count, figure, plain, size, words } from "./words.js";

/** Draws the tab, and checks the golden rows while doing so. */
export function showBundle(host: HTMLElement, session: Session): void {
  const { info, model } = session;
  const { tested, dependencies, facts } = provenanceOf(info.provenance);
  const { example } = info;
  const time = example === undefined ? [] : [["One prediction in this page", timeOf(() => model.predict(example))] as const];
  const own = [
    ["Model", `${info.name} ${info.version}`],
    ["Task", info.labels.length > 0 ? `${info.task}: ${info.labels.map(words).join(", ")}` : info.task],
    ["Size", size(info.size)],
    ["Digest", info.digest],
    ...time,
  ] as const;
  const positive = words(info.labels[1] ?? "");
  const measured = tested ? metricsOf(tested, positive) : [element("p", { class: "note" }, "The bundle says nothing of how well it does.")];
  const files = dependencies.map(({ uri, digest = "", rows }) => [element("code", {}, uri), rows === undefined ? "" : count(rows), element("code", { class: "digest" }, digest)]);
  host.replaceChildren(
    element("h2", {}, "Bundle"),
    list(own, "facts"),
    ...part("Golden rows", ...goldenCheck(model)),
    ...part("How well it does", ...measured),
    ...part("Inputs", inputs(info)),
    ...part("Features", element("p", {}, `How the inputs become the ${info.columns.length} columns that the model sees, and what fitting found for it.`), featuresOf(info)),
    ...part("Provenance", list(facts, "facts"), ...(files.length > 0 ? [table(["Source", "Rows", "SHA-256"], files, { caption: "Sources", stacks: true })] : [])),
    ...part("Card", element("details", { class: "card" }, element("summary", {}, "Read the model card"), element("div", {}, ...markdown(info.card, 3)))),
  );
}

function part(title: string, ...content: readonly Node[]): HTMLElement[] {
  return [element("section", { class: "part" }, element("h3", {}, title), element("div", { class: "part-body" }, ...content))];
}

function list(entries: readonly (readonly [string, string])[], kind: string): HTMLElement {
  const pairs = entries.flatMap(([term, description]) => [element("dt", {}, term), element("dd", /^[0-9a-f]{64}$/.test(description) ? { class: "digest" } : {}, description)]);
  return element("dl", { class: kind }, ...pairs);
}

function inputs({ inputs }: ModelInfo): HTMLElement {
  const rows = inputs.map((input) => [
    element("code", {}, input.name),
    [input.type, input.unit && `(${input.unit})`].filter(Boolean).join(" "),
    range(input),
    input.nullable ? "may be missing" : "needed",
    plain(input.doc ?? ""),
  ]);
  return table(["Input", "Type", "Values", "Presence", "Meaning"], rows, { caption: "Inputs", stacks: true });
}

function range({ min, max, vocabulary, shape, zone }: InputInfo): string {
  if (vocabulary) return vocabulary.length > 6 ? `${count(vocabulary.length)} known` : vocabulary.join(", ");
  if (shape) return shape.join(" × ");
  if (zone) return zone;
  if (min !== undefined && max !== undefined) return `${figure(min)} to ${figure(max)}`;
  if (min !== undefined) return `from ${figure(min)}`;
  return max === undefined ? "" : `to ${figure(max)}`;
}
