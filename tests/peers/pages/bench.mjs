// An engine in a page: `bench(request)` answers what the runner in Node is asked.

import { answer, time } from "../timing.mjs";
import { Work } from "../work.mjs";

const bytes = async (path) => {
  const response = await fetch(`/works/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

const openers = {
  async skewless() {
    const [{ open }, { load }] = await Promise.all([import("../engines/skewless.mjs"), import("/package/index.js")]);
    return (work) => open(work, { load });
  },
  async litertjs() {
    const [{ open }, litert] = await Promise.all([import("../engines/litertjs.mjs"), import("/modules/@litertjs/core/dist/index.js")]);
    await litert.loadLiteRt("/modules/@litertjs/core/wasm/");
    return (work) => open(work, { litert });
  },
};

const opened = new Map();
const opener = openers[new URLSearchParams(location.search).get("engine")]();

globalThis.bench = async ({ do: task, work, rows, batch, seconds }) => {
  const open = await opener;
  if (!opened.has(work)) opened.set(work, await open(new Work(work, bytes)));
  const engine = opened.get(work);
  if (task === "time") return { us_per_row: await time(engine, batch, seconds) };
  return { answer: await answer(engine, rows), expected: engine.expected ?? "expected.f64" };
};
document.getElementById("state").textContent = "ready";
