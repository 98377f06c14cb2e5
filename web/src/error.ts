// The one error class: what Rust reports as data, thrown as a real `Error`.

/** Whose fault an error is. */
export type Kind =
  /** The caller's data: a record, a column. */
  | "invalid_input"
  /** The author of a feature specification. */
  | "invalid_spec"
  /** The bundle's bytes are damaged, incomplete or contradict themselves. */
  | "invalid_bundle"
  /** Well-formed, but this build can't do it. */
  | "unsupported"
  /** The calling program broke the rules of the interface. */
  | "misuse"
  /** A fault of this library. */
  | "internal";

/** What a `SkewlessError` carries. */
export interface ErrorData {
  /** Whose fault it is. */
  readonly kind: Kind;
  /** The stable code, for example `input.missing_field`. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
  /** The input field, feature or bundle part. */
  readonly field?: string | undefined;
  /** The offending value as text, shortened. */
  readonly value?: string | undefined;
  /** The row of the batch, counted from 0. */
  readonly row?: number | undefined;
}

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

  /** The package's modules are built apart, and each has this class: an error of one is an error of the others. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && value.name === "SkewlessError";
  }

  /** The broken rule as a phrase that stands beside the field: `message` without the field's name. */
  get rule(): string {
    const about = `field \`${this.field}\` `;
    return this.message.startsWith(about) ? this.message.slice(about.length) : this.message;
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

/** An error as WebAssembly throws it. */
export type Thrown = readonly [Kind, string, string, string | undefined, string | undefined, number | undefined];

/** The data of what WebAssembly threw. */
export function asData([kind, code, message, field, value, row]: Thrown): ErrorData {
  return { kind, code, message, field, value, row };
}
