// The batch tab: a file of records in, predictions out; a worker answers, so that the page stays smooth.

import { type ErrorData, type ModelInfo, SkewlessError } from "../src/public.js";
import { confidently } from "./answer.js";
import { figureOf, spread, ticks } from "./chart.js";
import { button, element, table } from "./element.js";
import { counted as countedIn, histogram, sharesOf } from "./histogram.js";
import { measureOf } from "./measure.js";
import { reliability, reliabilityOf } from "./reliability.js";
import { type Answered, Results } from "./results.js";
import { batches } from "./rows.js";
import type { Session } from "./session.js";
import { count, counted, duration, figure, percent, sentence, words } from "./words.js";

/** Rows of the answers that are shown; the others are in the files. */
const SHOWN = 20;
/** Bins of a calibration plot. */
const BINS = 10;

type Named = Blob & { readonly name?: string };

/** The tab; `answered` is called when rows have been added to the session's profile. */
export class BatchTab {
  #session: Session;
  #answered: () => void;
  #report = element("div", { class: "report" });
  #progress = element("progress", { max: 1, value: 0, "aria-label": "Rows answered" });
  #bar = element("div", { class: "progress", hidden: true });
  #status: HTMLElement;
  #running: AbortController | undefined;

  constructor(host: HTMLElement, session: Session, status: HTMLElement, answered: () => void) {
    this.#session = session;
    this.#status = status;
    this.#answered = answered;
    const picker = element("input", { type: "file", id: "table-file", class: "visually-hidden", accept: ".csv,.jsonl,.ndjson,text/csv" });
    picker.addEventListener("change", () => {
      const [file] = picker.files ?? [];
      if (file) void this.run(file);
      picker.value = "";
    });
    const golden = () => {
      const lines = session.info.golden.map(({ record }) => JSON.stringify(record)).join("\n");
      void this.run(Object.assign(new Blob([lines]), { name: "golden rows.jsonl" }));
    };
    const rows = session.info.golden.length;
    const drop = element(
      "div",
      { class: "drop" },
      element("p", {}, element("label", { for: "table-file", class: "button" }, "Choose a file", picker), " or drop one on the page: CSV with a header, or JSON lines."),
      element("p", { class: "note" }, "Columns: ", element("span", { class: "names" }, session.info.inputs.map(({ name }) => name).join(", ")), ". Others are left aside."),
      element("p", { class: "note" }, "No file at hand? ", button(`Take the bundle's ${counted(rows, "golden row")}`, golden, { class: "quiet", id: "take-golden" })),
    );
    this.#bar.append(this.#progress, button("Stop", () => this.#running?.abort(), { class: "quiet" }));
    host.replaceChildren(element("h2", {}, "Batch"), drop, this.#bar, this.#report);
  }

  /** Answers a file; one that is under way is given up. */
  async run(file: Named): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const name = file.name ?? "the file";
    const { info } = this.#session;
    const results = new Results(info);
    this.#progress.value = 0;
    this.#bar.hidden = false;
    this.#report.replaceChildren();
    this.#say(`Answering ${name}.`);
    const begin = performance.now();
    try {
      const remote = await this.#session.remote();
      for await (const batch of batches(file, { inputs: info.inputs, target: info.target })) {
        results.add(batch, await remote.predictBatch(batch.batch));
        if (running.signal.aborted) break;
        this.#progress.value = batch.read / Math.max(1, file.size);
        this.#status.textContent = `${count(results.rows)} rows answered`;
      }
      if (this.#running !== running) return;
      await this.#session.countRemote();
      const took = performance.now() - begin;
      this.#show(results, `${running.signal.aborted ? "the first rows of " : ""}${name}`, took);
    } catch (error) {
      if (this.#running === running) this.#fail(error, name);
    } finally {
      if (this.#running === running) {
        this.#bar.hidden = true;
        this.#answered();
      }
    }
  }

  /** What is under way is given up. */
  end(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  #say(text: string): void {
    this.#status.textContent = text;
  }

  #fail(error: unknown, name: string): void {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof SkewlessError ? [" ", element("code", {}, error.code)] : [];
    this.#report.replaceChildren(element("p", { class: "fatal" }, `${name}: ${message}`, ...code));
    this.#say(`${name} can't be answered: ${message}`);
  }

  #show(results: Results, name: string, took: number): void {
    const { rows, errors } = results;
    if (rows === 0) return this.#fail(new SkewlessError({ kind: "invalid_input", code: "input.empty_batch", message: "the file has no rows" }), name);
    const failed = errors.size > 0 ? `${count(errors.size)} could not be answered` : "all answered";
    const said = `${counted(rows, "row")} of ${name}, ${failed}, in ${duration(took)}.`;
    this.#say(said);
    const stem = name.replace(/\.[a-z]+$/i, "").replaceAll(/[^\p{L}\d._-]+/gu, "-");
    const downloads = element(
      "p",
      { class: "downloads" },
      button("Download CSV", () => void download(`${stem}.predictions.csv`, results.csv()), { class: "button" }),
      button("Download JSON lines", () => void download(`${stem}.predictions.jsonl`, results.jsonLines()), { class: "button" }),
    );
    const plots = element("div", { class: "plots" }, ...distribution(results, this.#session.info), ...labels(results, this.#session.info), ...calibration(results, this.#session.info));
    this.#report.replaceChildren(element("h3", { id: "batch-said" }, said), downloads, plots, ...failures(errors), answers(results, this.#session.info));
  }
}

/** Hands a file to the browser, made only now that somebody wants it. */
async function download(name: string, file: Promise<Blob>): Promise<void> {
  const address = URL.createObjectURL(await file);
  element("a", { href: address, download: name }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function distribution(results: Results, info: ModelInfo): HTMLElement[] {
  const measure = measureOf(info);
  const values = results.parts.flatMap(({ answer }) => Array.from(measure.of(answer))).filter((value) => !Number.isNaN(value));
  if (values.length === 0) return [];
  const reference = info.task === "binary" ? info.profile.predictions : undefined;
  const edges = binsFor(values, measure.isShare, reference?.edges ?? []);
  const inner = edges.slice(1, -1);
  const counts = countedIn(values, inner);
  const theirs = reference && inner.length === reference.edges.length ? { reference: sharesOf(reference.counts) } : {};
  const drawn = histogram({
    edges,
    shares: sharesOf(counts),
    ...theirs,
    ticks: ticks([edges[0] as number, edges[edges.length - 1] as number], 5),
    say: measure.isShare ? (value) => `${figure(value * 100)} %` : (value) => figure(value),
    mark: info.threshold,
    height: 170,
  });
  const caption = `Distribution of the ${measure.name}${"reference" in theirs ? "; grey: the training data" : ""}${info.threshold === undefined ? "" : "; dashed: the threshold"}.`;
  const rows = counts.map((rows, at) => [`${measure.say(edges[at] as number)} to ${measure.say(edges[at + 1] as number)}`, count(rows)]);
  return [figureOf(caption, drawn, table(["Between", "Rows"], rows, { caption: "Distribution of predictions", numbers: [1] }))];
}

/** Of probabilities the reference's bins; else twenty of equal width, since a reference's of equal share look alike. */
function binsFor(values: readonly number[], isShare: boolean, inner: readonly number[]): number[] {
  if (isShare) return inner.length > 1 ? [0, ...inner, 1] : spread(0, 1, 21);
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return spread(low, high > low ? high : low + 1, 21);
}

function labels(results: Results, { labels }: ModelInfo): HTMLElement[] {
  if (labels.length === 0) return [];
  const counts = labels.map(() => 0);
  for (const { answer } of results.parts) for (const label of answer.labels) if (label < counts.length) counts[label] = (counts[label] as number) + 1;
  const shares = sharesOf(counts);
  const rows = labels.map((label, at) => {
    const fill = element("span", { class: "fill" });
    fill.style.inlineSize = `${(shares[at] as number) * 100}%`;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, words(label)),
      element("td", { class: "number" }, count(counts[at] as number)),
      element("td", { class: "number soft" }, percent(shares[at] as number)),
      element("td", { class: "wide" }, element("span", { class: "track", "aria-hidden": "true" }, fill)),
    );
  });
  return [element("figure", {}, element("figcaption", {}, "Labels."), element("table", { class: "label-counts", "aria-label": "Rows by label" }, element("tbody", {}, ...rows)))];
}

/** Where the file says how it turned out, the predictions can be held against it. */
function calibration(results: Results, { task, labels, target }: ModelInfo): HTMLElement[] {
  if (task !== "binary") return [];
  const positive = labels[1] ?? "";
  const truth = new Map([[positive, true], ["1", true], ["true", true], [labels[0] ?? "", false], ["0", false], ["false", false]]);
  const [predictions, outcomes]: [number[], boolean[]] = [[], []];
  let row = 0;
  for (const { answer } of results.parts) {
    for (const value of answer.values) {
      const outcome = truth.get(results.outcomes[row++] ?? "");
      if (outcome === undefined || Number.isNaN(value)) continue;
      predictions.push(value);
      outcomes.push(outcome);
    }
  }
  if (predictions.length === 0) return [];
  const drawn = reliability(reliabilityOf(predictions, outcomes, BINS), words(positive));
  return [element("div", {}, element("h4", {}, `Against the column ${target}`), drawn)];
}

function failures(errors: ReadonlyMap<number, ErrorData>): HTMLElement[] {
  if (errors.size === 0) return [];
  const codes = new Map<string, ErrorData[]>();
  for (const error of errors.values()) {
    const same = codes.get(error.code);
    if (same) same.push(error);
    else codes.set(error.code, [error]);
  }
  const rows = [...codes].sort(([, a], [, b]) => b.length - a.length).map(([code, errors]) => {
    const [first] = errors;
    return [element("code", {}, code), count(errors.length), `row ${count(first?.row ?? 0)}: ${sentence(first?.message ?? "")}`];
  });
  return [element("h4", {}, "Rows that could not be answered"), table(["Code", "Rows", "For example"], rows, { caption: "Failures by code", numbers: [1] })];
}

function answers(results: Results, info: ModelInfo): HTMLElement {
  const measure = measureOf(info);
  const shown = Math.min(SHOWN, results.rows);
  const rows = Array.from({ length: shown }, (_, row) => [count(row), ...cells(results.row(row), info)]);
  const promise = info.conformal ? [sentence(confidently(info.conformal))] : [];
  const heads = info.labels.length > 0 ? ["Row", "Label", info.task === "binary" ? sentence(measure.name) : "Probability", ...promise] : ["Row", sentence(measure.name), ...promise];
  const numbers = info.labels.length > 0 ? [0, 2] : [0, 1];
  const drawn = table(heads, rows, { caption: "Answers", numbers, class: "answers" });
  const which = shown < results.rows ? `The first ${shown} answers` : "The answers";
  return element("details", { open: true, class: "first-rows" }, element("summary", {}, which), drawn, element("p", { class: "note" }, "Rows count from 0, as on the command line."));
}

function cells(row: Answered, info: ModelInfo): (Node | string)[] {
  const promise = info.conformal ? [promised(row)] : [];
  if ("error" in row) {
    const { code, field } = row.error;
    const said = element("span", { class: "bad" }, element("code", {}, code), field ? ` ${field}` : "");
    return info.labels.length > 0 ? [said, "", ...promise] : [said, ...promise];
  }
  const { label, values } = row;
  if (label === undefined) return [values.slice(0, 4).map((number) => figure(number)).join(", "), ...promise];
  return [words(label), percent(values[info.task === "binary" ? 0 : info.labels.indexOf(label)] ?? NaN), ...promise];
}

/** The interval or the set of labels of a row. */
function promised(row: Answered): string {
  if ("error" in row) return "";
  if (row.set) return row.set.map(words).join(" or ") || "no label";
  return row.interval ? row.interval.map(figure).join(" to ") : "no interval";
}
