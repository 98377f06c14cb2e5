// The control for one input: what suits its type, its vocabulary and its range.

import type { InputInfo, RawValue } from "../src/public.js";
import { element } from "./element.js";

/** Up to this many choices stand in a list; more are searched by typing. */
const LISTED = 16;

/** A control that shows and gives a raw value. `undefined` leaves the field out of the record. */
export interface Control {
  readonly elements: readonly HTMLElement[];
  /** The element a label points at. */
  readonly main: HTMLElement;
  value(): RawValue;
  show(value: RawValue): void;
  /** Called when a value stops being missing: gives it one, if none stands there. */
  fill?(): void;
}

export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** The control for an input; `id` becomes the id of its main element. */
export function controlFor(input: InputInfo, id: string): Control {
  switch (input.type) {
    case "number":
    case "integer":
      return numberControl(input, id);
    case "boolean":
      return booleanControl(id);
    case "timestamp":
      return timestampControl(input, id);
    case "date":
      return textControl(element("input", { id, type: "date" }));
    case "category":
    case "text":
      return choiceControl(input, id);
    case "tensor":
      return tensorControl(id);
  }
}

function textControl(main: HTMLInputElement | HTMLSelectElement, ...others: readonly HTMLElement[]): Control {
  return {
    elements: [main, ...others],
    main,
    value: () => (main.value === "" ? undefined : main.value),
    show: (value) => {
      main.value = value === null || value === undefined ? "" : String(value);
    },
  };
}

/** A wall clock; the offset that the input's zone asks for stands behind it and is not shown. */
function timestampControl({ zone = "local" }: InputInfo, id: string): Control {
  const main = element("input", { id, type: "datetime-local", step: 60 });
  let offset = { local: "", utc: "Z" }[zone] ?? zone;
  return {
    elements: [main],
    main,
    value: () => (main.value === "" ? undefined : `${main.value}${offset}`),
    show: (value) => {
      const [, clock = "", own] = /^(.*?)(Z|[+-]\d\d:?\d\d)?$/.exec(asText(value)) ?? [];
      offset = own ?? offset;
      main.value = clock;
    },
  };
}

/** All elements as a list of numbers, nested or not. */
function tensorControl(id: string): Control {
  const main = element("input", { id, type: "text", spellcheck: "false" });
  return {
    elements: [main],
    main,
    value: () => listOf(main.value),
    show: (value) => {
      main.value = JSON.stringify(value ?? []);
    },
  };
}

/** The JSON list that a text is; another text is what it is, and refused with its field. */
function listOf(text: string): RawValue {
  try {
    return JSON.parse(text) as RawValue;
  } catch {
    return text;
  }
}

function choiceControl(input: InputInfo, id: string): Control {
  const choices = input.vocabulary ?? [];
  const options = choices.map((choice) => element("option", { value: choice }, choice));
  if (choices.length > 0 && choices.length <= LISTED) {
    return textControl(element("select", { id }, ...options));
  }
  const list = `${id}-choices`;
  const main = element("input", { id, type: "text", list: choices.length > 0 ? list : undefined, spellcheck: "false" });
  return choices.length > 0 ? textControl(main, element("datalist", { id: list }, ...options)) : textControl(main);
}

function booleanControl(id: string): Control {
  const main = element("input", { id, type: "checkbox", class: "switch" });
  return {
    elements: [main],
    main,
    value: () => main.checked,
    show: (value) => {
      main.checked = value === true;
    },
  };
}

function numberControl(input: InputInfo, id: string): Control {
  const main = element("input", { id, type: "number", step: "any", inputmode: "decimal" });
  const value = () => (main.value === "" ? undefined : main.valueAsNumber);
  const bounds = sliderBounds(input);
  if (!bounds) {
    return { elements: [main], main, value, show: (shown) => void (main.value = asText(shown)) };
  }
  const slider = element("input", { type: "range", min: bounds.min, max: bounds.max, step: bounds.step, "aria-label": `${input.name}, slider`, class: "slider" });
  const follow = () => {
    if (Number.isFinite(main.valueAsNumber)) slider.valueAsNumber = main.valueAsNumber;
    const { min, max } = bounds;
    slider.style.setProperty("--at", `${(100 * (slider.valueAsNumber - min)) / (max - min)}%`);
  };
  // The slider writes into the box before the form hears of it, so that the box alone is the value.
  slider.addEventListener("input", () => {
    main.value = slider.value;
    follow();
  });
  main.addEventListener("input", follow);
  return {
    elements: [slider, main],
    main,
    value,
    show: (shown) => {
      main.value = asText(shown);
      follow();
    },
    fill: () => {
      if (main.value === "") main.value = slider.value;
    },
  };
}

function asText(value: RawValue): string {
  return value === null || value === undefined ? "" : String(value);
}

/** What the slider spans: the usual values with as much room again on both sides, within the range. */
export function sliderBounds({ type, min = -Infinity, max = Infinity, usual }: InputInfo): Bounds | undefined {
  const [low, high] = usual ? [usual[0] - (usual[1] - usual[0]), usual[1] + (usual[1] - usual[0])] : [min, max];
  const [from, to] = [Math.max(low, min), Math.min(high, max)];
  if (!Number.isFinite(from) || !Number.isFinite(to) || !(to > from)) return undefined;
  const fine = 10 ** Math.floor(Math.log10((to - from) / 100));
  const step = type === "integer" ? Math.max(1, fine) : fine;
  const coarse = step * 10;
  return { min: Math.max(min, Math.floor(from / coarse) * coarse), max: Math.min(max, Math.ceil(to / coarse) * coarse), step };
}
