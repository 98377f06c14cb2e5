// Makes elements without markup in strings, so that nothing from a bundle is ever parsed as HTML.

type Attributes = { readonly [name: string]: string | number | boolean | undefined };

/** An element with attributes (`true` sets an empty one, `false` and `undefined` none) and children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  return filled(document.createElement(name), attributes, children);
}

/** The same for an element of a drawing. */
export function shape<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Name] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled<T extends Element>(made: T, attributes: Attributes, children: readonly (Node | string)[]): T {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** A table; every row's first cell is its heading. Where it `stacks`, a narrow page has each row's cells one below the other. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly (Node | string)[])[],
  { caption, numbers = [], stacks = false, ...attributes }: { caption: string; numbers?: readonly number[]; stacks?: boolean; class?: string },
): HTMLElement {
  const kind = (at: number) => (numbers.includes(at) ? "number" : undefined);
  // Styled as blocks a table's elements are no table to a screen reader, unless their roles say so.
  const role = (name: string) => (stacks ? name : undefined);
  const head = heads.map((text, at) => element("th", { scope: "col", role: role("columnheader"), class: kind(at) }, text));
  const cellOf = (cell: Node | string, at: number) =>
    element(at === 0 ? "th" : "td", { scope: at === 0 && "row", role: role(at === 0 ? "rowheader" : "cell"), class: kind(at) }, cell);
  const body = rows.map((cells) => element("tr", { role: role("row") }, ...cells.map(cellOf)));
  // A table that is wider than the page scrolls by itself, which a keyboard must reach.
  return element(
    "div",
    { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    element(
      "table",
      { ...attributes, role: role("table"), "aria-label": caption, "data-stacks": stacks },
      element("thead", { role: role("rowgroup") }, element("tr", { role: role("row") }, ...head)),
      element("tbody", { role: role("rowgroup") }, ...body),
    ),
  );
}

/** A button that does something in this page. */
export function button(text: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

/** An element of the page that is known to be there. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}
