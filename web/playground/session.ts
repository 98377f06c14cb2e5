// What this page holds of a bundle: a model that answers, one that counts what it was asked, and one in a worker.

import { load } from "../src/index.js";
import { mergeProfiles } from "../src/merge.js";
import type { Model, ModelInfo, Profile, RawRecord } from "../src/public.js";
import { load as loadRemote, type WorkerModel } from "../src/worker-client.js";

/** One opened bundle. */
export class Session {
  /** Answers what the page itself wants to know: curves, timings, checks. Nothing of it is counted. */
  readonly model: Model;
  #asked: Model;
  #bytes: Uint8Array<ArrayBuffer>;
  #remote: Promise<WorkerModel> | undefined;
  #remoteProfile: Profile | undefined;
  #last = "";

  private constructor(model: Model, asked: Model, bytes: Uint8Array<ArrayBuffer>) {
    this.model = model;
    this.#asked = asked;
    this.#bytes = bytes;
  }

  /** Opens a bundle's bytes; they prove their golden rows once. */
  static async open(bytes: Uint8Array<ArrayBuffer>): Promise<Session> {
    const model = await load(bytes);
    return new Session(model, await load(bytes, { verify: false, profile: true }), bytes);
  }

  get info(): ModelInfo {
    return this.model.info;
  }

  /** Counts a record that somebody asked about, unless it is the one before. */
  count(record: RawRecord): void {
    const text = JSON.stringify(record);
    if (text === this.#last) return;
    this.#last = text;
    this.#asked.predict(record);
  }

  /** The model in a worker, for what takes long. It counts what it answers. */
  remote(): Promise<WorkerModel> {
    this.#remote ??= loadRemote(this.#bytes, { verify: false, profile: true, transfer: true });
    // A worker that could not start may be tried again.
    this.#remote.catch(() => (this.#remote = undefined));
    return this.#remote;
  }

  /** Takes over what the worker has counted. */
  async countRemote(): Promise<void> {
    if (this.#remote) this.#remoteProfile = await (await this.#remote).profile();
  }

  /** What was asked so far, in the form and in files. */
  profile(): Profile {
    const asked = this.#asked.profile();
    return this.#remoteProfile ? mergeProfiles(asked, this.#remoteProfile) : asked;
  }

  close(): void {
    this.model.close();
    this.#asked.close();
    void this.#remote?.then((remote) => remote.close());
  }
}
