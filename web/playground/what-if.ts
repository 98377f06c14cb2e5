// What if: the answer over the values of one input; dragging the mark changes the record.

import type { Model, Profile, RawRecord, RawValue } from "../src/public.js";
import { axisBelow, drawing, place, scale, type Scale, ticks } from "./chart.js";
import { element, shape } from "./element.js";
import { type Measure, measureOf } from "./measure.js";
import { type Choices, type Line, sweepOf } from "./sweep.js";
import { title, valueText, words } from "./words.js";

const HEIGHT = 210;
const ABOVE = 14;
const BELOW = 26;
/** Pixels that the axis leaves between two of its numbers at least, and that a letter takes. */
const NARROWEST = 70;
const LETTER = 7;

/** Changes one input of the record. */
type Change = (input: string, value: RawValue) => void;

/** The panel that varies one input. */
export class WhatIf {
  readonly element: HTMLElement;
  #model: Model;
  #reference: Profile;
  #change: Change;
  #select: HTMLSelectElement;
  #body = element("div", { class: "sweep" });
  #record: RawRecord = {};
  #label: string | undefined;
  /** What the curve on show was made from, so that a drag moves the mark and computes nothing else. */
  #made = "";
  #move: ((value: RawValue) => void) | undefined;

  constructor(model: Model, reference: Profile, change: Change) {
    this.#model = model;
    this.#reference = reference;
    this.#change = change;
    const options = model.info.inputs
      .filter(({ type }) => type !== "tensor")
      .map(({ name }) => element("option", { value: name }, title(name)));
    this.#select = element("select", { id: "what-if-input" }, ...options);
    // A curve says more than bars at first sight.
    this.#select.value = (model.info.inputs.find(({ usual }) => usual) ?? model.info.inputs[0])?.name ?? "";
    this.#select.addEventListener("change", () => this.#draw());
    const label = element("label", { for: "what-if-input", class: "soft" }, "varying");
    const head = element("div", { class: "section-head" }, element("h2", { id: "what-if-title" }, "What if"), label, this.#select);
    this.element = element("section", { class: "what-if", "aria-labelledby": "what-if-title" }, head, this.#body);
    this.element.hidden = options.length === 0;
  }

  /** Varies an input of the record, for example the one that somebody just touched. */
  choose(input: string): void {
    if (this.#select.value === input || ![...this.#select.options].some(({ value }) => value === input)) return;
    this.#select.value = input;
    this.#draw();
  }

  /** Takes over the record as it stands; `label` is the one predicted. */
  show(record: RawRecord, label: string | undefined): void {
    this.#record = record;
    this.#label = label;
    this.#draw();
  }

  #draw(): void {
    const input = this.#model.info.inputs.find(({ name }) => name === this.#select.value);
    if (!input) return;
    const measure = measureOf(this.#model.info, this.#model.info.task === "multiclass" ? this.#label : undefined);
    const sweep = sweepOf(input, this.#record, this.#reference);
    const others = Object.entries(this.#record).filter(([name]) => name !== input.name);
    // Of several labels, the one that was predicted first is drawn until something else changes: a drag keeps its curve.
    const made = JSON.stringify([input.name, others, sweep?.kind === "choices" ? sweep.values : sweep?.value(sweep.at[0] ?? 0)]);
    if (made === this.#made) return this.#move?.(this.#record[input.name]);
    this.#made = made;
    this.#move = undefined;
    if (!sweep) {
      this.#body.replaceChildren(element("p", { class: "note" }, `${title(input.name)} has no values here that could be tried one after the other.`));
      return;
    }
    const values = sweep.kind === "line" ? sweep.at.map((at) => sweep.value(at)) : sweep.values;
    const tried = [...values, null].map((value) => ({ ...this.#record, [input.name]: value }));
    const answers = measure.of(this.#model.predictBatch(tried));
    const missing = input.nullable ? answers[values.length] : undefined;
    const change = (value: RawValue) => this.#change(input.name, value);
    const ask = (value: RawValue) => measure.of(this.#model.predictBatch([{ ...this.#record, [input.name]: value }]))[0] ?? NaN;
    const options = { name: title(input.name), measure, answers, missing, change, ask };
    const drawn = sweep.kind === "line" ? curve(sweep, options, this.#model.info.threshold) : bars(sweep, options);
    this.#body.replaceChildren(...drawn.elements);
    this.#move = drawn.move;
    this.#move(this.#record[input.name]);
  }
}

interface Options {
  readonly name: string;
  readonly measure: Measure;
  /** One a value. */
  readonly answers: Float64Array;
  /** The answer where the input is missing, if it may be. */
  readonly missing: number | undefined;
  readonly change: (value: RawValue) => void;
  /** The answer for a value, which may lie between those of the curve. */
  readonly ask: (value: RawValue) => number;
}

interface Drawn {
  readonly elements: readonly HTMLElement[];
  move(value: RawValue): void;
}

function curve(line: Line, { name, measure, answers, missing, change, ask }: Options, threshold: number | undefined): Drawn {
  const [from, to] = [line.at[0] as number, line.at[line.at.length - 1] as number];
  const known = [...answers.slice(0, line.at.length), ...(missing === undefined ? [] : [missing])].filter((value) => !Number.isNaN(value));
  const domain = padded(Math.min(...known), Math.max(...known), measure.isShare);
  let [x, y]: [Scale, Scale] = [() => 0, () => 0];
  let present: RawValue;
  let across = 0;
  const mark = shape("g", { class: "mark" });

  const draw = (width: number): Node => {
    across = width;
    x = scale([from, to], [8, width - 8]);
    y = scale(domain, [HEIGHT - BELOW, ABOVE]);
    const path = line.at
      .map((at, index) => ({ at, answer: answers[index] as number }))
      .map(({ at, answer }, index, all) => (Number.isNaN(answer) ? "" : `${index > 0 && !Number.isNaN(all[index - 1]?.answer ?? NaN) ? "L" : "M"}${x(at).toFixed(1)},${y(answer).toFixed(1)}`))
      .join("");
    const rules = ticks(domain, 3).map((value) =>
      shape("g", {}, shape("line", { class: "rule", x1: 0, x2: width, y1: y(value), y2: y(value) }), shape("text", { class: "axis", x: 0, y: y(value) - 4 }, measure.say(value))),
    );
    const [low, high] = line.usual ?? [from, to];
    const usual = shape("rect", { class: "usual", x: x(low), y: ABOVE, width: Math.max(0, x(high) - x(low)), height: HEIGHT - BELOW - ABOVE });
    const crossing = threshold !== undefined && threshold > domain[0] && threshold < domain[1];
    const cut = crossing ? [shape("line", { class: "cut", x1: 0, x2: width, y1: y(threshold), y2: y(threshold) })] : [];
    const widest = Math.max(...line.ticks(Math.floor(width / NARROWEST)).map((value) => line.say(value).length));
    const apart = Math.max(NARROWEST, LETTER * (widest + 2));
    const axis = axisBelow(line.ticks(Math.floor(width / apart)), x, { y: HEIGHT - BELOW, width, say: line.say });
    move(present);
    return drawing(width, HEIGHT, ...(line.usual ? [usual] : []), ...rules, ...cut, shape("path", { class: "curve", d: path }), axis, mark);
  };
  const plot = place(draw, { class: "draggable" });
  const handle = element("div", { class: "handle", role: "slider", tabindex: 0, "aria-label": `${name}, what if`, "aria-valuemin": from, "aria-valuemax": to }, plot);
  const said = element("p", { class: "said" });
  const note = element("p", { class: "note" });
  note.append(`The ${measure.name} over ${line.name ? `${line.name} of ` : ""}${words(name).toLowerCase()}, the rest of the record as it is.`);
  if (line.usual) note.append(" Shaded: the middle eight tenths of the training data.");
  if (missing !== undefined) note.append(` If missing: ${measure.say(missing)}.`);

  function move(value: RawValue): void {
    present = value;
    const at = line.place(value);
    const answer = ask(value);
    said.replaceChildren(`At ${at === undefined ? "missing" : line.say(at)}: `, element("strong", {}, measure.say(answer)));
    handle.setAttribute("aria-valuenow", String(at ?? from));
    handle.setAttribute("aria-valuetext", `${at === undefined ? "missing" : line.say(at)}: ${measure.name} ${measure.say(answer)}`);
    if (at === undefined || across === 0) return mark.replaceChildren();
    const position = x(Math.min(to, Math.max(from, at)));
    const dot = Number.isNaN(answer) ? [] : [shape("circle", { cx: position, cy: y(answer), r: 5.5 })];
    mark.replaceChildren(shape("line", { x1: position, x2: position, y1: ABOVE, y2: HEIGHT - BELOW }), ...dot);
  }

  const go = (at: number) => change(line.value(Math.min(to, Math.max(from, at))));
  const drag = (event: PointerEvent) => {
    const { left, width } = plot.getBoundingClientRect();
    go(from + ((event.clientX - left - 8) / Math.max(1, width - 16)) * (to - from));
  };
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    drag(event);
  });
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) drag(event);
  });
  handle.addEventListener("keydown", (event) => {
    const now = line.place(present) ?? from;
    const large = Math.max(line.step, (to - from) / 10);
    const moves: { readonly [key: string]: number } = { ArrowRight: now + line.step, ArrowUp: now + line.step, ArrowLeft: now - line.step, ArrowDown: now - line.step, PageUp: now + large, PageDown: now - large, Home: from, End: to };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    go(next);
  });
  return { elements: [said, handle, note], move };
}

/** A little room above and below, probabilities within theirs. */
function padded(low: number, high: number, isShare: boolean): [number, number] {
  if (!Number.isFinite(low)) return [0, 1];
  const room = Math.max((high - low) * 0.15, isShare ? 0.02 : Math.abs(high) * 0.02, Number.MIN_VALUE);
  return isShare ? [Math.max(0, low - room), Math.min(1, high + room)] : [low - room, high + room];
}

function bars({ values, left }: Choices, { name, measure, answers, missing, change }: Options): Drawn {
  const most = measure.isShare ? Math.max(...answers.slice(0, values.length), 0.01) : Math.max(...answers.slice(0, values.length).map(Math.abs), Number.MIN_VALUE);
  const order = values.map((_, at) => at).sort((a, b) => (answers[b] as number) - (answers[a] as number));
  const radios = new Map<RawValue, HTMLInputElement>();
  const rows = order.map((at) => {
    const value = values[at] as string | boolean;
    const radio = element("input", { type: "radio", name: "what-if-choice", value: String(value) });
    radio.addEventListener("change", () => change(value));
    radios.set(value, radio);
    const fill = element("span", { class: "fill" });
    fill.style.inlineSize = `${(100 * Math.abs(answers[at] as number)) / most}%`;
    return element(
      "label",
      { class: "choice-bar" },
      radio,
      element("span", { class: "choice-name" }, valueText(value)),
      element("span", { class: "track", "aria-hidden": "true" }, fill),
      element("span", { class: "number" }, measure.say(answers[at] as number)),
    );
  });
  const note = element("p", { class: "note" }, `The ${measure.name} for each ${words(name).toLowerCase()}, highest first, the rest of the record as it is.`);
  if (left > 0) note.append(` ${left} rarer ones are not listed.`);
  if (missing !== undefined) note.append(` If missing: ${measure.say(missing)}.`);
  const list = element("div", { class: "choice-bars", role: "radiogroup", "aria-label": `${name}, what if` }, ...rows);
  const move = (value: RawValue) => {
    for (const radio of radios.values()) radio.checked = false;
    const chosen = radios.get(value === undefined ? null : value);
    if (!chosen) return;
    chosen.checked = true;
    const row = chosen.closest<HTMLElement>("label");
    if (row) list.scrollTop = Math.max(0, row.offsetTop - list.offsetTop - list.clientHeight / 2);
  };
  return { elements: [list, note], move };
}
