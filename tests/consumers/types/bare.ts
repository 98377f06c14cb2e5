// A program of a project whose types are neither DOM's nor Node's.

import { load, SkewlessError } from "skewless";
import { skewless } from "skewless/esbuild";
import { load as loadLarge } from "skewless/full";
import { load as loadNetwork } from "skewless/network";
import { mergeProfiles } from "skewless/profile";
import { createHandler, fromAddress } from "skewless/serve";
import { load as loadInWorker } from "skewless/worker-client";

const quiet = { aborted: false, addEventListener: (_type: "abort", _listener: () => void) => undefined };
const model = await load(new Uint8Array(), { signal: quiet, onProgress: ({ loaded }) => loaded.toFixed() });
export const answer = model.predict({ carrier: "UA" });
export const { worker } = { worker: { postMessage: (_message: unknown, _transfer: unknown[]) => undefined, terminate: () => undefined } };
export const remote = await loadInWorker("flights.skw", { worker });
export const merged = mergeProfiles(model.profile(), await remote.profile());
export const others = [loadLarge, loadNetwork, skewless, SkewlessError];

const handle = await createHandler(fromAddress("https://example.org/flights.skw"));
const headers = { get: (_name: string) => null };
const request = { method: "GET", url: "https://example.org/v2", headers, body: null, arrayBuffer: async () => new ArrayBuffer(0), text: async () => "" };
export const status: number = (await handle(request)).status;

// @ts-expect-error: a signal that can't be listened to
await load("flights.skw", { signal: { aborted: false } });
// @ts-expect-error: no source
await load(42);
