// What a graph's answers are held against, in Node and in a page.

/** Inputs of the graph `tests/references/tract/lstm.onnx`, with the numbers of a row. */
const INPUTS = { x: 20, h: 6, c: 6 };

/** The greatest difference from the reference's scores, relative to the greater of 1 and the score. */
export function greatestDifference(model, text) {
  let greatest = 0;
  for (const line of text.split("\n").filter(Boolean)) {
    const { row, raw } = JSON.parse(line);
    const found = model.predict(record(row)).values;
    if (found.length !== raw.length) throw new Error(`${found.length} scores instead of ${raw.length}`);
    raw.forEach((score, at) => {
      const apart = Math.abs(found[at] - score) / Math.max(1, Math.abs(score));
      // A difference that is no number is a difference.
      if (!(apart <= greatest)) greatest = apart;
    });
  }
  return greatest;
}

function record(row) {
  let start = 0;
  return Object.fromEntries(
    Object.entries(INPUTS).map(([name, width]) => [name, row.slice(start, (start += width))]),
  );
}
