// Measures with their intervals, drawn and in numbers.

import { drawing, place, scale } from "./chart.js";
import { element, shape, table } from "./element.js";
import type { Coverage, Estimate, Measures, Slice, Tested } from "./provenance.js";
import { reliability } from "./reliability.js";
import { count, percent, words } from "./words.js";

const NAMES: { readonly [measure: string]: string } = { roc_auc: "ROC AUC", macro_f1: "macro F1", rmse: "RMSE", mae: "MAE", r2: "R²" };
const DIGITS = 4;
/** Of which measures less is better. */
const LOSSES = ["log_loss", "calibration_error", "rmse", "mae"];

/** The measures of a test, against the baseline where there was one, with what else was found on its rows. */
export function metricsOf({ model, baseline, difference, rows, positive_share: share, calibration, coverage, slices = [] }: Tested, positive: string): HTMLElement[] {
  const names = Object.keys(model);
  const heads = ["Measure", "Model", ...(baseline ? ["Baseline", "Both", "Difference"] : ["Interval"])];
  const body = names.map((name) => [
    element("span", {}, measureName(name), " ", element("span", { class: "soft" }, LOSSES.includes(name) ? "less is better" : "more is better")),
    said(model[name]),
    ...(baseline ? [said(baseline[name]), dots(name, model, baseline), said(difference?.[name])] : [dots(name, model, {})]),
  ]);
  const on = [rows === undefined ? "" : `${count(rows)} rows`, share === undefined || !positive ? "" : `${percent(share)} of them ${positive}`].filter(Boolean).join(", ");
  const lead = `On the test rows${on ? `: ${on}` : ""}. In brackets the 95 % interval.`;
  const plot = calibration ? [element("h3", {}, "Calibration"), reliability(calibration, positive)] : [];
  const measures = table(heads, body, { caption: "Measures on the test rows", class: "metrics" });
  return [element("p", {}, lead), measures, ...plot, ...(coverage ? covered(coverage) : []), ...sliced(slices)];
}

/** A measure's name for people. */
export function measureName(name: string): string {
  return NAMES[name] ?? words(name);
}

function covered({ method, confidence, rows, test: { value, low, high }, holds, says_nothing: saysNothing, by, groups = [] }: Coverage): HTMLElement[] {
  const ofNumbers = method === "split" || method === "cqr";
  const what = ofNumbers ? "Intervals" : "Sets of labels";
  const share = (share: number | null | undefined) => percent(share ?? NaN);
  const found = `${what} with a promise of ${percent(confidence)}, from ${count(rows)} validation rows, held the truth of ${share(value)} (${share(low)} – ${share(high)}) of the test rows.`;
  const verdict = holds ? "The promise lies in that interval." : `The promise lies outside that interval: it holds ${(value ?? NaN) < confidence ? "less" : "more"} than it should.`;
  const nothing = saysNothing ? [element("p", { class: "note", id: "coverage-says-nothing" }, `It is kept by saying nothing: ${ofNumbers ? "no interval has an end" : "every set has all labels"}.`)] : [];
  const body = groups.map((group) => [
    group.value ?? "others",
    count(group.rows),
    `${share(group.test.value)} (${share(group.test.low)} – ${share(group.test.high)})`,
    group.holds ? "yes" : "no",
    group.size?.toFixed(DIGITS) ?? "without end",
  ]);
  const heads = [words(by ?? ""), "Rows", "Held the truth", "Promise in the interval", ofNumbers ? "Mean width" : "Labels in a set"];
  const each = groups.length > 0 ? [table(heads, body, { caption: `Coverage by ${words(by ?? "")}`, class: "covered", numbers: [1, 4] })] : [];
  return [element("h3", {}, "Coverage"), element("p", { id: "coverage" }, `${found} ${verdict}`), ...nothing, ...each];
}

/** Groups of test rows, each with the measures of the largest. */
function sliced(slices: readonly Slice[]): HTMLElement[] {
  if (slices.length === 0) return [];
  const names = slices.map(({ model }) => Object.keys(model)).reduce((most, names) => (names.length > most.length ? names : most));
  const body = slices.map(({ input, value, rows, model }) => [`${words(input)}: ${value ?? "missing"}`, count(rows), ...names.map((name) => said(model[name]))]);
  const heads = ["Group", "Rows", ...names.map(measureName)];
  return [element("h3", {}, "Slices"), element("p", { class: "note" }, "Groups of test rows. Small ones are counted and not measured."), table(heads, body, { caption: "Slices of the test rows", numbers: [1] })];
}

function said(estimate: Estimate | undefined): string {
  if (!estimate) return "";
  const { value, low, high } = estimate;
  const number = (value: number | null) => value?.toFixed(DIGITS).replace("-", "−") ?? "–";
  return low === undefined || high === undefined ? number(value) : `${number(value)} (${number(low)} – ${number(high)})`;
}

/** Model and baseline on one scale, each with its interval. */
function dots(name: string, model: Measures, baseline: Measures): Node {
  const both = [model[name], baseline[name]].flatMap((estimate) => (estimate && estimate.value !== null ? [{ value: estimate.value, low: estimate.low ?? estimate.value, high: estimate.high ?? estimate.value }] : []));
  const ends = both.flatMap(({ low, high }) => [low, high]);
  const [from, to] = [Math.min(...ends), Math.max(...ends)];
  return place(
    (width) => {
      const x = scale([from, to], [6, width - 6]);
      const drawn = both.map(({ value, low, high }, at) => {
        const y = 9 + 10 * at;
        return shape("g", { class: at === 0 ? "ours" : "theirs" }, shape("line", { class: "whisker", x1: x(low), x2: x(high), y1: y, y2: y }), shape("circle", { class: "dot", cx: x(value), cy: y, r: 3.5 }));
      });
      return drawing(width, 28, ...drawn);
    },
    { class: "dots" },
  );
}
