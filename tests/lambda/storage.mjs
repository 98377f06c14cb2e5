// S3 as moto has it: a server of Python's package, asked over HTTP without signatures.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** The folder with moto's programs, which `cargo xtask` makes. */
const programs = process.env.TESTED_MOTO;

export class Storage {
  #child;
  #url;

  static async start(port) {
    const storage = new Storage();
    storage.#url = `http://127.0.0.1:${port}`;
    storage.#child = spawn(join(programs, "moto_server"), ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    const until = Date.now() + 60_000;
    for (;;) {
      const answers = await fetch(`${storage.#url}/moto-api/`).then((answer) => answer.ok, () => false);
      if (answers) return storage;
      if (storage.#child.exitCode !== null || Date.now() > until) throw new Error("moto_server does not answer");
      await pause(100);
    }
  }

  /** What a function needs to find it. */
  get variables() {
    return {
      AWS_ENDPOINT: this.#url,
      AWS_ALLOW_HTTP: "true",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_REGION: "us-east-1",
    };
  }

  async bucket(name) {
    await this.#ask("PUT", `/${name}`);
  }

  async removeBucket(name) {
    for (const key of await this.list(name)) await this.#ask("DELETE", `/${name}/${key}`);
    await this.#ask("DELETE", `/${name}`);
  }

  async put(place, body) {
    await this.#ask("PUT", `/${place}`, body);
  }

  async get(place) {
    const answer = await this.#ask("GET", `/${place}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  /** The keys of a bucket. */
  async list(bucket) {
    const answer = await this.#ask("GET", `/${bucket}?list-type=2`);
    const text = await answer.text();
    return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key);
  }

  stop() {
    this.#child.kill();
  }

  async #ask(method, path, body) {
    const answer = await fetch(this.#url + path.split("/").map((part, place) => (place === 0 ? part : part.replaceAll(" ", "%20"))).join("/"), {
      method,
      body,
      headers: { authorization: "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0" },
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
}
