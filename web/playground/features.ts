// How features are made: their ops, and the parameters that fitting found.

import type { FeatureInfo, FeatureParameter, ModelInfo } from "../src/public.js";
import { element, table } from "./element.js";
import { count, figure, plain, words } from "./words.js";

/** Members of a list that stand there at once; of more, how many there are, and all when one asks. */
const FEW = 6;

/** The features as a table. */
export function featuresOf({ features }: ModelInfo): HTMLElement {
  const rows = features.map((feature) => [
    element("code", {}, feature.name),
    feature.from.join(", "),
    made(feature),
    plain(feature.doc ?? (feature.hidden ? "An intermediate, which the model does not see." : "")),
  ]);
  return table(["Feature", "From", "Made by", "Meaning"], rows, { caption: "Features", stacks: true });
}

function made({ name, op, parameters }: FeatureInfo): HTMLElement {
  const said = Object.entries(parameters).flatMap(([parameter, value]) => (value === false ? [] : [parameterOf(name, parameter, value)]));
  return element("div", {}, words(op), ...said);
}

function parameterOf(feature: string, name: string, value: FeatureParameter): HTMLElement {
  const mark = { class: "parameter", "data-parameter": `${feature}.${name}` };
  const term = element("span", { class: "soft" }, words(name));
  if (value === true) return element("div", mark, term);
  if (typeof value !== "object") return element("div", mark, term, " ", member(value));
  const members = value.flatMap((one, at) => (at === 0 ? [member(one)] : [", ", member(one)]));
  if (value.length <= FEW) return element("div", mark, term, " ", ...members);
  return element("details", mark, element("summary", {}, `${words(name)} (${count(value.length)})`), ...members);
}

/** As people read it, with all its digits for whoever reads the page by program. */
function member(value: string | number | boolean): HTMLElement {
  return element("data", { value: String(value) }, typeof value === "number" ? figure(value) : String(value));
}
