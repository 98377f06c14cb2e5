// Predicts every row in the page and leaves the digests in its dataset.

import { load } from "/package/index.js";
import { digestColumns, digestSingles } from "/digest.mjs";

const state = document.getElementById("state");
try {
  const [model, text] = await Promise.all([load("/bundle.skw"), fetch("/rows.jsonl").then((answer) => answer.text())]);
  const records = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  state.dataset.rows = records.length;
  state.dataset.single = await digestSingles(model, records);
  state.dataset.batch = await digestColumns(model, records);
  state.textContent = "done";
} catch (error) {
  state.textContent = `failed: ${error.code ?? ""} ${error.stack}`;
}
