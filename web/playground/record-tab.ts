// The record tab: the form, the answer while one types, what if, and why.

import { type Prediction, type RawRecord, type RawValue, SkewlessError } from "../src/public.js";
import { answerFor, noAnswer } from "./answer.js";
import { button, element } from "./element.js";
import { Field } from "./field.js";
import type { Session } from "./session.js";
import { WhatIf } from "./what-if.js";
import { Why } from "./why.js";

/** How long the form must be quiet before a record counts as asked, in milliseconds. */
const QUIET = 400;

/** The tab; `asked` is called when a record has been counted. */
export class RecordTab {
  #session: Session;
  #asked: () => void;
  #fields: readonly Field[];
  #answer = element("section", { id: "answer", class: "answer", "aria-label": "Answer", "aria-live": "polite", "aria-atomic": "true" });
  #whatIf: WhatIf;
  #why: Why;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  /** The record on show, as JSON. */
  #answered = "";

  constructor(host: HTMLElement, session: Session, asked: () => void) {
    this.#session = session;
    this.#asked = asked;
    const { info, model } = session;
    this.#fields = info.inputs.map((input) => new Field(input));
    this.#why = new Why(info);
    this.#whatIf = new WhatIf(model, info.profile, (input, value) => this.#change(input, value));
    const form = element("form", { id: "form", class: "form", "aria-label": "Record", autocomplete: "off", novalidate: true }, ...this.#fields.map((field) => field.element));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.#update());
    form.addEventListener("change", () => this.#update());
    form.addEventListener("focusin", ({ target }) => {
      const field = this.#fields.find(({ element }) => element.contains(target as Node));
      if (field) this.#whatIf.choose(field.name);
    });
    const examples = info.golden.map(({ record }) => record);
    let next = 0;
    const another = button("Another example", () => this.#show(examples[++next % examples.length] ?? {}), { class: "quiet", id: "another" });
    const head = element("div", { class: "section-head" }, element("h2", {}, "Record"), ...(examples.length > 1 ? [another] : []));
    host.replaceChildren(
      element("div", { class: "asking" }, head, form),
      element("div", { class: "answering" }, this.#answer, this.#whatIf.element, this.#why.element),
    );
    this.#show(info.example ?? {});
  }

  /** Nothing is asked of the model any more. */
  end(): void {
    clearTimeout(this.#quiet);
    cancelAnimationFrame(this.#frame);
  }

  #show(record: RawRecord): void {
    for (const field of this.#fields) field.show(record[field.name]);
    this.#update();
  }

  #change(input: string, value: RawValue): void {
    this.#fields.find(({ name }) => name === input)?.show(value);
    this.#update();
  }

  #record(): RawRecord {
    const record: { [input: string]: RawValue } = {};
    for (const field of this.#fields) {
      const value = field.value();
      if (value !== undefined) record[field.name] = value;
    }
    return record;
  }

  #update(): void {
    const { model, info } = this.#session;
    const record = this.#record();
    // Leaving a field says `change` after `input` has said it all; drawn again, a button would vanish under the pointer.
    const text = JSON.stringify(record);
    if (text === this.#answered) return;
    this.#answered = text;
    this.end();
    const errors = model.validate(record);
    for (const field of this.#fields) field.complain(errors.find((error) => error.field === field.name));
    this.#answer.classList.toggle("is-empty", errors.length > 0);
    if (errors.length > 0) {
      this.#answer.replaceChildren(...noAnswer(errors.length));
      this.#why.absent("There is no prediction to explain.");
      return;
    }
    const prediction = model.predict(record);
    this.#answer.replaceChildren(...answerFor(prediction, info));
    // Once a frame is enough for what is drawn, however fast somebody drags.
    this.#frame = requestAnimationFrame(() => this.#explain(record, prediction));
    this.#quiet = setTimeout(() => {
      this.#session.count(record);
      this.#asked();
    }, QUIET);
  }

  #explain(record: RawRecord, prediction: Prediction): void {
    const label = "label" in prediction ? prediction.label : undefined;
    this.#whatIf.show(record, label);
    try {
      this.#why.show(this.#session.model.explain(record), record, label);
    } catch (error) {
      if (!(error instanceof SkewlessError)) throw error;
      const cannot = error.code === "unsupported.explain";
      this.#why.absent(cannot ? "This bundle does not hold what an explanation needs." : error.message);
    }
  }
}
