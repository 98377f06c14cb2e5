// The project's engine through the npm package: feature rows by `score`, raw records by `predict`.

/** Opens a work with the package's `load`; `tract` takes the bundle whose engine that is. */
export async function open(work, { load, tract = false }) {
  const model = await load(await work.bytes(tract ? "tract.skw" : "bundle.skw"));
  if (work.fromRecords) return ofRecords(model, await work.lines("records.jsonl"));
  // tract's trees take no missing values, so that they have rows of their own.
  const own = tract && work.name === "gbdt-200x31" ? "tract_" : "";
  return ofRows(model, work, own);
}

function ofRecords(model, records) {
  return {
    rows: records.length,
    input: (from, count) => records.slice(from, from + count),
    call: (block) => (block.length === 1 ? model.predict(block[0]) : model.predictBatch(block)),
    numbers: ({ raw }) => (typeof raw === "number" ? [raw] : raw),
  };
}

async function ofRows(model, work, own) {
  const { columns } = await work.json("work.json");
  const rows = await work.rows(`${own}rows.f64`);
  return {
    expected: `${own}expected.f64`,
    rows: rows.length / columns,
    input: (from, count) => rows.subarray(from * columns, (from + count) * columns),
    call: (block) => model.score(block),
    numbers: (raw) => raw,
  };
}
