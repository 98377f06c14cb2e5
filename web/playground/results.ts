// The answers of a file, kept side by side, and written as `skewless predict` writes them.

import type { BatchPrediction, ErrorData, ModelInfo } from "../src/public.js";
import { csvLine } from "./csv.js";
import { BATCH, type Batch } from "./rows.js";

/** A label of no row. */
const NO_LABEL = 0xffff_ffff;

/** A row that was answered, or could not be. */
export type Answered = { readonly error: ErrorData } | { readonly [part: string]: unknown };

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

  /** The answer to a row, as JSON lines have it. */
  row(number: number): Answered {
    const error = this.errors.get(number);
    if (error) {
      const { kind: _, ...said } = error;
      return { error: said };
    }
    const part = this.#parts[Math.floor(number / BATCH)];
    if (!part) return {};
    const { values, raw, labels, rows } = part.answer;
    const at = number - part.from;
    const of = (numbers: Float64Array) => numbers.subarray((at * numbers.length) / rows, ((at + 1) * numbers.length) / rows);
    const [value, score] = [of(values), of(raw)];
    const label = this.#info.labels[labels[at] as number];
    switch (this.#info.task) {
      case "binary":
        return { label, probability: value[0], raw: score[0] };
      case "multiclass":
        return { label, probabilities: Object.fromEntries(this.#info.labels.map((name, at) => [name, value[at]])), raw: [...score] };
      case "regression":
        return { value: value[0], raw: score[0] };
      case "vector":
        return { values: [...value] };
    }
  }

  /** All rows as JSON lines. */
  jsonLines(): Promise<Blob> {
    return this.#file((row) => `${JSON.stringify(row)}\n`, [], "application/jsonl");
  }

  /** All rows as CSV, in the columns of `skewless predict --to csv`. */
  csv(): Promise<Blob> {
    const { task, labels } = this.#info;
    const values = task === "vector" ? Array.from({ length: this.#width() }, (_, at) => `value_${at}`) : [];
    const heads = {
      binary: ["label", "probability", "raw"],
      multiclass: ["label", ...labels.map((label) => `probability_${label}`), ...labels.map((label) => `raw_${label}`)],
      regression: ["value", "raw"],
      vector: values,
    }[task];
    const cells = (row: Answered): (string | number)[] => {
      if ("error" in row) {
        const { code, message } = row.error as ErrorData;
        return [...heads.map(() => ""), code, message];
      }
      const flat = Object.values(row).flatMap((part) => (typeof part === "object" && part !== null ? Object.values(part) : [part]));
      return [...(flat as (string | number)[]), "", ""];
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
