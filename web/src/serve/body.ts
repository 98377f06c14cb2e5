// Bodies: whole up to a limit, or in pieces as they arrive.

/** Most bytes of a body that are worked on at once. */
const PIECE = 1 << 16;

/** The body's bytes, or nothing where they are more than `most`; then no more than that is read. */
export async function wholeBody(request: Request, most: number): Promise<Uint8Array | undefined> {
  if (most === 0 || !request.body) return new Uint8Array();
  // A transport keeps a body to the length that it was told, and one over the limit has been refused.
  if (request.headers.has("content-length")) return new Uint8Array(await request.arrayBuffer());
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return joined(pieces, length);
    length += value.length;
    if (length > most) {
      await reader.cancel().catch(() => undefined);
      return undefined;
    }
    pieces.push(value);
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A body as pieces of bounded length; the next is read when it is asked for. */
export class Pieces {
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #rest = new Uint8Array();

  constructor(body: ReadableStream<Uint8Array> | null) {
    this.#reader = body?.getReader();
  }

  /** The next piece, or nothing at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = (await this.#reader?.read()) ?? { done: true };
      if (done || !value) return undefined;
      this.#rest = value as Uint8Array<ArrayBuffer>;
    }
    const piece = this.#rest.subarray(0, PIECE);
    this.#rest = this.#rest.subarray(PIECE);
    return piece;
  }

  /** Lets go of what has not been read. */
  async cancel(): Promise<void> {
    this.#rest = new Uint8Array();
    await this.#reader?.cancel().catch(() => undefined);
  }
}
