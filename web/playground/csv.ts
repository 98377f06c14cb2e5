// CSV by RFC 4180, read piece by piece: what `skewless predict` reads, this reads to the same cells.

/** Reads pieces of a text; a row comes out when its end has come in. */
export class CsvReader {
  #row: string[] = [];
  #cell = "";
  /** In quotes; or just past a quote that may be the first of two. */
  #state: "start" | "plain" | "quoted" | "quote" = "start";

  /** The rows that end within this piece. Empty lines are none. */
  push(text: string): string[][] {
    const rows: string[][] = [];
    for (let at = 0; at < text.length; at++) {
      const character = text[at] as string;
      if (this.#state === "quoted") {
        // Most of a cell is neither quote nor end: it is taken in one piece.
        const end = text.indexOf('"', at);
        this.#cell += text.slice(at, end < 0 ? undefined : end);
        if (end < 0) break;
        this.#state = "quote";
        at = end;
        continue;
      }
      if (character === '"' && this.#state !== "plain") {
        if (this.#state === "quote") this.#cell += '"';
        this.#state = "quoted";
      } else if (character === ",") {
        this.#endCell();
      } else if (character === "\n" || character === "\r") {
        this.#endRow(rows);
      } else {
        const end = plainEnd(text, at);
        this.#cell += text.slice(at, end);
        this.#state = "plain";
        at = end - 1;
      }
    }
    return rows;
  }

  /** The last row, where the text ends without a line end. */
  end(): string[][] {
    const rows: string[][] = [];
    this.#endRow(rows);
    return rows;
  }

  #endCell(): void {
    this.#row.push(this.#cell);
    this.#cell = "";
    this.#state = "start";
  }

  #endRow(rows: string[][]): void {
    if (this.#row.length === 0 && this.#cell === "" && this.#state === "start") return;
    this.#endCell();
    rows.push(this.#row);
    this.#row = [];
  }
}

/** Where the run of characters that mean themselves ends. */
function plainEnd(text: string, from: number): number {
  let end = from + 1;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 44 || code === 10 || code === 13) break;
  }
  return end;
}

/** A row of cells as a line: quoted where it must be. */
export function csvLine(cells: readonly string[]): string {
  const quoted = (cell: string) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return `${cells.map(quoted).join(",")}\n`;
}
