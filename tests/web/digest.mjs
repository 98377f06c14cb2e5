// The digest over predictions, computed from the numbers JavaScript received. The layout is that of `PredictionDigest`
// in skewless-core. This file runs in Node and in pages.

const FAILED = 0xffff_fffe;

/** Collects predictions in the order of the rows. */
export class PredictionDigest {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  rows = 0;

  /** An answer as `predict` and the HTTP protocol give it, with the model's labels. */
  answer(prediction, labels) {
    const label = "label" in prediction ? labels.indexOf(prediction.label) : 0xffff_ffff;
    const values =
      "probabilities" in prediction
        ? labels.map((name) => prediction.probabilities[name])
        : [prediction.values ?? prediction.probability ?? prediction.value].flat();
    // A vector's raw scores are its values and stand once.
    const raw = [prediction.raw ?? values].flat();
    this.#row(raw, values, label);
  }

  /** A row that failed with the error `code`. */
  failure(code) {
    this.rows += 1;
    this.#u32(FAILED);
    for (const byte of new TextEncoder().encode(code)) this.#u8(byte);
    this.#u8(0);
  }

  /** The answers of `predictBatch`. */
  batch({ rows, raw, values, labels, errors }) {
    const codes = new Map(errors.map((error) => [error.row, error.code]));
    const width = { raw: raw.length / rows, values: values.length / rows };
    for (let row = 0; row < rows; row++) {
      const code = codes.get(row);
      if (code !== undefined) this.failure(code);
      else {
        const part = (array, size) => array.subarray(row * size, (row + 1) * size);
        this.#row(part(raw, width.raw), part(values, width.values), labels[row]);
      }
    }
  }

  /** SHA-256 in hexadecimal. */
  async finish() {
    const hash = await crypto.subtle.digest("SHA-256", this.#bytes.subarray(0, this.#length));
    return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  #row(raw, values, label) {
    this.rows += 1;
    for (const number of raw) this.#f64(number);
    for (const number of values) this.#f64(number);
    this.#u32(label);
  }

  #f64(number) {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, number, true);
    this.#length += 8;
  }

  #u32(number) {
    this.#reserve(4);
    this.#view.setUint32(this.#length, number, true);
    this.#length += 4;
  }

  #u8(number) {
    this.#reserve(1);
    this.#view.setUint8(this.#length, number);
    this.#length += 1;
  }

  #reserve(more) {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** The digest over single predictions; a record that fails is a failed row. */
export async function digestSingles(model, records) {
  const digest = new PredictionDigest();
  const { labels } = model.info;
  for (const record of records) {
    try {
      digest.answer(model.predict(record), labels);
    } catch (error) {
      digest.failure(error.code);
    }
  }
  return digest.finish();
}

/** The digest over one batch of columns made of the records. */
export async function digestColumns(model, records) {
  const columns = {};
  for (const { name } of model.info.inputs) columns[name] = records.map((record) => record[name]);
  const digest = new PredictionDigest();
  digest.batch(model.predictBatch(columns));
  return digest.finish();
}
