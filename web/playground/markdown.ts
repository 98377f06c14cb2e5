// The card's Markdown as elements: headings, paragraphs, lists, tables, code and emphasis. Nothing else is interpreted.

import { element, table } from "./element.js";

/** The elements of a text; a heading of level 1 becomes one of level `top`. */
export function markdown(text: string, top: 2 | 3): HTMLElement[] {
  const blocks = text.replaceAll("\r", "").split(/\n\s*\n/).map((block) => block.trim()).filter(Boolean);
  return blocks.map((block) => blockOf(block, top));
}

function blockOf(block: string, top: number): HTMLElement {
  const lines = block.split("\n");
  const [first = ""] = lines;
  const heading = /^(#{1,4})\s+(.*)$/.exec(first);
  if (heading) {
    const level = Math.min(6, (heading[1] as string).length + top - 1) as 3;
    const head = element(`h${level}`, {}, ...inline(heading[2] as string));
    const rest = lines.slice(1).join("\n");
    return rest ? element("div", {}, head, blockOf(rest, top)) : head;
  }
  if (first.startsWith("```")) return element("pre", {}, lines.slice(1, -1).join("\n"));
  if (first.startsWith("|") && /^\|[\s:|-]+\|$/.test(lines[1] ?? "")) return tableOf(lines);
  if (/^[-*]\s/.test(first)) return element("ul", {}, ...items(lines, /^[-*]\s+/));
  if (/^\d+\.\s/.test(first)) return element("ol", {}, ...items(lines, /^\d+\.\s+/));
  return element("p", {}, ...inline(lines.join(" ")));
}

function items(lines: readonly string[], mark: RegExp): HTMLElement[] {
  const items: string[] = [];
  for (const line of lines) {
    if (mark.test(line)) items.push(line.replace(mark, ""));
    else items.push(`${items.pop() ?? ""} ${line.trim()}`);
  }
  return items.map((item) => element("li", {}, ...inline(item)));
}

function tableOf([head = "", , ...rows]: readonly string[]): HTMLElement {
  const cells = (line: string) => line.replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim());
  const heads = cells(head);
  return table(heads.map(bare), rows.map((row) => cells(row).map((cell) => element("span", {}, ...inline(cell)))), { caption: `Table: ${heads.map(bare).filter(Boolean).join(", ")}` });
}

function bare(text: string): string {
  return text.replaceAll(/[`*]/g, "");
}

/** Code, emphasis and links; a link goes to http and https alone, and is written out where it goes. */
function inline(text: string): (Node | string)[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\(https?:[^)\s]+\))/).map((piece) => {
    if (/^`.+`$/.test(piece)) return element("code", {}, piece.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(piece)) return element("strong", {}, piece.slice(2, -2));
    const link = /^\[(.+)\]\((https?:.+)\)$/.exec(piece);
    return link ? element("a", { href: link[2], rel: "noreferrer" }, link[1] as string) : piece;
  });
}
