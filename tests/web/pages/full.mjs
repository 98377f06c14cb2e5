// Opens a graph with the plain package and with the full one; both must answer as they should.

import { load as plainLoad } from "/package/index.js";
import { load as fullLoad } from "/package/full/index.js";
import { greatestDifference } from "/graph.mjs";

const state = document.getElementById("state");
try {
  const rows = await (await fetch("/rows.jsonl")).text();
  state.dataset.plain = greatestDifference(await plainLoad("/bundle.skw"), rows);
  state.dataset.full = greatestDifference(await fullLoad("/bundle.skw"), rows);
  state.textContent = "done";
} catch (error) {
  state.textContent = `failed: ${error.code ?? ""} ${error.stack}`;
}
