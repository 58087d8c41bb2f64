/**
 * Tabs following the ARIA pattern: one is in the tab order; arrows, Home and End move between them.
 *
 * @module
 */

import { attribute } from "../base/dom.js";

/**
 * Return the tab that a key moves to from the focused one, and consume the key.
 * @template {HTMLElement} T
 * @param {Event} event
 * @param {readonly T[]} all
 * @returns {T|undefined}
 */
export function tabByKey(event, all) {
  if (!(event instanceof KeyboardEvent)) return undefined;
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined; // Alt and an arrow navigate the history
  const at = all.findIndex((tab) => tab === document.activeElement);
  const to = { ArrowRight: (at + 1) % all.length, ArrowLeft: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
  if (at < 0 || to === undefined) return undefined;
  event.preventDefault();
  event.stopPropagation();
  return all[to];
}

/**
 * @param {Element} list  role=tablist
 * @param {(id: string) => unknown} [onShow]  gets the id of the panel
 * @returns {(id: string, focus?: boolean) => void}  shows a panel
 */
export function tabs(list, onShow = () => {}) {
  const all = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=tab]:not([hidden])")]);
  /** @param {HTMLElement} tab */
  const panel = (tab) => tab.getAttribute("aria-controls") ?? "";
  /** @param {string} id */
  const show = (id, focus = false) => {
    for (const tab of all) {
      const on = panel(tab) === id;
      attribute(tab, "aria-selected", String(on));
      attribute(tab, "tabindex", on ? 0 : -1);
      const shown = document.getElementById(panel(tab));
      if (shown) shown.hidden = !on;
      if (on && focus) tab.focus();
    }
    onShow(id);
  };
  for (const tab of all) tab.onclick = () => show(panel(tab));
  list.addEventListener("keydown", (event) => {
    const tab = tabByKey(event, all);
    if (tab) show(panel(tab), true);
  });
  return show;
}
