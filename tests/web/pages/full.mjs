// Opens a graph with the small package, which must refuse it, and with the full one, which must answer as it should.

import { load as small } from "/package/index.js";
import { load } from "/package/full/index.js";
import { greatestDifference, refusal } from "/graph.mjs";

const state = document.getElementById("state");
try {
  const [model, rows] = await Promise.all([load("/bundle.skw"), fetch("/rows.jsonl").then((answer) => answer.text())]);
  state.dataset.refusal = await refusal(small, "/bundle.skw");
  state.dataset.difference = greatestDifference(model, rows);
  state.textContent = "done";
} catch (error) {
  state.textContent = `failed: ${error.code ?? ""} ${error.stack}`;
}
