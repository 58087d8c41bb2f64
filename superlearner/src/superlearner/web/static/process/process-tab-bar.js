/**
 * The tabs of the detail pane and the panel below them. The selected tab stays selected for other processes, and is
 * in the URL as `?tab=`.
 *
 * @module
 */

import { attribute, make, write } from "../base/dom.js";
import { tabByKey } from "../components/tab-list.js";
import { onTabs, tabs } from "./process-tabs.js";

/** @typedef {import("./process-tabs.js").Seen} Seen */
/** @typedef {import("./process-tabs.js").Tab} Tab */

const FIRST = "overview";

export class TabBar {
  /** @type {Seen|null} */ #seen = null;
  /** The selected tab; shown only if the process has it. */
  #chosen = new URL(location.href).searchParams.get("tab") ?? FIRST;
  /** @type {Tab|null} */ #open = null;
  /** @type {Map<string, {button: HTMLButtonElement, panel: HTMLElement}>} */ #made = new Map();

  line = make("div", { role: "tablist", class: "tabs", "aria-label": "Details" });
  panels = make("div", { class: "tab-panels" });

  /** @param {(id: string) => void} turned  gets the id of the opened tab */
  constructor(turned) {
    this.turned = turned;
    this.line.onkeydown = (event) => this.#key(event);
    onTabs(() => this.#seen && this.show(this.#seen));
    window.addEventListener("popstate", () => { // the restored page shows its process
      this.#chosen = new URL(location.href).searchParams.get("tab") ?? FIRST;
    });
  }

  /** Show a process in the selected tab. @param {Seen} seen */
  show(seen) {
    this.#seen = seen;
    const there = tabs().filter((one) => one.show(seen.row));
    const open = there.find((one) => one.id === this.#chosen) ?? there[0] ?? null;
    const made = there.map((one) => this.#piece(one));
    renewKept(this.line, made.map((one) => one.button));
    for (const one of made) if (!one.panel.isConnected) this.panels.append(one.panel);
    for (const [id, one] of this.#made) {
      const chosen = id === open?.id;
      attribute(one.button, "aria-selected", chosen ? "true" : "false");
      one.button.tabIndex = chosen ? 0 : -1;
      one.panel.hidden = !chosen;
    }
    if (this.#open !== open) {
      this.#open?.element.leave?.();
      this.#open = open;
      if (open) this.#into(open.id);
    }
    open?.element.look?.(seen);
  }

  /** Hide the pane. */
  hide() {
    this.#open?.element.leave?.();
    this.#open = null;
    this.#seen = null;
  }

  /** @param {string} id */
  choose(id) {
    this.#chosen = id;
    const address = new URL(location.href);
    if (id === FIRST) address.searchParams.delete("tab");
    else address.searchParams.set("tab", id);
    history.replaceState(history.state, "", address);
    if (this.#seen) this.show(this.#seen);
  }

  /** @param {string} id */
  #into(id) {
    this.turned(id);
    const button = this.#made.get(id)?.button;
    if (button && this.line.isConnected) { // scroll only the line of tabs: scrollIntoView would also move the page
      const line = this.line.getBoundingClientRect();
      const box = button.getBoundingClientRect();
      if (box.left < line.left) this.line.scrollLeft -= line.left - box.left + 16;
      else if (box.right > line.right) this.line.scrollLeft += box.right - line.right + 16;
    }
  }

  /** @param {Tab} tab */
  #piece(tab) {
    const known = this.#made.get(tab.id);
    if (known) {
      write(known.button, tab.label);
      if (known.panel.firstChild !== tab.element) known.panel.replaceChildren(tab.element);
      return known;
    }
    const button = make("button", { type: "button", role: "tab", id: `tab-${tab.id}`, "aria-controls": `panel-${tab.id}` }, tab.label);
    button.onclick = () => this.choose(tab.id);
    const panel = make("div", { role: "tabpanel", id: `panel-${tab.id}`, "aria-labelledby": `tab-${tab.id}` }, tab.element);
    const piece = { button, panel };
    this.#made.set(tab.id, piece);
    return piece;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const buttons = [...this.line.children].filter((one) => one instanceof HTMLButtonElement);
    const next = tabByKey(event, buttons);
    next?.click();
    next?.focus();
  }
}

/** Set the children in this order; those already in place keep their focus. @param {Element} element @param {Element[]} nodes */
function renewKept(element, nodes) {
  if (nodes.length === element.children.length && nodes.every((node, place) => element.children[place] === node)) return;
  const focused = document.activeElement;
  element.replaceChildren(...nodes);
  if (focused instanceof HTMLElement && element.contains(focused)) focused.focus();
}
