// One work's files, read from a folder or fetched by a page.

/** The folder of each work that has no folder of its own. */
const FOLDERS = { "record-to-prediction": "gbdt-200x31", "first-answer": "gbdt-200x31" };

/** Reads the files of a work through `bytes`, which gives the content of a path. */
export class Work {
  #bytes;

  constructor(name, bytes) {
    this.name = name;
    this.folder = FOLDERS[name] ?? name;
    this.#bytes = bytes;
  }

  /** Whether raw records go in, and not feature rows. */
  get fromRecords() {
    return this.name === "record-to-prediction";
  }

  bytes(file) {
    return this.#bytes(`${this.folder}/${file}`);
  }

  async text(file) {
    return new TextDecoder().decode(await this.bytes(file));
  }

  async json(file) {
    return JSON.parse(await this.text(file));
  }

  async lines(file) {
    return (await this.text(file)).trim().split("\n").map((line) => JSON.parse(line));
  }

  /** The feature rows, row-major. */
  async rows(file = "rows.f64") {
    const bytes = await this.bytes(file);
    return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  /** The inputs as the int8 model takes them. */
  async quantised() {
    const bytes = await this.bytes("x.i8");
    return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
