// The answer of the model as people read it: a label, its probability as a bar, or a number.

import type { Conformal, ModelInfo, Prediction } from "../src/public.js";
import { element } from "./element.js";
import { figure, percent, title, words } from "./words.js";

/** How many numbers of a vector are shown. */
const SHOWN = 8;
/** Up to this many labels keep their order; of more, these are shown. */
const FEW = 3;
const HIGHEST = 5;

/** What stands in the panel for a prediction, with what is promised around it. */
export function answerFor(prediction: Prediction, info: ModelInfo): HTMLElement[] {
  return [...answered(prediction, info), ...promised(prediction, info)];
}

/** How sure a promise is. */
export function confidently({ confidence }: Conformal): string {
  return `with ${figure(confidence * 100)} % confidence`;
}

function promised(prediction: Prediction, { conformal, unit }: ModelInfo): HTMLElement[] {
  if (!conformal) return [];
  const sure = confidently(conformal);
  if ("set" in prediction && prediction.set) {
    return [note(prediction.set.length === 0 ? `${sure}: no label is likely enough` : `${sure}: ${prediction.set.map(words).join(" or ")}`)];
  }
  if (!("interval" in prediction)) return [];
  if (!prediction.interval) return [note("too few rows for an interval")];
  const [low, high] = prediction.interval;
  return [note(`${sure}: ${figure(low)} to ${figure(high)}${unit ? ` ${unit}` : ""}`)];
}

function answered(prediction: Prediction, info: ModelInfo): HTMLElement[] {
  const question = element("p", { class: "question" }, "Prediction");
  if ("probability" in prediction) {
    return [question, headline(words(prediction.label)), ...binary(prediction.probability, prediction.raw, info)];
  }
  if ("probabilities" in prediction) {
    return [
      question,
      headline(words(prediction.label)),
      ...several(info.labels, prediction.probabilities),
    ];
  }
  const { unit } = info;
  question.textContent = title(info.target);
  if ("values" in prediction) {
    const shown = prediction.values.slice(0, SHOWN).map(figure).join(", ");
    const more = prediction.values.length - SHOWN;
    return [question, headline(shown, prediction.values), ...(more > 0 ? [note(`and ${more} more numbers`)] : [])];
  }
  return [question, headline(`${figure(prediction.value)}${unit ? ` ${unit}` : ""}`, [prediction.value]), note(`raw score ${figure(prediction.raw)}`)];
}

/** The probabilities of a few labels in their order; of many, the highest. */
function several(labels: readonly string[], probabilities: { readonly [label: string]: number }): HTMLElement[] {
  const of = (label: string) => probabilities[label] ?? 0;
  const shown = labels.length <= FEW ? labels : [...labels].sort((a, b) => of(b) - of(a)).slice(0, HIGHEST);
  const bars = shown.map((label) => bar(words(label), of(label)));
  return shown.length < labels.length ? [...bars, note(`and ${labels.length - shown.length} more labels`)] : bars;
}

/** What stands in the panel while the record can't be answered. */
export function noAnswer(problems: number): HTMLElement[] {
  const what = problems === 1 ? "One field needs another value." : `${problems} fields need other values.`;
  return [element("p", { class: "question" }, "No prediction"), headline("—"), note(what)];
}

function binary(probability: number, raw: number, info: ModelInfo): HTMLElement[] {
  const positive = info.labels[1] ?? "";
  const drawn = bar(words(positive), probability);
  if (info.threshold !== undefined) {
    const tick = element("span", { class: "tick", title: `${words(positive)} from ${figure(info.threshold * 100)} % on` });
    tick.style.insetInlineStart = `${info.threshold * 100}%`;
    drawn.querySelector(".track")?.append(tick);
  }
  const from = info.threshold === undefined ? "" : `${title(positive)} from ${figure(info.threshold * 100)} % on · `;
  return [drawn, note(`${from}raw score ${figure(raw)}`)];
}

/** What is predicted; `values` with all their digits for whoever reads the page by program. */
function headline(text: string, values?: readonly number[]): HTMLElement {
  return element("p", { class: "headline", id: "headline", "data-values": values && JSON.stringify(values) }, text);
}

function note(text: string): HTMLElement {
  return element("p", { class: "note" }, text);
}

function bar(label: string, probability: number): HTMLElement {
  const fill = element("span", { class: "fill" });
  fill.style.inlineSize = `${probability * 100}%`;
  return element(
    "div",
    { class: "bar" },
    element("span", { class: "bar-label" }, label),
    element("span", { class: "bar-value", "data-probability": probability }, percent(probability)),
    element("span", { class: "track", "aria-hidden": "true" }, fill),
  );
}
