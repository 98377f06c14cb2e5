// Why: what each input added to the raw score, as bars to both sides of nothing.

import type { Explanation, FeatureContribution, ModelInfo, RawRecord } from "../src/public.js";
import { button, element } from "./element.js";
import { figure, signed, title, valueText, words } from "./words.js";

/** How many bars stand there before one asks for all. */
const SHOWN = 8;

/** Features that are made from the same inputs. */
interface Group {
  readonly inputs: readonly string[];
  readonly features: readonly FeatureContribution[];
  readonly sum: number;
}

/** The panel that says why. */
export class Why {
  readonly element = element("section", { class: "why", "aria-labelledby": "why-title" });
  #info: ModelInfo;
  #all = false;
  /** The label whose score is explained, where there are several and somebody chose. */
  #output: number | undefined;
  #shown: { explanation: Explanation; record: RawRecord; label: string | undefined } | undefined;

  constructor(info: ModelInfo) {
    this.#info = info;
  }

  /** Shows an explanation; `label` is the one predicted. */
  show(explanation: Explanation, record: RawRecord, label: string | undefined): void {
    this.#shown = { explanation, record, label };
    this.#draw();
  }

  /** Says why there is nothing to show. */
  absent(message: string): void {
    this.#shown = undefined;
    this.element.replaceChildren(heading(), element("p", { class: "note" }, message));
  }

