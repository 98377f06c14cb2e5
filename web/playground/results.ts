// The answers of a file, kept side by side, and written as `skewless predict` writes them.

import { intervalOf, setOf } from "../src/conformal.js";
import type { BatchPrediction, ErrorData, ModelInfo } from "../src/public.js";
import { csvLine } from "./csv.js";
import { errorLine, json, numberText } from "./lines.js";
import { BATCH, type Batch } from "./rows.js";

/** A label of no row. */
const NO_LABEL = 0xffff_ffff;

/** The answer to a row. */
export interface Answer {
  readonly label?: string;
  /** The probability of the second of two labels, or one for each of several in their order; else the numbers. */
  readonly values: readonly number[];
  /** The scores before the link function. */
  readonly raw: readonly number[];
  /** Where the bundle promises a coverage; `null` where too few rows were there to promise anything. */
  readonly interval?: readonly [low: number, high: number] | null;
  /** The labels that hold the truth as often as promised. */
  readonly set?: readonly string[];
}

/** A row that was answered, or could not be. */
export type Answered = Answer | { readonly error: ErrorData };

/** All answers so far. */
export class Results {
  readonly errors = new Map<number, ErrorData>();
  readonly outcomes: (string | undefined)[] = [];
  #info: ModelInfo;
  #parts: { readonly from: number; readonly answer: BatchPrediction }[] = [];
  #rows = 0;

  constructor(info: ModelInfo) {
    this.#info = info;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Batches, each with the number of its first row. */
  get parts(): readonly { readonly from: number; readonly answer: BatchPrediction }[] {
    return this.#parts;
  }

  /** Adds a batch that was answered; what could not be read has no answer, whatever the empty row gave. */
  add({ unreadable, outcomes, rows }: Batch, answer: BatchPrediction): void {
    for (const error of answer.errors) this.#fail(error.toJSON());
    for (const error of unreadable) {
      this.#fail(error);
      const row = error.row ?? 0;
      blank(answer.values, row, rows);
      blank(answer.raw, row, rows);
      answer.labels[row] = NO_LABEL;
    }
    for (let row = 0; row < rows; row++) this.outcomes.push(outcomes?.[row]);
    this.#parts.push({ from: this.#rows, answer });
    this.#rows += rows;
  }

  #fail(error: ErrorData): void {
    const row = this.#rows + (error.row ?? 0);
    this.errors.set(row, { ...error, row });
  }

  /** The answer to a row. */
  row(number: number): Answered {
    const error = this.errors.get(number);
    if (error) return { error };
    const part = this.#parts[Math.floor(number / BATCH)];
    if (!part) return { values: [], raw: [] };
    const { values, raw, labels, quantiles, rows } = part.answer;
    const at = number - part.from;
    const of = (numbers: Float64Array) => [...numbers.subarray((at * numbers.length) / rows, ((at + 1) * numbers.length) / rows)];
    const answer = { values: of(values), raw: of(raw) };
    const label = this.#info.labels[labels[at] as number];
    const quantile = quantiles?.[at] ?? Infinity;
    return { ...answer, ...(label !== undefined && { label }), ...this.#promise(answer, quantile) };
  }

  #promise({ values, raw }: Answer, quantile: number): Pick<Answer, "interval" | "set"> {
    const { conformal, task, labels } = this.#info;
    const [value = NaN] = values;
    if (!conformal) return {};
    if (task === "regression") return { interval: intervalOf(conformal, { value, raw, quantile }) };
    return { set: setOf(conformal, task === "binary" ? [1 - value, value] : values, labels, quantile) };
  }

  /** All rows as JSON lines. */
  jsonLines(): Promise<Blob> {
    const { task, labels } = this.#info;
    const ordered = labels.map((_, at) => at).sort((a, b) => (utf8(labels[a]) < utf8(labels[b]) ? -1 : 1));
    // Members stand in the order of their names. Those of an object would not: names that are integers come first there.
    const members = ({ label, values, raw, interval, set }: Answer): (readonly [string, unknown])[] => {
      const promised = set === undefined ? [] : [["set", set] as const];
      switch (task) {
        case "binary":
          return [["label", label], ["probability", values[0]], ["raw", raw[0]], ...promised];
        case "multiclass":
          return [["label", label], ["probabilities", new Map(ordered.map((at) => [labels[at], values[at]]))], ["raw", raw], ...promised];
        case "regression":
          return [...(interval === undefined ? [] : [["interval", interval] as const]), ["raw", raw[0]], ["value", values[0]]];
        case "vector":
          return [["values", values]];
      }
    };
    return this.#file((row) => ("error" in row ? errorLine(row.error) : `${json(new Map(members(row)))}\n`), [], "application/jsonl");
  }

  /** All rows as CSV, in the columns of `skewless predict --to csv`. */
  csv(): Promise<Blob> {
    const { task, labels, conformal } = this.#info;
    const each = (name: string) => labels.map((label) => `${name}_${label}`);
    const heads = {
      binary: ["label", "probability", "raw"],
      multiclass: ["label", ...each("probability"), ...each("raw")],
      regression: ["value", "raw"],
      vector: task === "vector" ? Array.from({ length: this.#width() }, (_, at) => `value_${at}`) : [],
    }[task];
    if (conformal) heads.push(...(task === "regression" ? ["low", "high"] : each("in_set")));
    const cells = (row: Answered): string[] => {
      if ("error" in row) return [...heads.map(() => ""), row.error.code, row.error.message];
      const { label, values, raw, interval, set } = row;
      // Beside a regression's score stand those of its interval.
      const scores = { binary: raw, multiclass: raw, regression: raw.slice(0, 1), vector: [] }[task];
      const numbers = [...values, ...scores, ...(interval ?? [])].map(numberText);
      const none = interval === null ? ["", ""] : [];
      const truths = set ? labels.map((label) => String(set.includes(label))) : [];
      return [...(label === undefined ? [] : [label]), ...numbers, ...none, ...truths, "", ""];
    };
    return this.#file((row) => csvLine(cells(row)), [csvLine([...heads, "error", "message"])], "text/csv");
  }

  #width(): number {
    const { values, rows } = this.#parts[0]?.answer ?? { values: [], rows: 1 };
    return values.length / rows;
  }

  async #file(line: (row: Answered) => string, head: readonly string[], type: string): Promise<Blob> {
    const pieces = [...head];
    for (let from = 0; from < this.#rows; from += BATCH) {
      const rows = Array.from({ length: Math.min(BATCH, this.#rows - from) }, (_, at) => line(this.row(from + at)));
      pieces.push(rows.join(""));
      // The page has a turn between pieces.
      await new Promise((turn) => setTimeout(turn));
    }
    return new Blob(pieces, { type });
  }
}

function blank(numbers: Float64Array, row: number, rows: number): void {
  const width = numbers.length / rows;
  numbers.fill(NaN, row * width, (row + 1) * width);
}

/** A text whose order is that of the bytes of UTF-8. */
function utf8(text = ""): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
