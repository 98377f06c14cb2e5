// Where a bundle comes from: named in the address, beside the page, picked, or dropped on it.

import { SkewlessError } from "../src/public.js";

/** The bundle beside the page, under the name that `skewless serve` gives any bundle. */
const BESIDE = "./bundle.skw";

/**
 * The bundle of the address: what `?bundle=` names, or the one beside the page; nothing where neither is.
 * @throws {SkewlessError} `input.unreachable`, `misuse.other_origin`.
 */
export async function bundleOfAddress(): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const named = new URLSearchParams(location.search).get("bundle");
  const address = new URL(named ?? BESIDE, location.href);
  if (address.origin !== location.origin) {
    throw new SkewlessError({ kind: "misuse", code: "misuse.other_origin", message: "the bundle must be of this page's origin" });
  }
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    throw unreachable(address, String(cause), { cause });
  }
  if (!response.ok && named === null) return undefined;
  if (!response.ok) throw unreachable(address, `the server answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

function unreachable(address: URL, why: string, options?: ErrorOptions): SkewlessError {
  return new SkewlessError({ kind: "invalid_input", code: "input.unreachable", message: `the bundle at ${address} can't be read: ${why}` }, options);
}

/** Calls `take` with each file that is dropped anywhere on the page. */
export function takeDrops(take: (file: File) => void): void {
  const root = document.documentElement;
  let inside = 0;
  const over = (change: number) => {
    inside = Math.max(0, inside + change);
    root.classList.toggle("is-dragging", inside > 0);
  };
  root.addEventListener("dragenter", (event) => {
    if (event.dataTransfer?.types.includes("Files")) over(1);
  });
  root.addEventListener("dragleave", () => over(-1));
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    over(-inside);
    const [file] = event.dataTransfer?.files ?? [];
    if (file) take(file);
  });
}

/** A bundle, by its name or by how archives begin. */
export async function isBundle(file: File): Promise<boolean> {
  if (file.name.endsWith(".skw")) return true;
  const begin = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return begin[0] === 0x50 && begin[1] === 0x4b;
}
