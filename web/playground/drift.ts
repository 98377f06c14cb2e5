// Drift: how far the inputs of this session are from those of the training data.

import type { Bins, InputInfo, InputProfile, Profile } from "../src/public.js";
import { figure } from "./words.js";

/** How far apart two distributions are, in words. */
export type Level = "few" | "same" | "some" | "much";

/** One input's comparison. */
export interface Drift {
  readonly name: string;
  /** Population stability index: Σ (a − e) ln(a / e) over shares of bins. */
  readonly index: number;
  readonly level: Level;
  /** What the bins are called. */
  readonly bins: readonly string[];
  /** Shares of the rows asked, and of the training rows, bin by bin. */
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

/** The customary borders of the index (Siddiqi 2006): below 0.1 the populations are alike, above 0.25 they are not. */
const SOME = 0.1;
const MUCH = 0.25;
/** An empty bin counts as this part of a row, so that its logarithm is finite. */
const EMPTY = 0.5;
/** Fewer rows than these are never judged: the approximation below does not hold for them. */
const FEW = 30;

/** Each input's drift, the largest first, and last the predictions'. */
export function driftOf(asked: Profile, reference: Profile, infos: readonly InputInfo[]): { inputs: Drift[]; predictions: Drift } {
  const inputs = reference.inputs.flatMap((theirs, at) => {
    const ours = asked.inputs[at];
    const say = edgeText(infos.find(({ name }) => name === theirs.name));
    return ours && !("tensors" in theirs.counts) ? [compared(theirs.name, cellsOf(ours, say), cellsOf(theirs, say))] : [];
  });
  const order: readonly Level[] = ["much", "some", "few", "same"];
  inputs.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level) || b.index - a.index);
  return { inputs, predictions: compared("predictions", binsOf(asked.predictions, figure), binsOf(reference.predictions, figure)) };
}

type Cells = readonly (readonly [name: string, rows: number])[];

/** How a border between bins reads: dates are days, timestamps are seconds since 1970. */
function edgeText(info: InputInfo | undefined): (edge: number) => string {
  const date = (milliseconds: number) => new Date(milliseconds).toISOString();
  if (info?.type === "timestamp") return (edge) => date(edge * 1000).slice(0, 16).replace("T", " ");
  if (info?.type === "date") return (edge) => date(edge * 86_400_000).slice(0, 10);
  return (edge) => `${figure(edge)}${info?.unit ? ` ${info.unit}` : ""}`;
}

function cellsOf({ missing, counts }: InputProfile, say: (edge: number) => string): Cells {
  const absent = ["missing", missing] as const;
  if ("numbers" in counts) return [...binsOf(counts.numbers, say), absent];
  if ("tensors" in counts) return [["present", counts.tensors], absent];
  const { values, counts: rows, other, out_of_vocabulary: unknown } = counts.categories;
  return [...values.map((value, at) => [value, rows[at] ?? 0] as const), ["other", other], ["unknown", unknown], absent];
}

function binsOf({ edges, counts }: Bins, say: (edge: number) => string): Cells {
  const edge = (at: number) => say(edges[at] ?? NaN);
  const name = (at: number) => (at === 0 ? `below ${edge(0)}` : at === edges.length ? `from ${edge(at - 1)}` : `${edge(at - 1)} to ${edge(at)}`);
  return counts.map((rows, at) => [name(at), rows] as const);
}

function compared(name: string, ours: Cells, theirs: Cells): Drift {
  // A bin that nobody is in says nothing, and is not drawn.
  const used = theirs.map((_, at) => at).filter((at) => (ours[at]?.[1] ?? 0) + (theirs[at]?.[1] ?? 0) > 0);
  const rows = (cells: Cells) => used.map((at) => cells[at]?.[1] ?? 0);
  const [mine, reference] = [rows(ours), rows(theirs)];
  const [total, all] = [sum(mine), sum(reference)];
  const share = (counts: readonly number[], of: number) => counts.map((count) => (of === 0 ? 0 : count / of));
  const index = total === 0 || all === 0 ? 0 : stability(mine, reference, total, all);
  return { name, index, level: levelOf(index, used.length, total), bins: used.map((at) => theirs[at]?.[0] ?? ""), ours: share(mine, total), theirs: share(reference, all) };
}

function stability(mine: readonly number[], reference: readonly number[], total: number, all: number): number {
  return mine.reduce((index, count, at) => {
    const a = Math.max(count, EMPTY) / total;
    const e = Math.max(reference[at] as number, EMPTY) / all;
    return index + (a - e) * Math.log(a / e);
  }, 0);
}

/**
 * The index of a sample from the reference itself is about a chi-squared variable of its bins less one, divided by its rows
 * (Yurdakul 2018): what is no larger than one in a thousand such samples gives is no drift, however large it looks.
 */
function levelOf(index: number, bins: number, rows: number): Level {
  if (rows < FEW) return "few";
  const free = Math.max(1, bins - 1);
  const chance = (free + 3.09 * Math.sqrt(2 * free)) / rows;
  if (chance > MUCH && index <= chance) return "few";
  if (index < SOME || index <= chance) return "same";
  return index < MUCH ? "some" : "much";
}

function sum(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
