// What if: the values that one input may take, the rest of the record staying as it is.

import type { InputInfo, Profile, RawRecord, RawValue } from "../src/public.js";
import { spread, ticks } from "./chart.js";
import { sliderBounds } from "./control.js";
import { figure } from "./words.js";

/** Points of a curve: enough that a step of a tree is seen where it stands. */
const POINTS = 121;
/** So many choices stand in a list; of more, those that the training data holds most of. */
const LISTED = 48;
const MINUTES = 24 * 60;
const DAY = 86_400_000;

/** A curve over numbers. */
export interface Line {
  readonly kind: "line";
  /** What is varied, for example "time of day". */
  readonly name: string;
  /** Where the curve is drawn, rising. */
  readonly at: readonly number[];
  /** The smallest move by keyboard. */
  readonly step: number;
  /** Round places for labels. */
  ticks(wished: number): number[];
  say(at: number): string;
  /** The raw value at a place of the axis. */
  value(at: number): RawValue;
  /** Where a raw value lies; none for one that is missing or no number. */
  place(value: RawValue): number | undefined;
  /** Between these the middle eight tenths of the training data lie. */
  readonly usual?: readonly [number, number];
}

/** Bars over named values. */
export interface Choices {
  readonly kind: "choices";
  readonly values: readonly (string | boolean)[];
  /** How many known values are not among them. */
  readonly left: number;
}

/** The values of an input that can be tried; none for text without a vocabulary, and for tensors. */
export function sweepOf(input: InputInfo, record: RawRecord, reference: Profile): Line | Choices | undefined {
  switch (input.type) {
    case "number":
    case "integer":
      return numbers(input);
    case "boolean":
      return { kind: "choices", values: [false, true], left: 0 };
    case "timestamp":
      return timeOfDay(record[input.name]);
    case "date":
      return days(input, reference);
    case "category":
    case "text":
      return choices(input, record[input.name], reference);
    case "tensor":
      return undefined;
  }
}

function numbers(input: InputInfo): Line | undefined {
  const bounds = sliderBounds(input);
  if (!bounds) return undefined;
  const { min, max, step } = bounds;
  const whole = input.type === "integer";
  const at = whole && max - min < POINTS ? spread(min, max, max - min + 1) : spread(min, max, POINTS);
  const round = (value: number) => Math.min(max, Math.max(min, Number((Math.round(value / step) * step).toPrecision(12))));
  return {
    kind: "line",
    name: "",
    at: whole ? [...new Set(at.map(Math.round))] : at,
    step,
    ticks: (wished) => ticks([min, max], wished),
    say: (value) => `${figure(value)}${input.unit ? ` ${input.unit}` : ""}`,
    value: round,
    place: (value) => (typeof value === "number" && Number.isFinite(value) ? value : undefined),
    ...(input.usual && { usual: input.usual }),
  };
}

/** The clock moves, the day stays. */
function timeOfDay(value: RawValue): Line | undefined {
  const [day, rest] = typeof value === "string" ? value.split("T") : [];
  if (!day || !rest) return undefined;
  const zone = /(Z|[+-]\d\d:?\d\d)$/.exec(rest)?.[0] ?? "";
  const clock = (at: number) => `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(Math.floor(at % 60)).padStart(2, "0")}`;
  return {
    kind: "line",
    name: "time of day",
    at: spread(0, MINUTES - 10, MINUTES / 10),
    step: 5,
    ticks: (wished) => (wished >= 8 ? [0, 180, 360, 540, 720, 900, 1080, 1260] : [0, 360, 720, 1080]),
    say: clock,
    value: (at) => `${day}T${clock(Math.round(at / 5) * 5)}${zone}`,
    place: (value) => {
      const [, hours, minutes] = /T(\d\d):(\d\d)/.exec(String(value)) ?? [];
      return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes);
    },
  };
}

/** The days that the training data spans. */
function days({ name }: InputInfo, reference: Profile): Line | undefined {
  const counts = reference.inputs.find((counted) => counted.name === name)?.counts;
  const edges = counts && "numbers" in counts ? counts.numbers.edges : [];
  const [from, to] = [edges[0] ?? 0, edges[edges.length - 1] ?? 0];
  if (!(to > from)) return undefined;
  const say = (at: number) => new Date(Math.round(at) * DAY).toISOString().slice(0, 10);
  return {
    kind: "line",
    name: "",
    at: [...new Set(spread(from, to, POINTS).map(Math.round))],
    step: 1,
    ticks: (wished) => spread(from, to, Math.max(2, Math.min(4, wished))),
    say,
    value: say,
    place: (value) => (typeof value === "string" ? Date.parse(value) / DAY : undefined),
  };
}

function choices({ name, vocabulary = [] }: InputInfo, present: RawValue, reference: Profile): Choices | undefined {
  if (vocabulary.length === 0) return undefined;
  const values = vocabulary.length <= LISTED ? [...vocabulary] : frequent(name, vocabulary, reference);
  if (typeof present === "string" && present !== "" && !values.includes(present)) values.unshift(present);
  return { kind: "choices", values, left: Math.max(0, vocabulary.length - values.length) };
}

function frequent(name: string, vocabulary: readonly string[], reference: Profile): string[] {
  const counts = reference.inputs.find((counted) => counted.name === name)?.counts;
  if (!counts || !("categories" in counts)) return vocabulary.slice(0, LISTED);
  const { values, counts: rows } = counts.categories;
  const order = values.map((_, at) => at).sort((a, b) => (rows[b] ?? 0) - (rows[a] ?? 0));
  return order.slice(0, LISTED).map((at) => values[at] as string).sort();
}
