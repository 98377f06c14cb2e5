// What the bundle says of itself, and how long a prediction takes in this page.

import type { ModelInfo } from "../src/public.js";
import { element } from "./element.js";
import { duration, size } from "./words.js";

/** The list of facts; `time` is the element that shows the duration of a prediction. */
export function factsOf(info: ModelInfo): { entries: HTMLElement[]; time: HTMLElement } {
  const time = element("dd", { id: "time" }, "…");
  const digest = element("dd", { class: "digest", title: info.digest }, info.digest.slice(0, 16), "…");
  const entries = [
    ...fact("Model", `${info.name} ${info.version}`),
    ...fact("Task", info.task),
    ...fact("Bundle", size(info.size)),
    element("dt", {}, "Digest"),
    digest,
    element("dt", {}, "One prediction"),
    time,
  ];
  return { entries, time };
}

function fact(term: string, description: string): HTMLElement[] {
  return [element("dt", {}, term), element("dd", {}, description)];
}

/** How inputs become what the model sees. */
export function featuresOf({ features, columns }: ModelInfo): HTMLElement {
  const rows = features.map((feature) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, feature.name),
      element("td", {}, feature.from.join(", ")),
      element("td", {}, element("code", {}, feature.op)),
      element("td", {}, feature.doc ?? (feature.hidden ? "intermediate" : "")),
    ),
  );
  const head = ["Feature", "From", "Made by", "Meaning"].map((text) => element("th", { scope: "col" }, text));
  return element(
    "details",
    {},
    element("summary", {}, `How the inputs become the ${columns.length} columns that the model sees`),
    element(
      "div",
      { class: "table", tabindex: 0, role: "region", "aria-label": "Features" },
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)),
    ),
  );
}

/** Rounds of timing; the fastest counts, because the others were disturbed or ran code not yet optimised. */
const ROUNDS = 6;

/** Times `predict`. Clocks in pages are coarse, so a round repeats it for some milliseconds and divides. */
export function timeOf(predict: () => unknown): string {
  const rounds = Array.from({ length: ROUNDS }, () => round(predict));
  return duration(Math.min(...rounds));
}

function round(predict: () => unknown): number {
  const begin = performance.now();
  let runs = 0;
  let elapsed = 0;
  while (elapsed < 4) {
    for (let run = 0; run < 8; run++) predict();
    runs += 8;
    elapsed = performance.now() - begin;
  }
  return elapsed / runs;
}
