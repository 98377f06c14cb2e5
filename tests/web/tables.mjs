// A CSV of the example's records in which some rows are wrong, each in a way of its own, with the outcome beside.

import { writeFile } from "node:fs/promises";

/** Writes it; every input's column is there, and one that no input takes. */
export async function writeTable(path, records, { target, labels }) {
  const names = Object.keys(records[0]);
  const quoted = (value) => (value === null || value === undefined ? "" : /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const number = names.findIndex((name) => typeof records[0][name] === "number");
  const text = names.findIndex((name) => typeof records[0][name] === "string");
  const lines = records.map((record, row) => {
    const cells = names.map((name) => record[name]);
    if (row % 50 === 3) cells[number] = "far";
    if (row % 97 === 5) cells[number] = 1e300;
    if (row % 120 === 7) cells[text] = null;
    if (row === 40) cells.pop();
    return [...cells, labels[row % 3 === 0 ? 1 : 0], 'a "quoted", note\nover two lines'].map(quoted).join(",");
  });
  await writeFile(path, `\ufeff${[...names, target, "note"].join(",")}\r\n${lines.join("\r\n")}\r\n`);
}
