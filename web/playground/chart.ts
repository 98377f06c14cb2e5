// What drawings share: scales, round ticks, and drawing again when the room changes.

import { element, shape } from "./element.js";

/** Maps a domain to pixels. */
export type Scale = (value: number) => number;

/** A linear scale. */
export function scale([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale {
  const factor = to > from ? (end - start) / (to - from) : 0;
  return (value) => start + (value - from) * factor;
}

/** Round numbers within a domain, about as many as wished. */
export function ticks([from, to]: readonly [number, number], wished: number): number[] {
  if (!(to > from)) return [from];
  const rough = (to - from) / Math.max(1, wished);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  // A product of integers, so that 0.30000000000000004 is no tick.
  return Array.from({ length: count }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Numbers of equal distance, both ends included. */
export function spread(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + ((to - from) * at) / (count - 1));
}

/** A drawing of that size, which says nothing to those who can't see it: the words stand beside it. */
export function drawing(width: number, height: number, ...children: readonly Node[]): SVGSVGElement {
  return shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" }, ...children);
}

/** A place that is drawn for its width, and again when that changes. */
export function place(draw: (width: number) => Node, attributes: { readonly class?: string } = {}): HTMLElement {
  const host = element("div", { ...attributes, class: `plot ${attributes.class ?? ""}`.trim() });
  let drawn = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width === 0 || width === drawn) return;
    drawn = width;
    host.replaceChildren(draw(width));
  }).observe(host);
  return host;
}

/** A figure: a drawing, its caption, and its numbers as a table for those who want them so. */
export function figureOf(caption: string | readonly (Node | string)[], drawn: Node, ...numbers: readonly Node[]): HTMLElement {
  const details = numbers.length > 0 ? [element("details", { class: "numbers" }, element("summary", {}, "As numbers"), ...numbers)] : [];
  const said = typeof caption === "string" ? [caption] : caption;
  return element("figure", {}, element("figcaption", {}, ...said), drawn, ...details);
}

/** A horizontal axis with its labels below `y`; the first and last labels stay within the width. */
export function axisBelow(
  at: readonly number[],
  x: Scale,
  { y, width, say }: { y: number; width: number; say: (value: number) => string },
): SVGGElement {
  const labels = at.flatMap((value) => {
    const position = x(value);
    const text = say(value);
    const half = text.length * 3.4;
    const anchor = position < half ? "start" : position > width - half ? "end" : "middle";
    return [
      shape("line", { class: "tickmark", x1: position, x2: position, y1: y, y2: y + 4 }),
      shape("text", { class: "axis", x: position, y: y + 17, "text-anchor": anchor }, text),
    ];
  });
  return shape("g", {}, ...labels);
}
