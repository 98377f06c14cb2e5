// Time and answers of one opened engine. An engine has `rows`, how many there are; `input(from, count)`, the rows as its
// user holds them; `call(input)`, the call that is timed; `numbers(output)`, the answer in the units of the expected one. It may have `prepare(batch)`, called before calls of a batch size, and
// `answer(count)`, where the answers are not those of one call.

/** The answers for the first `count` rows. */
export async function answer(engine, count) {
  const rows = Math.min(count, engine.rows);
  if (engine.answer) return engine.answer(rows);
  return Array.from(await engine.numbers(await engine.call(engine.input(0, rows))));
}

/** Microseconds a row, over calls with other rows each time. */
export async function time(engine, batch, seconds) {
  await engine.prepare?.(batch);
  const blocks = [];
  for (let from = 0; from + batch <= engine.rows; from += batch) blocks.push(engine.input(from, batch));
  if (blocks.length === 0) throw new Error(`${engine.rows} rows are no batch of ${batch}`);
  const run = engine.waits ? waiting : at_once;
  const { calls, elapsed } = await run(engine, blocks, seconds * 1000);
  return (elapsed * 1000) / (calls * batch);
}

async function waiting(engine, blocks, milliseconds) {
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    await engine.call(blocks[calls % blocks.length]);
    calls += 1;
    elapsed = performance.now() - start;
  }
  return { calls, elapsed };
}

// Without a promise a call, for engines whose calls return their answers; the clock is read every few calls, because it
// costs as much as a small model.
function at_once(engine, blocks, milliseconds) {
  const start = performance.now();
  let calls = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    for (let i = 0; i < 8; i++) engine.call(blocks[(calls + i) % blocks.length]);
    calls += 8;
    elapsed = performance.now() - start;
  }
  return { calls, elapsed };
}
