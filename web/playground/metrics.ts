// Measures with their intervals, drawn and in numbers.

import { drawing, place, scale } from "./chart.js";
import { element, shape, table } from "./element.js";
import type { Estimate, Measures, Tested } from "./provenance.js";
import { reliability } from "./reliability.js";
import { count, percent, words } from "./words.js";

const NAMES: { readonly [measure: string]: string } = { roc_auc: "ROC AUC", rmse: "RMSE", mae: "MAE", r2: "R²" };
const DIGITS = 4;
/** Of which measures less is better. */
const LOSSES = ["log_loss", "calibration_error", "rmse", "mae"];

/** The measures of a test, against the baseline where there was one. */
export function metricsOf({ model, baseline, difference, rows, positive_share: share, calibration }: Tested, positive: string): HTMLElement[] {
  const names = Object.keys(model);
  const heads = ["Measure", "Model", ...(baseline ? ["Baseline", "Both", "Difference"] : ["Interval"])];
  const body = names.map((name) => [
    element("span", {}, NAMES[name] ?? words(name), " ", element("span", { class: "soft" }, LOSSES.includes(name) ? "less is better" : "more is better")),
    said(model[name]),
    ...(baseline ? [said(baseline[name]), dots(name, model, baseline), said(difference?.[name])] : [dots(name, model, {})]),
  ]);
  const on = [rows === undefined ? "" : `${count(rows)} rows`, share === undefined || !positive ? "" : `${percent(share)} of them ${positive}`].filter(Boolean).join(", ");
  const lead = `On the test rows${on ? `: ${on}` : ""}. In brackets the 95 % interval.`;
  const plot = calibration ? [element("h3", {}, "Calibration"), reliability(calibration, positive)] : [];
  return [element("p", {}, lead), table(heads, body, { caption: "Measures on the test rows", class: "metrics" }), ...plot];
}

function said(estimate: Estimate | undefined): string {
  if (!estimate) return "";
  const { value, low, high } = estimate;
  const number = (value: number) => value.toFixed(DIGITS).replace("-", "−");
  return low === undefined || high === undefined ? number(value) : `${number(value)} (${number(low)} – ${number(high)})`;
}

/** Model and baseline on one scale, each with its interval. */
function dots(name: string, model: Measures, baseline: Measures): Node {
  const both = [model[name], baseline[name]].filter((estimate) => estimate !== undefined);
  const ends = both.flatMap(({ value, low, high }) => [low ?? value, high ?? value]);
  const [from, to] = [Math.min(...ends), Math.max(...ends)];
  return place(
    (width) => {
      const x = scale([from, to], [6, width - 6]);
      const drawn = both.map(({ value, low = value, high = value }, at) => {
        const y = 9 + 10 * at;
        return shape("g", { class: at === 0 ? "ours" : "theirs" }, shape("line", { class: "whisker", x1: x(low), x2: x(high), y1: y, y2: y }), shape("circle", { class: "dot", cx: x(value), cy: y, r: 3.5 }));
      });
      return drawing(width, 28, ...drawn);
    },
    { class: "dots" },
  );
}
