/**
 * `<sl-tree>`: the supervision tree as a flat list of tree items, patched by key.
 *
 * Order is structural: no line ever moves because of a state. The element knows of no server; what a person wants
 * done leaves it as events: `sl-select` (key), `sl-selection` (keys), `sl-kill` (keys).
 *
 * @module
 */

import { make } from "./dom.js";
import { EMPTY } from "./model.js";
import { hidden, outline } from "./outline.js";
import { RowView } from "./row.js";
import { TreeKeys } from "./tree-keys.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./outline.js").Line} Line */

/** How long a row that is gone stays, so that its end is seen. */
const LEAVE_MS = 700;
const STORE = "superlearner.collapsed";

export class SlTree extends HTMLElement {
  /** @type {Model} */ #model = EMPTY;
  /** @type {Line[]} */ #lines = [];
  /** @type {Map<string, number>} */ #places = new Map();
  /** @type {Map<string, RowView>} */ #views = new Map();
  /** @type {Set<string>} */ #collapsed = new Set();
  /** @type {Set<string>} */ #selected = new Set();
  /** @type {string|null} */ #cursor = null;
  #query = "";
  #clock = 0;
  #skew = 0;
  #list = make("ul", { role: "tree", class: "tree", "aria-label": "Supervision tree", "aria-multiselectable": "true" });
  #keys = new TreeKeys(this);

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.#collapsed = recall();
    const head = make("div", { class: "tree-head", "aria-hidden": "true" },
      ...["Process", "Pid", "State", "Restarts", "Restarts left", "Mailbox", ""].map((text) => make("span", {}, text)));
    this.append(make("div", { class: "tree-scroll" }, head, this.#list));
    this.#list.addEventListener("click", (event) => this.#keys.clicked(event));
    this.#list.addEventListener("dblclick", (event) => this.#keys.clickedTwice(event));
    this.#list.addEventListener("keydown", (event) => this.#keys.pressed(event));
    this.#list.addEventListener("pointermove", (event) => this.#keys.moved(event), { passive: true });
    this.#list.addEventListener("wheel", () => this.#keys.turned(), { passive: true });
  }

  /** The lines as they stand, from the top. */
  get lines() {
    return this.#lines;
  }

  get cursor() {
    return this.#cursor;
  }

  get selected() {
    return this.#selected;
  }

  /**
   * Shows a model.
   * @param {Model} model
   * @param {number} skew  server time minus ours, in seconds
   */
  show(model, skew) {
    const before = this.#model;
    this.#model = model;
    this.#skew = skew;
    const fresh = before.snapshots !== model.snapshots;
    if (fresh || before.kids !== model.kids || (this.#query && before.rows !== model.rows)) this.#arrange(!fresh);
    else if (before.rows !== model.rows) this.#refresh();
  }

  /** Shows only what fits these words. @param {string} query */
  search(query) {
    if (query === this.#query) return;
    this.#query = query;
    this.#arrange(false);
  }

  /** How many lines fit the search. */
  get found() {
    return this.#lines.filter((line) => line.match).length;
  }

  /** @param {string} key @param {boolean} [open] */
  toggle(key, open = this.#collapsed.has(key)) {
    if (!this.#model.kids.has(key) || this.#query) return;
    if (open) this.#collapsed.delete(key);
    else this.#collapsed.add(key);
    remember(this.#collapsed);
    this.#arrange(false);
  }

  /** Opens or closes all branches; the top stays open. @param {boolean} open */
  toggleAll(open) {
    this.#collapsed = new Set();
    if (!open) for (const [key] of this.#model.kids) if (this.#model.rows.get(key)?.parent) this.#collapsed.add(key);
    remember(this.#collapsed);
    this.#arrange(false);
  }

  /**
   * Puts the keyboard's place on a line.
   * @param {string|null} key
   * @param {boolean} [focus]
   */
  point(key, focus = true) {
    const old = this.#views.get(this.#cursor ?? "");
    if (old) old.element.tabIndex = -1;
    this.#cursor = key;
    const view = this.#views.get(key ?? "");
    if (!view) return;
    view.element.tabIndex = 0;
    if (!focus) return;
    view.element.focus({ preventScroll: true });
    view.element.scrollIntoView({ block: "nearest" });
  }

  /**
   * Selects these rows and no others; the last is the one looked at.
   * @param {string[]} keys
   */
  select(keys) {
    const before = this.#selected;
    this.#selected = new Set(keys.filter((key) => this.#model.rows.has(key)));
    for (const key of new Set([...before, ...this.#selected])) this.#views.get(key)?.element.setAttribute("aria-selected", String(this.#selected.has(key)));
    this.dispatchEvent(new CustomEvent("sl-selection", { detail: [...this.#selected] }));
    this.dispatchEvent(new CustomEvent("sl-select", { detail: keys.at(-1) ?? null }));
  }

  /** Opens what hides a row, selects it and brings it into view. @param {string} key */
  reveal(key) {
    if (!this.#model.rows.has(key)) return false;
    for (let up = this.#model.rows.get(key)?.parent ?? null; up !== null; up = this.#model.rows.get(up)?.parent ?? null) this.#collapsed.delete(up);
    this.#arrange(false);
    this.select([key]);
    this.point(key);
    return true;
  }

  /** Asks for the end of processes. @param {string[]} keys */
  kill(keys) {
    const alive = keys.filter((key) => this.#model.rows.get(key)?.pid);
    if (alive.length) this.dispatchEvent(new CustomEvent("sl-kill", { detail: alive }));
  }

  /** Shows at once that something is on its way. @param {string} key */
  mark(key) {
    this.#views.get(key)?.mark();
  }

  /** @param {string} key @param {boolean} refused */
  answered(key, refused) {
    const view = this.#views.get(key);
    if (refused) view?.settle();
    else view?.answered();
    if (view) this.#paint(view);
  }

  /**
   * Lays the lines out anew, reusing every element that stays.
   * @param {boolean} seen  false: what is new was not watched happening (snapshot, search, a branch opened)
   */
  #arrange(seen) {
    const focused = this.#list.contains(document.activeElement);
    const place = this.#places.get(this.#cursor ?? "") ?? 0;
    this.#lines = outline(this.#model, this.#collapsed, this.#query);
    this.#places = new Map(this.#lines.map((line, index) => [line.row.key, index]));
    for (const [key, view] of this.#views) {
      if (this.#places.has(key)) continue;
      if (!this.#model.rows.has(key)) this.#forget(view, seen);
      else view.element.remove();
    }
    let at = this.#list.firstElementChild;
    for (const line of this.#lines) {
      const view = this.#view(line, seen);
      while (at instanceof HTMLElement && "gone" in at.dataset) at = at.nextElementSibling;
      if (at === view.element) at = at.nextElementSibling;
      else this.#list.insertBefore(view.element, at);
      view.take(line, seen);
      this.#paint(view);
    }
    if (!this.#places.has(this.#cursor ?? "")) this.point(this.#lines[Math.min(place, this.#lines.length - 1)]?.row.key ?? null, focused);
    this.dispatchEvent(new CustomEvent("sl-arranged"));
  }

  /** Only rows changed: paints those. */
  #refresh() {
    for (const line of this.#lines) {
      const row = this.#model.rows.get(line.row.key);
      const view = this.#views.get(line.row.key);
      if (!row || !view || (row === line.row && line.open !== false)) continue;
      const next = { ...line, row };
      this.#lines[this.#places.get(row.key) ?? 0] = next;
      view.take(next, true);
      this.#paint(view);
    }
  }

  /** @param {Line} line @param {boolean} seen */
  #view({ row }, seen) {
    let view = this.#views.get(row.key);
    if (view && view.element.dataset.kind === row.kind) return view;
    view?.element.remove();
    view = new RowView(row, (one) => this.#paint(one));
    view.element.setAttribute("aria-selected", String(this.#selected.has(row.key)));
    if (seen) {
      const fresh = view;
      fresh.element.dataset.new = "";
      setTimeout(() => {
        fresh.fade();
        delete fresh.element.dataset.new;
      }, LEAVE_MS);
    }
    this.#views.set(row.key, view);
    return view;
  }

  /** @param {RowView} view @param {boolean} seen */
  #forget(view, seen) {
    this.#views.delete(view.key);
    if (this.#selected.delete(view.key)) this.dispatchEvent(new CustomEvent("sl-selection", { detail: [...this.#selected] }));
    if (!seen || !view.element.isConnected) {
      view.element.remove();
      return;
    }
    const told = this.#model.feed.findLast((event) => event.key === view.key);
    view.leave(told?.level === "bad" ? told.parts?.reason ?? "ended" : "");
    setTimeout(() => view.element.remove(), LEAVE_MS);
  }

  /** @param {RowView} view */
  #paint(view) {
    const closed = view.line?.open === false;
    const next = view.paint(Date.now() / 1000 + this.#skew, closed ? hidden(this.#model, view.key) : null);
    if (next !== null) this.#wake(next);
  }

  /** Paints again when a restart stops counting or a wait is over: no server is asked for that. @param {number} at */
  #wake(at) {
    const wait = Math.max(20, (at - this.#skew) * 1000 - Date.now() + 5);
    if (this.#clock && this.#due <= Date.now() + wait) return;
    clearTimeout(this.#clock);
    this.#due = Date.now() + wait;
    this.#clock = setTimeout(() => {
      this.#clock = 0;
      for (const view of this.#views.values()) if (view.line?.row.budget || view.line?.row.again_at) this.#paint(view);
    }, Math.min(wait, 2 ** 30));
  }

  #due = 0;
}

/** @returns {Set<string>} */
function recall() {
  try {
    return new Set(JSON.parse(localStorage.getItem(STORE) ?? "[]"));
  } catch {
    return new Set();
  }
}

/** @param {Set<string>} collapsed */
function remember(collapsed) {
  try {
    localStorage.setItem(STORE, JSON.stringify([...collapsed]));
  } catch {
    // Storage may be forbidden; branches then open again with the next visit.
  }
}

customElements.define("sl-tree", SlTree);
