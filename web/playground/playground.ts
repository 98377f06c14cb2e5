// The page: a form made from the bundle's specification, and the answer while one types.

import { load } from "../src/index.js";
import { type Model, type RawRecord, type RawValue, SkewlessError } from "../src/public.js";
import { answerFor, noAnswer } from "./answer.js";
import { byId, element } from "./element.js";
import { factsOf, featuresOf, timeOf } from "./facts.js";
import { Field } from "./field.js";
import { plain, title } from "./words.js";

/** How long the form must be quiet before a prediction is timed, in milliseconds. */
const QUIET = 250;

void start().catch(fail);

async function start(): Promise<void> {
  const model = await load(bundleAddress());
  introduce(model);
  const fields = model.info.inputs.map((input) => new Field(input));
  for (const field of fields) field.show(model.info.example?.[field.name]);
  const form = byId<HTMLFormElement>("form");
  form.append(...fields.map((field) => field.element));
  form.addEventListener("submit", (event) => event.preventDefault());

  const { entries, time } = factsOf(model.info);
  byId("facts").append(...entries);
  byId("made").append(featuresOf(model.info));
  const update = updater(model, fields, time);
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  update();
  for (const id of ["form", "panel", "made"]) byId(id).hidden = false;
}

/** The bundle beside the page, `bundle.skw`, or the one of this origin that `?bundle=` names. */
function bundleAddress(): URL {
  const named = new URLSearchParams(location.search).get("bundle") ?? "./bundle.skw";
  const address = new URL(named, location.href);
  if (address.origin !== location.origin) {
    throw new SkewlessError({ kind: "misuse", code: "misuse.other_origin", message: "the bundle must be of this page's origin" });
  }
  return address;
}

function introduce({ info }: Model): void {
  document.title = `${title(info.name)} · Skewless playground`;
  byId("title").replaceChildren(title(info.name), " ", element("span", { class: "version" }, info.version));
  byId("summary").textContent = summaryOf(info.card);
}

/** The card's first paragraph of prose. */
function summaryOf(card: string): string {
  const paragraphs = card.split(/\n\s*\n/).map((text) => text.trim());
  const prose = paragraphs.find((text) => /^[\p{L}\d*_`]/u.test(text)) ?? "";
  return plain(prose);
}

function updater(model: Model, fields: readonly Field[], time: HTMLElement): () => void {
  const answer = byId("answer");
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    const record = recordOf(fields);
    const errors = model.validate(record);
    for (const field of fields) field.complain(errors.find((error) => error.field === field.name));
    answer.classList.toggle("is-empty", errors.length > 0);
    if (errors.length > 0) {
      answer.replaceChildren(...noAnswer(errors.length));
      return;
    }
    answer.replaceChildren(...answerFor(model.predict(record), model.info));
    timer = setTimeout(() => void (time.textContent = timeOf(() => model.predict(record))), QUIET);
  };
}

function recordOf(fields: readonly Field[]): RawRecord {
  const record: { [input: string]: RawValue } = {};
  for (const field of fields) {
    const value = field.value();
    if (value !== undefined) record[field.name] = value;
  }
  return record;
}

function fail(reason: unknown): void {
  byId("title").textContent = "The bundle can't be opened";
  const fatal = byId("fatal");
  fatal.replaceChildren(reason instanceof Error ? reason.message : String(reason));
  if (reason instanceof SkewlessError) fatal.append(" ", element("code", {}, reason.code));
  fatal.hidden = false;
}
