// The bundle's golden rows, answered again in this page: every number to the bit.

import type { GoldenRow, Model, Prediction } from "../src/public.js";
import { element, table } from "./element.js";
import { count, counted, duration, figure, percent, words } from "./words.js";

/** What came of one golden row. */
interface Checked {
  readonly row: GoldenRow;
  readonly prediction: Prediction;
  readonly same: boolean;
}

/** Answers all golden rows and shows a tick for each. */
export function goldenCheck(model: Model): HTMLElement[] {
  const { golden, labels, task } = model.info;
  const begin = performance.now();
  const checked = golden.map((row): Checked => {
    const prediction = model.predict(row.record);
    return { row, prediction, same: isSame(row, prediction, labels) };
  });
  // A page's clock may count whole milliseconds only.
  const took = performance.now() - begin;
  const right = checked.filter(({ same }) => same).length;
  const verdict = right === golden.length ? `All ${counted(golden.length, "golden row")} give the bundle's numbers in this page, to the bit, in ${took < 1 ? "under a millisecond" : duration(took)}.` : `${count(golden.length - right)} of ${counted(golden.length, "golden row")} give other numbers in this page.`;
  const ticks = checked.map(({ same }, at) => element("li", { class: same ? "good" : "bad", title: `Row ${at}` }, element("span", { "aria-hidden": "true" }, same ? "✓" : "✗"), element("span", { class: "visually-hidden" }, `row ${at} ${same ? "equal" : "differs"}`)));
  const rows = checked.map(({ row, prediction, same }, at) => [String(at), said(prediction), expected(row, labels), same ? "✓ equal" : "✗ differs"]);
  const heads = ["Row", "This page", "The bundle", "To the bit"];
  return [
    element("p", { id: "golden-said", class: right === golden.length ? "" : "bad" }, verdict),
    element("ul", { class: "ticks", "aria-label": "Golden rows" }, ...ticks),
    element("details", { class: "numbers" }, element("summary", {}, "As numbers"), table(heads, rows, { caption: `Golden rows, ${task}`, numbers: [0] })),
  ];
}

function isSame({ prediction: expected }: GoldenRow, found: Prediction, labels: readonly string[]): boolean {
  const label = "label" in found ? labels.indexOf(found.label) : null;
  return label === expected.label && alike(numbers(found, labels), expected.values) && alike(scores(found) ?? expected.raw, expected.raw);
}

function alike(found: readonly number[], expected: readonly number[]): boolean {
  return found.length === expected.length && found.every((number, at) => Object.is(number, expected[at]));
}

/** The numbers of a prediction; probabilities in the order of the labels, which that of an object's members need not be. */
function numbers(found: Prediction, labels: readonly string[]): readonly number[] {
  if ("probability" in found) return [found.probability];
  if ("probabilities" in found) return labels.map((label) => found.probabilities[label] ?? NaN);
  return "values" in found ? found.values : [found.value];
}

/** The raw scores; a vector's are its values. */
function scores(found: Prediction): readonly number[] | undefined {
  if (!("raw" in found)) return undefined;
  return typeof found.raw === "number" ? [found.raw] : found.raw;
}

function said(found: Prediction): string {
  if ("probability" in found) return `${words(found.label)}, ${found.probability}`;
  if ("probabilities" in found) return `${words(found.label)}, ${percent(found.probabilities[found.label] ?? NaN)}`;
  return ("values" in found ? found.values : [found.value]).slice(0, 4).map((number) => figure(number)).join(", ");
}

function expected({ prediction: { label, values } }: GoldenRow, labels: readonly string[]): string {
  if (label === null) return values.slice(0, 4).map((number) => figure(number)).join(", ");
  return `${words(labels[label] ?? "")}, ${values.length === 1 ? values[0] : percent(values[label] ?? NaN)}`;
}
