// Classes of the host as a project knows them. Not every project has DOM's types, or Node's: a name of theirs in a
// declaration would keep such a project from compiling. Where the project has the class, these are it.

/** The instances of a global class, where the project's types have one of that name; otherwise what is needed of them. */
export type Known<Name extends string, Otherwise> = typeof globalThis extends { readonly [name in Name]: { readonly prototype: infer Instance } } ? Instance : Otherwise;

/** `AbortSignal`. */
export type HostAbortSignal = Known<"AbortSignal", { readonly aborted: boolean; addEventListener(type: "abort", listener: () => void): void }>;

/** `Blob`. */
export type HostBlob = Known<"Blob", { readonly size: number; arrayBuffer(): Promise<ArrayBuffer> }>;

/** `URL`. */
export type HostURL = Known<"URL", { readonly href: string }>;

/** What `Request` and `Response` have in common. */
export interface HostMessage {
  readonly headers: { get(name: string): string | null };
  readonly body: unknown;
  arrayBuffer(): Promise<ArrayBuffer>;
  text(): Promise<string>;
}

/** `Request`. */
export type HostRequest = Known<"Request", HostMessage & { readonly method: string; readonly url: string }>;

/** `Response`. */
export type HostResponse = Known<"Response", HostMessage & { readonly ok: boolean; readonly status: number }>;

/** `Worker`, of the web or of Node's `worker_threads`. */
export interface HostWorker {
  postMessage(message: unknown, transfer: never): void;
  terminate(): unknown;
}
