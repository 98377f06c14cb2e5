// LiteRT.js on its WebAssembly accelerator (XNNPACK), in f32: it takes no int8 tensors.

/** Opens a work with the module `litert`; a file is made for one batch size. */
export async function open(work, { litert }) {
  const { columns, float_rows } = await work.json("work.json");
  const { shape } = await work.json("layers.json");
  const rows = new Float32Array(await work.rows(float_rows));
  const models = new Map();
  const modelFor = async (batch) => {
    const file = batch === 1 ? "float.tflite" : `float_${batch}.tflite`;
    if (!models.has(batch)) models.set(batch, await litert.loadAndCompile(await work.bytes(file), { accelerator: "wasm" }));
    return models.get(batch);
  };
  const run = async (model, block, batch) => {
    const tensor = new litert.Tensor(block, [batch, ...shape]);
    const [output] = await model.run(tensor);
    const numbers = output.toTypedArray();
    tensor.delete();
    output.delete();
    return numbers;
  };
  return {
    waits: true,
    expected: "float_expected.f64",
    rows: rows.length / columns,
    input: (from, count) => rows.slice(from * columns, (from + count) * columns),
    prepare: modelFor,
    call: (block) => run(models.get(block.length / columns), block, block.length / columns),
    // One row after the other, by the model for one row.
    answer: async (count) => {
      const model = await modelFor(1);
      const answers = [];
      for (let row = 0; row < count; row++) {
        answers.push(...(await run(model, rows.slice(row * columns, (row + 1) * columns), 1)));
      }
      return answers;
    },
  };
}
