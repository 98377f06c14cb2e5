// What `skewless/worker-client` must give, in Node and in a page: the answers of the package on the main thread.

/** Columns of the records' fields, as a program has them that reads a table: typed arrays, and strings by dictionary. */
export function columnsOf(records, inputs, rows = records.length) {
  const value = (row, name) => records[row % records.length][name] ?? null;
  return Object.fromEntries(
    inputs.map(({ name, type }) => {
      const values = Array.from({ length: rows }, (_, row) => value(row, name));
      if (type === "number") return [name, Float64Array.from(values, (number) => number ?? NaN)];
      const dictionary = [...new Set(values.filter((entry) => entry !== null))];
      const codes = new Map(dictionary.map((entry, code) => [entry, code]));
      return [name, { dictionary, codes: Int32Array.from(values, (entry) => codes.get(entry) ?? -1) }];
    }),
  );
}

/** What an error says, to be compared. */
const told = (error) => [error instanceof Error, error.name, error.code, error.kind, error.field, error.value, error.row, error.rule, error.message];

async function thrown(work) {
  try {
    await work();
    return "nothing";
  } catch (error) {
    return told(error);
  }
}

/** Compares the two, and gives what differs by name; nothing where all is as it should be. */
export async function differences({ load, remoteLoad, bundle, bytes, records }) {
  const wrong = [];
  const check = (name, found, expected) => {
    const [left, right] = [found, expected].map((value) => JSON.stringify(value, bits));
    if (left !== right) wrong.push(`${name}: ${left?.slice(0, 300)} instead of ${right?.slice(0, 300)}`);
  };
  const here = await load(bundle);
  const steps = [];
  const there = await remoteLoad(bundle, { onProgress: (step) => steps.push(step) });
  const { inputs, example, columns: features } = here.info;
  const number = inputs.find(({ type }) => type === "number").name;

  check("info", there.info, here.info);
  check("progress", steps.at(-1)?.loaded, here.info.size);
  check("predict", await there.predict(example), here.predict(example));
  check("explain", await there.explain(example), here.explain(example));
  const counting = { profile: true };
  const [countsHere, countsThere] = [await load(bundle, counting), await remoteLoad(bundle, counting)];
  countsHere.predictBatch(records);
  await countsThere.predictBatch(records);
  check("profile", await countsThere.profile(), countsHere.profile());
  check("rows of the profile", countsHere.profile().rows, records.length);
  await countsThere.close();
  check("score", await there.score(new Float64Array(2 * features.length)), here.score(new Float64Array(2 * features.length)));

  const bad = { ...example, [number]: "x", [inputs[0].name]: undefined };
  const faults = await there.validate(bad);
  check("validate", faults.map(told), here.validate(bad).map(told));
  check("two faults", faults.length, 2);
  check("validate of what is right", await there.validate(example), []);
  check("an error", await thrown(() => there.predict(bad)), await thrown(() => here.predict(bad)));

  const columns = columnsOf(records, inputs);
  columns[number][3] = Infinity;
  const batch = await there.predictBatch(columns);
  const expected = here.predictBatch(columns);
  check("columns", batch, expected);
  check("a failed row", batch.errors.map(told), expected.errors.map(told));
  check("one failed row", batch.errors.map(({ row }) => row), [3]);
  check("records", await there.predictBatch(records), here.predictBatch(records));
  check("what was given is still there", columns[number].length, records.length);
  check("ragged columns", await thrown(() => there.predictBatch({ ...columns, [number]: [] })), await thrown(() => here.predictBatch({ ...columns, [number]: [] })));

  // Several models in one worker; the one that hands its columns over leaves nothing of them.
  const greedy = await remoteLoad(bundle, { transfer: true });
  check("a second model", await greedy.predictBatch(columns), expected);
  check("what was handed over", columns[number].length, 0);
  await greedy.close();
  check("closed", (await thrown(() => greedy.predict(example)))[2], "misuse.closed");
  check("the first is open", await there.predict(example), here.predict(example));

  check("what can't travel", (await thrown(() => there.predict({ ...example, [number]: () => 1 })))[2], "misuse.not_cloneable");
  const pinned = { expectDigest: "0".repeat(64) };
  check("another digest", await thrown(() => remoteLoad(bundle, pinned)), await thrown(() => load(bundle, pinned)));
  check("no bundle", (await thrown(() => remoteLoad(new Uint8Array(8))))[2], "bundle.not_a_bundle");
  check("no source", (await thrown(() => remoteLoad(42)))[2], "misuse.source");
  const { signal } = new AbortController();
  check("a signal that stays quiet", (await remoteLoad(bundle, { signal })).info.digest, here.info.digest);
  const reason = { why: () => "a reason that can't travel" };
  const aborted = await remoteLoad(bundle, { signal: AbortSignal.abort(reason) }).catch((error) => error);
  check("an aborted signal", [aborted.code, aborted.cause === reason], ["input.aborted", true]);

  for (const [name, source] of Object.entries({ bytes, Blob: new Blob([bytes]), Response: new Response(bytes), buffer: bytes.slice().buffer })) {
    const seen = [];
    const model = await remoteLoad(source, { onProgress: ({ loaded }) => seen.push(loaded) });
    check(name, await model.predict(example), here.predict(example));
    check(`progress of ${name}`, seen.at(-1), bytes.length);
    await model.close();
  }
  check("bytes that were given", bytes.length, here.info.size);
  return wrong;
}

/** Numbers to the bit: JSON alone takes -0 for 0, and NaN for null. */
function bits(_, value) {
  if (ArrayBuffer.isView(value)) return { type: value.constructor.name, values: [...value].map((number) => bits("", number)) };
  return typeof value === "number" && (Object.is(value, -0) || !Number.isFinite(value)) ? `number ${Object.is(value, -0) ? "-0" : value}` : value;
}
