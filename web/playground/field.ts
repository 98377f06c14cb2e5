// One field of the form: label, control, the switch for "missing" and the place for its error.

import type { InputInfo, RawValue, SkewlessError } from "../src/public.js";
import { type Control, controlFor } from "./control.js";
import { element } from "./element.js";
import { figure, plain, sentence, title } from "./words.js";

/** A field bound to one input of the model. */
export class Field {
  readonly element: HTMLElement;
  readonly name: string;
  #control: Control;
  #missing: HTMLInputElement | undefined;
  #error: HTMLElement;

  constructor(input: InputInfo) {
    const id = `input-${input.name}`;
    this.name = input.name;
    this.#control = controlFor(input, id);
    this.#error = element("p", { id: `${id}-error`, class: "field-error", hidden: true });
    if (input.nullable) {
      this.#missing = element("input", { type: "checkbox", "aria-label": `${title(input.name)} is missing` });
      this.#missing.addEventListener("change", () => this.#follow());
    }
    const head = element("div", { class: "field-head" }, element("label", { for: id }, title(input.name)));
    if (this.#missing) head.append(element("label", { class: "missing" }, this.#missing, "missing"));
    const body = element("div", { class: "field-body" }, ...this.#control.elements);
    const number = input.type === "number" || input.type === "integer";
    if (number) body.append(element("span", { class: "unit" }, input.unit ?? ""));
    this.element = element("div", { class: "field", "data-type": input.type }, head, body);
    this.#control.main.setAttribute("aria-describedby", `${id}-doc ${id}-error`);
    const hint = [input.doc, number ? undefined : input.unit].filter((text) => text !== undefined).map(plain).join(" · ");
    const range = number ? bounds(input) : "";
    if (hint || range) {
      const span = element("span", { class: "range" }, range);
      this.element.append(element("p", { id: `${id}-doc`, class: "field-doc" }, hint, " ", span));
    }
    this.element.append(this.#error);
  }

  /** The value for the record; `undefined` leaves it out. */
  value(): RawValue {
    return this.#missing?.checked ? null : this.#control.value();
  }

  /** Shows a value; `null` and `undefined` are missing where the input allows it. */
  show(value: RawValue): void {
    if (this.#missing) this.#missing.checked = value === null || value === undefined;
    this.#control.show(value);
    this.#follow();
  }

  /** Shows what is wrong with the value, or nothing. */
  complain(error: SkewlessError | undefined): void {
    this.#control.main.toggleAttribute("aria-invalid", error !== undefined);
    if (error) this.#control.main.setAttribute("aria-invalid", "true");
    this.#error.hidden = error === undefined;
    this.#error.replaceChildren(...(error ? [sentence(error.message), " ", element("code", {}, error.code)] : []));
  }

  #follow(): void {
    const missing = this.#missing?.checked ?? false;
    if (!missing) this.#control.fill?.();
    this.element.classList.toggle("is-missing", missing);
    for (const control of this.#control.elements) control.toggleAttribute("disabled", missing);
  }
}

function bounds({ min, max }: InputInfo): string {
  if (min !== undefined && max !== undefined) return `${figure(min)} to ${figure(max)}`;
  if (min !== undefined) return `at least ${figure(min)}`;
  return max === undefined ? "" : `at most ${figure(max)}`;
}
