// How names, numbers and sizes read to people.

/** `scheduled_departure` as `Scheduled departure`. */
export function title(name: string): string {
  return sentence(name.replaceAll(/[_.-]+/g, " ").trim());
}

/** `on_time` as `on time`. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

/** A sentence of the specification without Markdown's marks. */
export function plain(text: string): string {
  return text.replaceAll(/[*_`]/g, (mark) => (mark === "_" ? mark : "")).replaceAll(/\s+/g, " ");
}

/** The same with a capital letter at its beginning. */
export function sentence(text: string): string {
  const said = plain(text);
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** A probability as a percentage with one decimal. */
export function percent(probability: number): string {
  return `${(probability * 100).toFixed(1)} %`;
}

/** A number with at most six significant digits. */
export function figure(value: number): string {
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 6 }).format(value).replace("-", "−");
}

/** A count of bytes. */
export function size(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(bytes / 1000)} KB`;
}

/** A time given in milliseconds. */
export function duration(milliseconds: number): string {
  const [value, unit] = milliseconds < 1 ? [milliseconds * 1000, "µs"] : [milliseconds, "ms"];
  return `${new Intl.NumberFormat("en", { maximumSignificantDigits: 2 }).format(value)} ${unit}`;
}
