// What `worker-client.test.mjs` runs in a page: each function gives what it found.

import { load } from "/package/index.js";
import { load as remoteLoad } from "/package/worker-client.js";
import { columnsOf, differences } from "/remote.mjs";

const BUNDLE = "/bundle.skw";

const records = async () => {
  const text = await (await fetch("/rows.jsonl")).text();
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
};

export async function everything() {
  const bytes = new Uint8Array(await (await fetch(BUNDLE)).arrayBuffer());
  return differences({ load, remoteLoad, bundle: BUNDLE, bytes, records: await records() });
}

/** The longest time for which the page could not answer, in milliseconds. */
async function longestWait(work) {
  let longest = 0;
  let last = performance.now();
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    port2.postMessage(0);
  };
  port2.postMessage(0);
  const result = await work();
  // The wait in which the result came counts too.
  await new Promise((done) => setTimeout(done, 20));
  port1.onmessage = null;
  port1.close();
  return { result, longest };
}

/**
 * The longest waits of the page, without a worker and with one. A busy machine makes any page wait: the least of some
 * attempts counts, because what the package itself does comes every time.
 */
export async function smooth() {
  const ROWS = 200_000;
  const ATTEMPTS = 4;
  const [here, there] = await Promise.all([load(BUNDLE), remoteLoad(BUNDLE, { transfer: true })]);
  const columns = columnsOf(await records(), here.info.inputs, ROWS);
  const least = async (work) => {
    const waits = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const given = structuredClone(columns);
      waits.push(await longestWait(() => work(given)));
    }
    return waits.reduce((least, wait) => (wait.longest < least.longest ? wait : least));
  };
  const blocked = await least(async (given) => here.predictBatch(given));
  const free = await least((given) => there.predictBatch(given));
  const same = ["raw", "values", "labels"].every((part) => {
    const [left, right] = [blocked.result[part], free.result[part]];
    return left.length === right.length && left.length === ROWS && left.every((number, at) => Object.is(number, right[at]));
  });
  return { here: blocked.longest, there: free.longest, same, rows: ROWS };
}

export async function restarted() {
  const alive = new Set();
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor(...given) {
      super(...given);
      alive.add(this);
    }
    terminate() {
      alive.delete(this);
      super.terminate();
    }
  };
  const workers = [alive.size];
  const [first, second] = await Promise.all([remoteLoad(BUNDLE), remoteLoad(BUNDLE)]);
  workers.push(alive.size);
  await first.close();
  await first.close();
  workers.push(alive.size);
  await second.close();
  workers.push(alive.size);
  const third = await remoteLoad(BUNDLE);
  workers.push(alive.size);
  await third.close();
  workers.push(alive.size);
  return { workers };
}

export async function given() {
  const worker = new Worker("/pages/own-worker.mjs", { type: "module" });
  const others = [];
  worker.addEventListener("message", ({ data }) => typeof data === "string" && others.push(data));
  const model = await remoteLoad(BUNDLE, { worker });
  const here = await load(BUNDLE);
  const { example } = here.info;
  const answered = (await model.predict(example)).raw === here.predict(example).raw;
  worker.postMessage("echo");
  await model.close();
  const again = await remoteLoad(BUNDLE, { worker });
  const alive = (await again.predict(example)).raw === here.predict(example).raw;
  return { answered, others, alive };
}

export async function missing() {
  const codes = [];
  const { Worker } = globalThis;
  // A host without workers, and a page that may not start one of another origin.
  for (const absent of [undefined, class { constructor() { throw new DOMException("of another origin", "SecurityError"); } }]) {
    globalThis.Worker = absent;
    await remoteLoad(BUNDLE).catch(({ name, code }) => codes.push(`${name} ${code}`));
  }
  globalThis.Worker = Worker;
  const broken = new Worker("/pages/none.mjs", { type: "module" });
  await remoteLoad(BUNDLE, { worker: broken }).catch(({ code }) => codes.push(code));
  const dying = new Worker("/pages/own-worker.mjs", { type: "module" });
  const model = await remoteLoad(BUNDLE, { worker: dying });
  dying.postMessage("die");
  await new Promise((done) => setTimeout(done, 200));
  await model.predict({}).catch(({ code }) => codes.push(code));
  return codes;
}

export async function none() {
  const thrown = (work) => work.then(() => "nothing", ({ name, kind, code, field }) => [name, kind, code, field].filter(Boolean).join(" "));
  const addresses = [];
  for (const address of ["http://", "http://a:1:2/"]) for (const open of [load, remoteLoad]) addresses.push(await thrown(open(address)));
  const workers = [];
  for (const worker of [{}, 5, { postMessage() {}, on() {} }]) workers.push(await thrown(remoteLoad(BUNDLE, { worker })));
  // The worker that all share has not suffered.
  const model = await remoteLoad(BUNDLE);
  return { addresses, workers, answers: "label" in (await model.predict(model.info.example)) };
}

export async function aborted() {
  const found = [];
  const staying = await remoteLoad(BUNDLE);
  for (const source of [BUNDLE, new Response(endless())]) {
    const controller = new AbortController();
    let steps = 0;
    const onProgress = () => {
      steps += 1;
      controller.abort("enough");
    };
    const error = await remoteLoad(source, { signal: controller.signal, onProgress }).catch((error) => error);
    await staying.validate({});
    found.push([error.code, error.cause, steps]);
  }
  return found;
}

function endless() {
  return new ReadableStream({ pull: (stream) => new Promise((done) => setTimeout(() => done(stream.enqueue(new Uint8Array(1000))), 5)) });
}

/** How often WebAssembly was compiled while it arrived, and when it had arrived. */
export async function compiled() {
  const counts = { compileStreaming: 0, compile: 0 };
  for (const name of Object.keys(counts)) {
    const original = WebAssembly[name];
    WebAssembly[name] = (...given) => {
      counts[name] += 1;
      return original(...given);
    };
  }
  const models = await Promise.all([load(BUNDLE), load(BUNDLE)]);
  return { ...counts, models: models.length };
}

/** What each load gives; what is not there can only come from the cache. */
export async function cached() {
  const { digest } = (await load(BUNDLE)).info;
  const options = { cache: true, expectDigest: digest };
  const outcome = (loaded) => loaded.then(({ info }) => info.digest === digest, ({ code }) => code);
  const first = await outcome(load("/none.skw", options));
  await load(await (await fetch(BUNDLE)).blob(), options);
  const handed = await outcome(load("/none.skw", options));
  await load(BUNDLE, options);
  const kept = await outcome(load("/none.skw", options));
  const inWorker = await outcome(remoteLoad("/none.skw", options));
  const foreign = await outcome(load("/none.skw", { ...options, expectDigest: "0".repeat(64) }));
  const notAsked = await outcome(load("/none.skw", { expectDigest: digest }));
  const cache = await caches.open("skewless");
  await cache.put(`https://skewless.invalid/${digest}`, new Response("damaged"));
  const damaged = await outcome(load("/none.skw", options));
  const again = await outcome(load(BUNDLE, options));
  const mended = await outcome(load("/none.skw", options));
  return { first, handed, kept, inWorker, foreign, notAsked, damaged, again, mended };
}
