/**
 * Tabs of a page, with the open one in its URL (`?view=log`).
 *
 * @module
 */

import { tabs as tabList } from "./tab-list.js";

/**
 * Activate a `role=tablist`; return a function that opens a view by name, the end of the tab's id.
 * @param {HTMLElement} list
 * @param {(view: string) => void} opened
 */
export function tabs(list, opened) {
  const all = [...list.querySelectorAll("[role=tab]:not([hidden])")]; // some are not for every visitor
  const name = (/** @type {Element|undefined} */ tab) => tab?.id.replace("tab-", "") ?? "";
  const panel = (/** @type {Element|undefined} */ tab) => tab?.getAttribute("aria-controls") ?? "";
  const show = tabList(list, (id) => {
    const view = name(all.find((tab) => panel(tab) === id));
    const here = new URL(location.href);
    if (view === name(all[0])) here.searchParams.delete("view");
    else here.searchParams.set("view", view);
    if (here.href !== location.href) history.replaceState(history.state, "", here);
    opened(view);
  });
  const wanted = new URL(location.href).searchParams.get("view");
  show(panel(all.find((tab) => name(tab) === wanted) ?? all[0]));
  return (/** @type {string} */ view) => show(panel(all.find((tab) => name(tab) === view)));
}
