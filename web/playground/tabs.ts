// Tabs by the WAI-ARIA pattern: arrow keys move between them, one of them is in the page's tab order, and the address
// remembers which is open.

import { byId } from "./element.js";

/** The tabs of the page, in their order. */
export const TABS = ["record", "batch", "drift", "bundle"] as const;

/** The name of a tab: the page has `#tab-NAME` and `#panel-NAME`. */
export type TabName = (typeof TABS)[number];

/** The living tabs. */
export interface Tabs {
  /** Opens a tab. */
  open(name: TabName): void;
  /** The one that is open. */
  now(): TabName;
}

/** Brings the tabs to life; `shown` is called for a tab each time it is opened. */
export function startTabs(shown: (name: TabName) => void): Tabs {
  const tabs = TABS.map((name) => ({ name, tab: byId(`tab-${name}`), panel: byId(`panel-${name}`) }));

  let current: TabName = TABS[0];

  function open(name: TabName): void {
    current = name;
    for (const one of tabs) {
      const chosen = one.name === name;
      one.tab.setAttribute("aria-selected", String(chosen));
      one.tab.tabIndex = chosen ? 0 : -1;
      one.panel.hidden = !chosen;
    }
    history.replaceState(undefined, "", name === TABS[0] ? location.pathname + location.search : `#${name}`);
    shown(name);
  }

  const moves: { readonly [key: string]: (at: number) => number } = {
    ArrowRight: (at) => (at + 1) % tabs.length,
    ArrowLeft: (at) => (at + tabs.length - 1) % tabs.length,
    Home: () => 0,
    End: () => tabs.length - 1,
  };
  tabs.forEach(({ name, tab }, at) => {
    tab.addEventListener("click", () => open(name));
    tab.addEventListener("keydown", (event) => {
      const next = tabs[moves[event.key]?.(at) ?? -1];
      if (!next) return;
      event.preventDefault();
      next.tab.focus();
      open(next.name);
    });
  });
  const asked = () => TABS.find((name) => location.hash === `#${name}`) ?? TABS[0];
  addEventListener("hashchange", () => open(asked()));
  open(asked());
  return { open, now: () => current };
}
