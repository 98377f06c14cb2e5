// TensorFlow.js on its WebAssembly backend: the network's layers in f32, each one of its fused kernels.

/** Opens a work with the module `tf` of the core; the backend is set. */
export async function open(work, { tf }) {
  const graph = await work.json("layers.json");
  const weights = await work.bytes("weights.f32");
  const data = new Float32Array(weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength));
  const constants = {};
  for (const [place, { shape, from, count }] of Object.entries(graph.constants)) {
    constants[place] = tf.tensor(data.subarray(from, from + count), shape);
  }
  const layers = graph.layers.map((layer) => prepared(tf, layer, constants));
  const { columns, float_rows } = await work.json("work.json");
  const rows = new Float32Array(await work.rows(float_rows));
  const call = (block) => {
    const output = tf.tidy(() => {
      const values = { [graph.input]: tf.tensor(block, [block.length / columns, ...graph.shape]) };
      for (const { from, to, run } of layers) values[to] = run(...from.map((place) => values[place]));
      return values[graph.output];
    });
    const numbers = output.dataSync();
    output.dispose();
    return numbers;
  };
  return {
    expected: "float_expected.f64",
    rows: rows.length / columns,
    input: (from, count) => rows.slice(from * columns, (from + count) * columns),
    call,
    numbers: (values) => values,
  };
}

/** A layer with its constants in the order that TensorFlow.js wants, which TensorFlow Lite has otherwise. */
function prepared(tf, { op, inputs, output, activation, strides, padding: pad, window, shape }, constants) {
  const [x, w, b] = inputs;
  const bias = constants[b];
  const from = inputs.filter((place) => !(place in constants));
  const layer = (run, places = [x]) => ({ from: places, to: output, run });
  const fused = activation ?? "linear";
  switch (op) {
    case "CONV_2D": {
      const filter = tf.transpose(constants[w], [1, 2, 3, 0]);
      return layer((x) => tf.fused.conv2d({ x, filter, strides, pad, bias, activation: fused }));
    }
    case "DEPTHWISE_CONV_2D": {
      const [, height, width, channels] = constants[w].shape;
      const filter = tf.reshape(constants[w], [height, width, channels, 1]);
      return layer((x) => tf.fused.depthwiseConv2d({ x, filter, strides, pad, bias, activation: fused }));
    }
    case "FULLY_CONNECTED": {
      const matrix = tf.transpose(constants[w]);
      return layer((x) => tf.fused.matMul({ a: tf.reshape(x, [-1, matrix.shape[0]]), b: matrix, bias, activation: fused }));
    }
    case "AVERAGE_POOL_2D":
      return layer((x) => tf.avgPool(x, window, strides, pad));
    case "ADD":
      return layer((a, b) => (activation === "relu" ? tf.relu(tf.add(a, b)) : tf.add(a, b)), from);
    case "RESHAPE":
      return layer((x) => tf.reshape(x, [-1, ...shape.slice(1)]));
    case "SOFTMAX":
      return layer((x) => tf.softmax(x));
    default:
      throw new Error(`no layer ${op}`);
  }
}
