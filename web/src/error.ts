// The one error class: what Rust reports as data, thrown as a real `Error`.

import type { ErrorData, Kind } from "./wasm/skewless.js";

/** What went wrong. `code` is public API and the same on every door. */
export class SkewlessError extends Error {
  /** The stable code, for example `input.missing_field`. */
  readonly code: string;
  /** Whose fault it is. */
  readonly kind: Kind;
  /** The input field, feature or bundle part. */
  readonly field: string | undefined;
  /** The offending value as text, shortened. */
  readonly value: string | undefined;
  /** The row of the batch, counted from 0. */
  readonly row: number | undefined;

  constructor(data: ErrorData, options?: ErrorOptions) {
    super(data.message, options);
    this.code = data.code;
    this.kind = data.kind;
    this.field = data.field;
    this.value = data.value;
    this.row = data.row;
  }

  /** The error as plain data, for logs and for answers over HTTP. */
  toJSON(): ErrorData {
    const { kind, code, message, field, value, row } = this;
    return {
      kind,
      code,
      message,
      ...(field !== undefined && { field }),
      ...(value !== undefined && { value }),
      ...(row !== undefined && { row }),
    };
  }
}

// On the prototype, as the built-in errors have it: minifiers rename classes, logs should not notice.
Object.defineProperty(SkewlessError.prototype, "name", { value: "SkewlessError", configurable: true, writable: true });

/** True for the data of an error, as WebAssembly throws it. */
export function isErrorData(thrown: unknown): thrown is ErrorData {
  return typeof thrown === "object" && thrown !== null && !(thrown instanceof Error) && "code" in thrown && "kind" in thrown;
}
