// The project's engine through the npm package: feature rows by `score`, raw records by `predict`.

/** Opens a work with the package's `load`. */
export async function open(work, { load }) {
  const model = await load(await work.bytes("bundle.skw"));
  return work.fromRecords ? ofRecords(model, await work.lines("records.jsonl")) : ofRows(model, work);
}

function ofRecords(model, records) {
  return {
    rows: records.length,
    input: (from, count) => records.slice(from, from + count),
    call: (block) => (block.length === 1 ? model.predict(block[0]) : model.predictBatch(block)),
    numbers: ({ raw }) => (typeof raw === "number" ? [raw] : raw),
  };
}

async function ofRows(model, work) {
  const { columns } = await work.json("work.json");
  const rows = await work.rows();
  return {
    rows: rows.length / columns,
    input: (from, count) => rows.subarray(from * columns, (from + count) * columns),
    call: (block) => model.score(block),
    numbers: (raw) => raw,
  };
}
