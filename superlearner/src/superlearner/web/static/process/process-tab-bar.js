/**
 * The tabs of the detail pane and the panel below them. The selected tab, or deep part, stays selected for other
 * processes, and is in the URL as `?tab=`.
 *
 * @module
 */

import { attribute, closest, icon, make } from "../base/dom.js";
import { tabByKey } from "../components/tab-list.js";
import { onParts, opened, TABS } from "./process-tabs.js";

/** @import { Part, Seen, TabId } from "./process-tabs.js" */

const FIRST = "now";

const asked = () => new URL(location.href).searchParams.get("tab") ?? FIRST;

export class TabBar {
  /** @type {Seen|null} */ #seen = null;
  /** The id of a tab or part; shown only if the process has it. */
  #chosen = asked();
  /** @type {readonly Part[]} */ #open = [];
  /** The boxes of the parts by their elements. @type {Map<Part, HTMLElement>} */ #boxes = new Map();

  line = make("div", { role: "tablist", class: "tabs", "aria-label": "Details" });
  panels = make("div", { class: "tab-panels" });
  /** @type {Map<TabId, {button: HTMLButtonElement, panel: HTMLElement}>} */ #tabs = new Map();

  /** @param {(id: string) => void} turned  gets the id of the opened tab or deep part */
  constructor(turned) {
    this.turned = turned;
    for (const [id, label] of /** @type {[TabId, string][]} */ (Object.entries(TABS))) {
      const button = make("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}` }, label);
      button.onclick = () => this.choose(id);
      const panel = make("div", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}` });
      this.#tabs.set(id, { button, panel });
      this.line.append(button);
      this.panels.append(panel);
    }
    this.line.onkeydown = (event) => this.#key(event);
    this.panels.addEventListener("click", (event) => {
      const target = closest(event.target, "[data-part]");
      if (target instanceof HTMLElement && target.dataset.part) this.#deeper(target.dataset.part);
    });
    onParts(() => this.#seen && this.show(this.#seen));
    window.addEventListener("popstate", () => (this.#chosen = asked())); // the restored page shows its process
  }

  /** Show a process in the selected tab. @param {Seen} seen */
  show(seen) {
    this.#seen = seen;
    const { tab, parts, deep } = opened(this.#chosen, seen.row);
    for (const [id, { button, panel }] of this.#tabs) {
      attribute(button, "aria-selected", id === tab ? "true" : "false");
      button.tabIndex = id === tab ? 0 : -1;
      panel.hidden = id !== tab;
    }
    const boxes = parts.map((one) => this.#box(one));
    const panel = this.#tabs.get(tab)?.panel;
    boxes.forEach((box, place) => {
      const after = boxes[place - 1];
      if (after ? after.nextElementSibling !== box : panel?.firstElementChild !== box) after ? after.after(box) : panel?.prepend(box);
    });
    for (const [one, box] of this.#boxes) box.hidden = !parts.includes(one);
    for (const one of this.#open) if (!parts.includes(one)) one.element.leave?.();
    const turned = parts.length !== this.#open.length || parts.some((one, place) => one !== this.#open[place]);
    this.#open = parts;
    if (turned) this.turned(deep ? parts[0]?.id ?? tab : tab);
    for (const one of parts) one.element.look?.(seen);
  }

  /** Hide the pane. */
  hide() {
    for (const one of this.#open) one.element.leave?.();
    this.#open = [];
    this.#seen = null;
  }

  /** @param {string} id  of a tab or part */
  choose(id) {
    this.#chosen = id;
    const address = new URL(location.href);
    if (id === FIRST) address.searchParams.delete("tab");
    else address.searchParams.set("tab", id);
    history.replaceState(history.state, "", address);
    if (this.#seen) this.show(this.#seen);
  }

  /** Open a part, or its tab again, and move the focus there. @param {string} id */
  #deeper(id) {
    const from = this.#open[0];
    this.choose(id);
    const back = this.panels.querySelector(`.part:not([hidden]) ${from?.deep ? `[data-part="${from.id}"]` : ".back > h3"}`);
    const tab = this.line.querySelector("[aria-selected=true]"); // what was opened is not read yet for another process
    if (back instanceof HTMLElement) back.focus();
    else if (tab instanceof HTMLElement) tab.focus();
  }

  /** @param {Part} one */
  #box(one) {
    const known = this.#boxes.get(one);
    if (known) return known;
    const back = make("button", { type: "button", class: "btn quiet", "data-part": one.tab }, icon("open"), TABS[one.tab]);
    const head = one.deep ? make("div", { class: "back" }, back, make("h3", { tabindex: -1 }, one.label)) : null;
    const box = make("div", { class: "part", id: one.deep ? `panel-${one.id}` : null }, head, one.element);
    this.#boxes.set(one, box);
    return box;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const next = tabByKey(event, [...this.#tabs.values()].map(({ button }) => button));
    next?.click();
    next?.focus();
  }
}