  #draw(): void {
    if (!this.#shown) return;
    const { explanation, record, label } = this.#shown;
    const { labels, task } = this.#info;
    const output = task === "multiclass" ? (this.#output ?? Math.max(0, labels.indexOf(label ?? ""))) : 0;
    const groups = grouped(explanation, output);
    const [up, down] = directions(this.#info, output);
    const shown = this.#all ? groups : groups.slice(0, SHOWN);
    const rest = groups.slice(shown.length);
    const widest = Math.max(...groups.map(({ sum }) => Math.abs(sum)), Number.MIN_VALUE);
    const rows = shown.map((group) => row([...this.#named(group, record), ...parts(group, output)], group.sum, widest));
    if (rest.length > 0) {
      const sum = rest.reduce((sum, group) => sum + group.sum, 0);
      rows.push(row([element("span", { class: "soft" }, `${rest.length} others together`)], sum, widest));
    }
    const [base, raw] = [explanation.base[output] ?? NaN, explanation.raw[output] ?? NaN];
    const bars = element(
      "table",
      { class: "bars", "aria-label": "Contributions to the raw score" },
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("th", { scope: "col" }, "Input"),
          element("th", { scope: "col", class: "sides" }, element("span", { class: "down" }, `← ${down}`), element("span", { class: "up" }, `${up} →`)),
          element("th", { scope: "col", class: "number" }, "Adds"),
        ),
      ),
      element("tbody", {}, ...rows),
      element(
        "tfoot",
        {},
        total("Start, with nothing known", base, "base"),
        total("Raw score, the sum", raw, "sum"),
      ),
    );
    const had = this.element.contains(document.activeElement) ? (document.activeElement as HTMLElement).id : "";
    const said = element("p", { class: "said" }, sentence(groups, this.#info, [up, down]));
    this.element.replaceChildren(heading(...this.#choice(output)), said, bars, ...this.#more(groups.length));
    if (had) document.getElementById(had)?.focus();
  }

  #named({ inputs, features }: Group, record: RawRecord): (Node | string)[] {
    const soft = (text: string) => element("span", { class: "soft" }, text);
    const [first] = inputs;
    if (first === undefined) return [features.map(({ feature }) => title(feature)).join(", ")];
    if (inputs.length === 1) {
      const unit = this.#info.inputs.find(({ name }) => name === first)?.unit;
      return [title(first), " ", element("span", { class: "soft value" }, valueText(record[first], unit))];
    }
    const [only, ...others] = features;
    const name = only && others.length === 0 ? title(only.feature) : inputs.map(title).join(" and ");
    return [name, " ", soft(`from ${inputs.map(words).join(", ")}`)];
  }

  #choice(output: number): HTMLElement[] {
    const { task, labels } = this.#info;
    if (task !== "multiclass") return [];
    const options = labels.map((label, at) => element("option", { value: at, selected: at === output }, words(label)));
    const select = element("select", { id: "why-output" }, ...options);
    select.addEventListener("change", () => {
      this.#output = Number(select.value);
      this.#draw();
    });
    return [element("label", { for: "why-output", class: "soft" }, "the score of"), select];
  }

  #more(count: number): HTMLElement[] {
    if (count <= SHOWN) return [];
    const flip = () => {
      this.#all = !this.#all;
      this.#draw();
    };
    return [button(this.#all ? `Show the ${SHOWN} largest` : `Show all ${count}`, flip, { class: "quiet", id: "why-more", "aria-expanded": String(this.#all) })];
  }
}

function heading(...beside: readonly HTMLElement[]): HTMLElement {
  return element("div", { class: "section-head" }, element("h2", { id: "why-title" }, "Why"), ...beside);
}

function grouped({ features }: Explanation, output: number): Group[] {
  const groups = new Map<string, { inputs: readonly string[]; features: FeatureContribution[]; sum: number }>();
  for (const feature of features) {
    const key = feature.inputs.join("\n") || feature.feature;
    const group = groups.get(key) ?? { inputs: feature.inputs, features: [], sum: 0 };
    group.features.push(feature);
    group.sum += feature.contributions[output] ?? 0;
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
}

/** What a higher and a lower score mean. */
function directions({ task, labels }: ModelInfo, output: number): [string, string] {
  if (task === "binary") return [words(labels[1] ?? ""), words(labels[0] ?? "")];
  if (task === "multiclass") return [words(labels[output] ?? ""), "other labels"];
  return ["higher", "lower"];
}

function sentence(groups: readonly Group[], { labels }: ModelInfo, [up, down]: readonly [string, string]): string {
  const name = (group: Group | undefined) => group && (group.inputs.length > 0 ? group.inputs.map(words).join(" and ") : words(group.features[0]?.feature ?? ""));
  const raising = name(groups.find(({ sum }) => sum > 0));
  const lowering = name(groups.find(({ sum }) => sum < 0));
  const [rises, falls] = labels.length > 0 ? [`pushes most toward ${up}`, `pushes most toward ${down}`] : ["raises the score most", "lowers it most"];
  const parts = [raising && `${raising} ${rises}`, lowering && `${lowering} ${falls}`].filter(Boolean);
  if (parts.length === 0) return "No input moves this score.";
  const said = parts.join(", ");
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}.`;
}

/** What the features of a group add, where there are several. */
function parts({ features }: Group, output: number): HTMLElement[] {
  if (features.length < 2) return [];
  const said = features.map(({ feature, contributions }) => `${words(feature)} ${signed(contributions[output] ?? 0)}`);
  return [element("span", { class: "within" }, said.join(", "))];
}

function row(name: readonly (Node | string)[], sum: number, widest: number): HTMLElement {
  const bar = element("span", { class: sum < 0 ? "down" : "up" });
  const width = (50 * Math.abs(sum)) / widest;
  bar.style.inlineSize = `${width}%`;
  bar.style.insetInlineStart = sum < 0 ? `${50 - width}%` : "50%";
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, ...name),
    element("td", { class: "diverging" }, element("span", { class: "zero", "aria-hidden": "true" }, bar)),
    element("td", { class: "number", "data-contribution": sum }, signed(sum)),
  );
}

function total(name: string, value: number, kind: string): HTMLElement {
  return element("tr", {}, element("th", { scope: "row", colspan: 2 }, name), element("td", { class: "number", [`data-${kind}`]: value }, figure(Number(value.toFixed(4)))));
}
