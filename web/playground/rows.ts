// The rows of a dropped file, as batches that a model answers: CSV as columns, JSON lines as records.

import { type ErrorData, type InputInfo, type RawColumn, type RawColumns, type RawRecord, SkewlessError } from "../src/public.js";
import { CsvReader } from "./csv.js";

/** Rows of every batch but the last: large enough that the way to the worker costs little, small enough that the page shows progress. */
export const BATCH = 4096;

/** Bytes that are read at once, for some milliseconds of work. */
const PIECE = 1 << 18;

/** Rows to answer, and those of them that could not be read. */
export interface Batch {
  readonly batch: RawColumns | readonly RawRecord[];
  readonly rows: number;
  /** Rows of this batch that are no rows, with the number within it. */
  readonly unreadable: readonly ErrorData[];
  /** What the file says of the outcome, a text a row, where it has that column. */
  readonly outcomes: readonly (string | undefined)[] | undefined;
  /** Bytes of the file that have been read. */
  readonly read: number;
}

/** What the reader must know of the model. */
export interface Wanted {
  readonly inputs: readonly InputInfo[];
  /** The column that holds the outcome, if somebody has recorded it. */
  readonly target: string;
}

/** True for a file of JSON lines, by its name or its first character. */
async function isJson(file: Blob & { readonly name?: string }): Promise<boolean> {
  if (/\.(jsonl|ndjson|json)$/i.test(file.name ?? "")) return true;
  if (/\.(csv|txt)$/i.test(file.name ?? "")) return false;
  return (await file.slice(0, 64).text()).trimStart().startsWith("{");
}

/**
 * Reads a file in batches.
 * @throws {SkewlessError} `table.*` for a file that is no table.
 */
export async function* batches(file: Blob & { readonly name?: string }, wanted: Wanted): AsyncGenerator<Batch> {
  const cut = (await isJson(file)) ? new Lines(wanted) : new Cells(wanted);
  // Bytes that are no text become U+FFFD, as a browser shows them.
  const decoder = new TextDecoder();
  for (let read = 0, last = false; !last; ) {
    const bytes = await file.slice(read, read + PIECE).arrayBuffer();
    read += bytes.byteLength;
    last = read >= file.size || bytes.byteLength === 0;
    cut.push(decoder.decode(bytes, { stream: !last }), last);
    while (cut.waiting >= BATCH || (last && cut.waiting > 0)) yield { ...cut.take(BATCH), read };
  }
}

interface Cut {
  /** Rows that have been read and not taken. */
  readonly waiting: number;
  push(text: string, last: boolean): void;
  take(most: number): Omit<Batch, "read">;
}

class Lines implements Cut {
  #wanted: Wanted;
  #rest = "";
  #lines: string[] = [];

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  get waiting(): number {
    return this.#lines.length;
  }

  push(text: string, last: boolean): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = last ? "" : (lines.pop() as string);
    for (const line of lines) if (line.trim()) this.#lines.push(line);
  }

  take(most: number): Omit<Batch, "read"> {
    const unreadable: ErrorData[] = [];
    const records = this.#lines.splice(0, most).map((line, row): RawRecord => {
      try {
        return JSON.parse(line) as RawRecord;
      } catch (error) {
        unreadable.push({ kind: "invalid_input", code: "input.invalid_json", message: `not valid JSON: ${(error as Error).message}`, row });
        return {};
      }
    });
    const { target } = this.#wanted;
    const said = records.map((record) => asText(record?.[target]));
    const outcomes = said.some((outcome) => outcome !== undefined) ? said : undefined;
    return { batch: records, rows: records.length, unreadable, outcomes };
  }
}

function asText(value: unknown): string | undefined {
  return value === null || value === undefined || value === "" ? undefined : String(value);
}

class Cells implements Cut {
  #wanted: Wanted;
  #csv = new CsvReader();
  #header: readonly string[] | undefined;
  #rows: string[][] = [];

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  get waiting(): number {
    return this.#rows.length;
  }

  push(text: string, last: boolean): void {
    for (const row of [...this.#csv.push(text), ...(last ? this.#csv.end() : [])]) {
      if (this.#header) this.#rows.push(row);
      else this.#header = named(row);
    }
    if (last && !this.#header) throw fault("table.no_header", "the file is empty: a CSV begins with its column names");
  }

  take(most: number): Omit<Batch, "read"> {
    const header = this.#header ?? [];
    const rows = this.#rows.splice(0, most);
    const unreadable: ErrorData[] = [];
    rows.forEach((cells, row) => {
      if (cells.length === header.length) return;
      const message = `the row has ${cells.length} cells where the header has ${header.length}`;
      unreadable.push({ kind: "invalid_input", code: "table.ragged_row", message, row });
      cells.length = 0;
    });
    const columns: { [input: string]: RawColumn } = {};
    for (const input of this.#wanted.inputs) {
      const at = header.indexOf(input.name);
      if (at >= 0) columns[input.name] = columnOf(input, rows.map((cells) => cells[at] ?? ""));
    }
    // What no input takes is named without its values, so that a model that refuses unknown fields does.
    for (const name of header) columns[name] ??= new Float64Array(rows.length).fill(NaN);
    const target = header.indexOf(this.#wanted.target);
    const outcomes = target < 0 ? undefined : rows.map((cells) => cells[target] || undefined);
    return { batch: columns, rows: rows.length, unreadable, outcomes };
  }
}

function named(row: readonly string[]): readonly string[] {
  const twice = row.find((name, at) => row.indexOf(name) !== at);
  if (twice !== undefined) throw fault("table.duplicate_column", `the column \`${twice}\` stands there twice`);
  return row;
}

/** A column of typed values; a cell that is none stays text, which the model refuses with its field. */
function columnOf(input: InputInfo, cells: readonly string[]): RawColumn {
  if (input.type === "tensor") throw fault("table.unsupported_type", `field \`${input.name}\` is a tensor, which CSV cannot hold; JSON lines can`);
  if (input.type === "boolean") return cells.map((cell) => (cell === "" ? null : (truth(cell) ?? cell)));
  if (input.type !== "number" && input.type !== "integer") return cells.map((cell) => (cell === "" ? null : cell));
  const tokens = input.missing?.filter((token) => typeof token === "string") ?? [];
  const values = cells.map((cell) => (cell === "" || tokens.includes(cell) ? NaN : (numberOf(cell) ?? cell)));
  return values.every((value) => typeof value === "number") ? Float64Array.from(values as number[]) : values;
}

function truth(cell: string): boolean | undefined {
  const lower = cell.toLowerCase();
  return lower === "true" ? true : lower === "false" ? false : undefined;
}

/** A decimal number in full; `0x10` and ` 1` are none. */
function numberOf(cell: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell)) return Number(cell);
  if (/^[+-]?(inf|infinity)$/i.test(cell)) return cell.startsWith("-") ? -Infinity : Infinity;
  return /^[+-]?nan$/i.test(cell) ? NaN : undefined;
}

function fault(code: string, message: string): SkewlessError {
  return new SkewlessError({ kind: "invalid_input", code, message });
}
