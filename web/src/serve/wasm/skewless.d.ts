/* tslint:disable */
/* eslint-disable */
/**
 * The answer to a request.
 */
export interface Reply {
    /**
     * The status code.
     */
    status: number;
    /**
     * Names and values.
     */
    headers: [string, string][];
    /**
     * The body; empty for none.
     */
    body: Uint8Array<ArrayBuffer>;
}

/**
 * What a `SkewlessError` carries.
 */
export interface ErrorData {
    /**
     * Whose fault it is.
     */
    kind: Kind;
    /**
     * The stable code, for example `input.missing_field`.
     */
    code: string;
    /**
     * A sentence for people.
     */
    message: string;
    /**
     * The input field, feature or bundle part.
     */
    field?: string;
    /**
     * The offending value as text, shortened.
     */
    value?: string;
    /**
     * The row of the batch, counted from 0.
     */
    row?: number;
}

/**
 * Whose fault an error is.
 */
export type Kind = "invalid_input" | "invalid_spec" | "invalid_bundle" | "unsupported" | "misuse" | "internal";


/**
 * A verified bundle that answers requests.
 */
export class Service {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Reads the bytes of a bundle, which must answer its own golden rows to the bit.
     *
     * # Errors
     * `bundle.*` and `unsupported.*`, thrown as `ErrorData`.
     */
    constructor(bundle: Uint8Array | number[]);
    /**
     * Answers a request; `headers` holds names and values in turn. Refusals are answers too.
     */
    respond(method: string, path: string, headers: string[], body: Uint8Array | number[]): Reply;
}

export function __wbg_reset_state(): void;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_service_free: (a: number, b: number) => void;
    readonly service_new: (a: number, b: number) => [number, number, number];
    readonly service_respond: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => any;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __externref_drop_slice: (a: number, b: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
