// axe on a page: what breaks WCAG 2.2 A and AA, or good practice.

import { createRequire } from "node:module";

/** Where the page's server must have it: a page's policy lets no script in from elsewhere. */
export const axe = { "/axe.min.js": createRequire(import.meta.url).resolve("axe-core/axe.min.js") };

/** Runs in the page: the rules that are broken and where. */
export async function violations() {
  if (!globalThis.axe) await import("/axe.min.js");
  const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`);
}
