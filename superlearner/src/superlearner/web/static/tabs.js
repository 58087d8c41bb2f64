/**
 * Tabs of a page: one panel at a time, arrow keys, and the address says which (`?view=log`).
 *
 * @module
 */

import { attribute } from "./dom.js";

/**
 * Makes a `role=tablist` work; answers what opens a view by its name, the end of the tab's id.
 * @param {HTMLElement} list
 * @param {(view: string) => void} opened
 */
export function tabs(list, opened) {
  const all = [...list.querySelectorAll("[role=tab]")].filter((one) => one instanceof HTMLElement);
  const name = (/** @type {HTMLElement} */ tab) => tab.id.replace("tab-", "");
  const show = (/** @type {string} */ view) => {
    for (const tab of all) {
      const chosen = name(tab) === view;
      attribute(tab, "aria-selected", String(chosen));
      attribute(tab, "tabindex", chosen ? null : -1);
      const panel = document.getElementById(tab.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !chosen;
    }
    opened(view);
  };
  const choose = (/** @type {string} */ view) => {
    const here = new URL(location.href);
    if (view === (all[0] && name(all[0]))) here.searchParams.delete("view");
    else here.searchParams.set("view", view);
    history.replaceState(history.state, "", here);
    show(view);
  };
  list.onclick = (event) => {
    const tab = event.target instanceof Element ? event.target.closest("[role=tab]") : null;
    if (tab instanceof HTMLElement) choose(name(tab));
  };
  list.onkeydown = (event) => {
    const place = all.findIndex((tab) => tab === document.activeElement);
    const to = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: all.length - 1 }[event.key];
    const tab = to === undefined ? undefined : all[(to + all.length) % all.length];
    if (!tab) return;
    event.preventDefault();
    tab.focus();
    choose(name(tab));
  };
  const asked = new URL(location.href).searchParams.get("view");
  const first = all.find((tab) => name(tab) === asked) ?? all[0];
  if (first) show(name(first));
  return choose;
}
