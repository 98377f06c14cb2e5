// The page: opens a bundle and gives each tab its part.

import { type ModelInfo, SkewlessError } from "../src/public.js";
import { BatchTab } from "./batch-tab.js";
import { showBundle } from "./bundle-tab.js";
import { shifted, showDrift } from "./drift-tab.js";
import { byId, element } from "./element.js";
import { bundleOfAddress, isBundle, takeDrops } from "./opening.js";
import { RecordTab } from "./record-tab.js";
import { Session } from "./session.js";
import { startTabs, type TabName, type Tabs } from "./tabs.js";
import { plain, title } from "./words.js";

/** What is on show of one bundle. */
interface Shown {
  readonly session: Session;
  readonly record: RecordTab;
  readonly batch: BatchTab;
}

let shown: Shown | undefined;
let tabs: Tabs | undefined;

takeDrops((file) => void take(file));
byId<HTMLInputElement>("bundle-file").addEventListener("change", ({ target }) => {
  const picker = target as HTMLInputElement;
  const [file] = picker.files ?? [];
  picker.value = "";
  if (file) void take(file);
});
void begin();

async function begin(): Promise<void> {
  try {
    const bytes = await bundleOfAddress();
    if (bytes) await show(bytes);
    else welcome();
  } catch (error) {
    fail(error);
  }
}

/** A dropped or picked file: a bundle is opened, anything else is a table for the one that is open. */
async function take(file: File): Promise<void> {
  if (shown && !(await isBundle(file))) {
    tabs?.open("batch");
    await shown.batch.run(file);
    return;
  }
  try {
    await show(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    fail(error);
  }
}

async function show(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const session = await Session.open(bytes);
  for (const ending of shown ? [shown.record, shown.batch] : []) ending.end();
  shown?.session.close();
  const record = new RecordTab(byId("panel-record"), session, counted);
  shown = { session, record, batch: new BatchTab(byId("panel-batch"), session, byId("status"), counted) };
  byId("panel-bundle").replaceChildren();

  const { info } = session;
  document.title = `${title(info.name)} · Skewless playground`;
  byId("title").replaceChildren(title(info.name), " ", element("span", { class: "version" }, info.version));
  byId("summary").textContent = summaryOf(info);
  byId("fatal").hidden = true;
  byId("welcome").hidden = true;
  byId("tabs").hidden = false;
  counted();
  tabs ??= startTabs(tabShown);
  tabShown(tabs.now());
}

/** The tabs that are drawn when somebody looks at them. */
function tabShown(name: TabName): void {
  if (!shown) return;
  const { session } = shown;
  if (name === "drift") showDrift(byId("panel-drift"), session);
  if (name === "bundle" && !byId("panel-bundle").firstChild) showBundle(byId("panel-bundle"), session);
}

/** More was asked: the drift tab says how many inputs have moved, and follows while it is looked at. */
function counted(): void {
  const moved = shown ? shifted(shown.session) : 0;
  const said = moved === 0 ? [] : [element("span", { class: "badge" }, String(moved), element("span", { class: "visually-hidden" }, " inputs shifted"))];
  byId("drift-badge").replaceChildren(...said);
  if (tabs?.now() === "drift") tabShown("drift");
}

/** The card's first paragraph of prose, without the name that stands above it. */
function summaryOf({ card, name, version }: ModelInfo): string {
  const paragraphs = card.split(/\n\s*\n/).map((text) => text.trim());
  const prose = paragraphs.find((text) => /^[\p{L}\d*_`]/u.test(text)) ?? "";
  const said = plain(prose);
  const naming = `${name} ${version}. `;
  return said.startsWith(naming) ? said.slice(naming.length) : said;
}

function welcome(): void {
  byId("title").textContent = "Open a bundle";
  byId("summary").textContent = "A bundle is one file, NAME.skw, with a model and its feature code. It is opened and answers in this page.";
  byId("welcome").hidden = false;
}

function fail(reason: unknown): void {
  const fatal = byId("fatal");
  fatal.replaceChildren(reason instanceof Error ? reason.message : String(reason));
  if (reason instanceof SkewlessError) fatal.append(" ", element("code", {}, reason.code));
  fatal.hidden = false;
  // What was open before stays open.
  if (shown) return;
  byId("title").textContent = "The bundle can't be opened";
  byId("summary").textContent = "";
  byId("welcome").hidden = false;
}
