// The drift tab: this session's inputs beside the training data, one small plot an input.

import type { Profile } from "../src/public.js";
import { type Drift, driftOf, type Level } from "./drift.js";
import { element, table } from "./element.js";
import { histogram } from "./histogram.js";
import type { Session } from "./session.js";
import { counted, percent, title } from "./words.js";

const SAID: { readonly [level in Level]: string } = {
  few: "too few rows to say",
  same: "as in training",
  some: "shifted",
  much: "strongly shifted",
};

/** How many inputs are not as in training, by what was asked so far. */
export function shifted(session: Session): number {
  return movedOf(driftOf(session.profile(), session.info.profile, session.info.inputs).inputs).length;
}

function movedOf(inputs: readonly Drift[]): readonly Drift[] {
  return inputs.filter(({ level }) => level === "some" || level === "much");
}

/** Draws the comparison anew. */
export function showDrift(host: HTMLElement, session: Session): void {
  const asked = session.profile();
  const { inputs, predictions } = driftOf(asked, session.info.profile, session.info.inputs);
  const grid = element("ul", { class: "multiples" }, ...inputs.map((drift) => multiple(drift, title(drift.name))), multiple(predictions, "Predictions"));
  const rows = [...inputs, predictions].map((drift) => [title(drift.name), drift.index.toFixed(3), SAID[drift.level]]);
  const numbers = element("details", { class: "numbers" }, element("summary", {}, "As numbers"), table(["Input", "Index", "Says"], rows, { caption: "Population stability index by input", numbers: [1] }));
  host.replaceChildren(element("h2", {}, "Drift"), element("p", { class: "lead" }, ...summary(asked, inputs)), legend(), grid, numbers, method());
}

function summary({ rows, failed }: Profile, inputs: readonly Drift[]): string[] {
  if (rows === 0) return ["Nothing was asked yet. Change the record, or drop a file on the page: what was asked is compared here with the training data."];
  const moved = movedOf(inputs);
  const many = counted(rows, "row");
  const but = failed > 0 ? ` ${counted(failed, "failed row")} not counted.` : "";
  const judged = inputs.filter(({ level }) => level !== "few").length;
  if (moved.length > 0) return [`${many} of this session: ${moved.length} of ${inputs.length} inputs are not as in training.${but}`];
  if (judged === 0) return [`${many} of this session are too few to compare.${but} A file in the batch tab brings more.`];
  return [`${many} of this session: no input that can be judged has moved.${but}`];
}

function legend(): HTMLElement {
  return element("p", { class: "legend" }, element("span", { class: "swatch ours" }), "this session", element("span", { class: "swatch theirs" }), "training data");
}

function multiple({ index, level, bins, ours, theirs }: Drift, name: string): HTMLElement {
  const edges = Array.from({ length: bins.length + 1 }, (_, at) => at);
  const farthest = bins.map((_, at) => at).sort((a, b) => gap(b) - gap(a))[0] ?? 0;
  function gap(at: number): number {
    return Math.abs((ours[at] ?? 0) - (theirs[at] ?? 0));
  }
  const worst = level === "some" || level === "much" ? [element("p", { class: "note" }, `${bins[farthest]}: ${percent(ours[farthest] ?? 0)}, in training ${percent(theirs[farthest] ?? 0)}`)] : [];
  return element(
    "li",
    { class: `multiple is-${level}`, "data-level": level },
    element("h3", {}, name),
    element("p", { class: "level" }, SAID[level], level === "few" ? "" : element("span", { class: "soft" }, ` ${index.toFixed(2)}`)),
    histogram({ edges, shares: ours, reference: theirs, say: String, height: 64 }),
    ...worst,
  );
}

function method(): HTMLElement {
  const text =
    "The population stability index compares the shares of rows over the bins of the bundle's reference profile: under 0.1 counts as alike, from 0.25 on as strongly shifted. Where so few rows would give the same index by chance, it says nothing. Times after the training period are always shifted. The counts stay in this page.";
  return element("p", { class: "note method" }, text);
}
