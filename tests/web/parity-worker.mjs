// Sends every row to the Worker on workerd, in batches over HTTP, and prints the digest of what came back.

import { load } from "../../web/dist/node.js";
import { PredictionDigest } from "./digest.mjs";
import { paths, readRows, report } from "./harness.mjs";
import { startWorker } from "./worker.mjs";

const BATCH = 2000;

const { bundle, rows } = paths();
const { labels } = (await load(bundle, { verify: false })).info;
const records = await readRows(rows);
const digest = new PredictionDigest();
const worker = await startWorker(bundle);
try {
  for (let start = 0; start < records.length; start += BATCH) {
    const answer = await fetch(`${worker.url}/invocations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ dataframe_records: records.slice(start, start + BATCH) }),
    });
    if (!answer.ok) throw new Error(`the worker answers ${answer.status}: ${await answer.text()}`);
    for (const prediction of (await answer.json()).predictions) {
      if (prediction.error) digest.failure(prediction.error.code);
      else digest.answer(prediction, labels);
    }
  }
} finally {
  await worker.stop();
}
if (digest.rows !== records.length) throw new Error(`${digest.rows} answers for ${records.length} rows`);
report("worker-workerd", digest.rows, await digest.finish());
