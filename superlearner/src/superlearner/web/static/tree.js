/**
 * `<sl-tree>`: the supervision tree as a flat list of tree items, patched by key.
 *
 * Order is structural: no line ever moves because of a state. The element knows of no server; what a person wants
 * done leaves it as events: `sl-select` (key), `sl-selection` (keys), `sl-kill` ({keys, ask}), `sl-start` (key).
 *
 * @module
 */

import { make } from "./dom.js";
import { recall, remember } from "./folds.js";
import { EMPTY } from "./model.js";
import { hidden, outline, startable } from "./outline.js";
import { Room } from "./room.js";
import { RowView } from "./row.js";
import { TreeKeys } from "./tree-keys.js";
import { MEANINGS } from "./words.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./outline.js").Line} Line */

/** How long a row that is gone stays, so that its end is seen. */
const LEAVE_MS = 700;
/** How long the line of a dynamic child that ended waits for the next one, at least; never while a hand is on the tree. */
const ROOM_MS = 30_000;

export class SlTree extends HTMLElement {
  /** @type {Model} */ #model = EMPTY;
  /** @type {Line[]} */ #lines = [];
  /** @type {Map<string, number>} */ #places = new Map();
  /** @type {Map<string, RowView>} */ #views = new Map();
  /** @type {Set<string>} */ #collapsed = new Set();
  /** @type {Set<string>} */ #selected = new Set();
  /** @type {string|null} */ #cursor = null;
  /** The line that the keyboard was on is gone, and nobody has chosen another one since. */ #unchosen = false;
  /** @type {Map<string, import("./map-marks.js").Note>} */ #notes = new Map();
  #room = new Room();
  #giving = 0;
  #query = "";
  #clock = 0;
  #skew = 0;
  #list = make("ul", { role: "tree", class: "tree", "aria-label": "Supervision tree", "aria-multiselectable": "true" });
  #keys = new TreeKeys(this);

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.#collapsed = recall();
    const head = make("div", { class: "tree-head", "aria-hidden": "true" }, ...Object.entries(COLUMNS).map(([text, title]) => make("span", { title }, make("b", {}, text), make("i", {}, text.replace("Restarts left", "Left")))));
    this.append(make("div", { class: "tree-scroll" }, head, this.#list));
    this.#list.addEventListener("click", (event) => this.#keys.clicked(event));
    this.#list.addEventListener("dblclick", (event) => this.#keys.clickedTwice(event));
    this.#list.addEventListener("keydown", (event) => this.#keys.pressed(event));
    this.#list.addEventListener("pointermove", (event) => this.#keys.moved(event), { passive: true });
    this.#list.addEventListener("wheel", () => this.#keys.turned(), { passive: true });
    this.#list.addEventListener("focusin", (event) => this.#focused(event.target));
    for (const type of ["pointerleave", "focusout"]) this.#list.addEventListener(type, () => setTimeout(() => this.#giveBack(), 0));
  }

  /** The lines as they stand, from the top. */
  get lines() {
    return this.#lines;
  }

  get cursor() {
    return this.#cursor;
  }

  /** The line with the keyboard's place, if a person chose it. */
  get chosen() {
    return this.#unchosen ? null : this.#cursor;
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
    if (fresh) this.#room.clear();
    else if (before.kids !== model.kids) this.#room.follow(before, model, Date.now());
    if (fresh || before.kids !== model.kids || (this.#query && before.rows !== model.rows)) this.#arrange(!fresh);
    else if (before.rows !== model.rows) this.#refresh();
  }

  /** Shows only what fits these words. @param {string} query */
  search(query) {
    if (query === this.#query) return;
    this.#query = query;
    this.#room.empty();
    this.#arrange(false);
  }

  /** How many lines fit the search. */
  get found() {
    return this.#lines.filter((line) => line.match).length;
  }

  /** @param {string} key @param {boolean} [open] */
  toggle(key, open = this.#collapsed.has(key)) {
    if (!this.#model.kids.has(key) || this.#query) return;
    this.#room.empty(key);
    if (open) this.#collapsed.delete(key);
    else this.#collapsed.add(key);
    remember(this.#collapsed);
    this.#arrange(false);
  }

  /** Opens or closes all branches; the top stays open. @param {boolean} open */
  toggleAll(open) {
    this.#collapsed = new Set();
    this.#room.empty();
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
    this.#unchosen = false;
    const view = this.#views.get(key ?? "");
    if (!view) return;
    view.element.tabIndex = 0;
    if (!focus) return;
    view.element.focus({ preventScroll: true });
    this.bring(key);
  }

  /** Brings a line into view. @param {string|null} key */
  bring(key) {
    this.#views.get(key ?? "")?.element.scrollIntoView({ block: "nearest" });
  }

  /** Wherever the focus comes from, the keyboard's place follows it. @param {EventTarget|null} target */
  #focused(target) {
    const item = target instanceof Element ? target.closest("[role=treeitem]") : null;
    const key = item instanceof HTMLElement ? item.dataset.key ?? null : null;
    if (key !== null && key !== this.#cursor) this.point(key, false);
  }

  /**
   * Selects these rows and no others; the last is the one looked at.
   * @param {string[]} keys
   */
  select(keys) {
    const before = this.#selected;
    if (keys.includes(this.#cursor ?? "")) this.#unchosen = false;
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

  /**
   * Asks for the end of processes; a single one that is stopped is asked to start.
   * @param {string[]} keys
   * @param {boolean} [ask]  whether the person should be asked first
   */
  kill(keys, ask = false) {
    const alive = keys.filter((key) => this.#model.rows.get(key)?.pid);
    if (alive.length) this.dispatchEvent(new CustomEvent("sl-kill", { detail: { keys: alive, ask } }));
  }

  /** @param {string} key */
  start(key) {
    const row = this.#model.rows.get(key);
    if (row && startable(this.#model, row)) this.dispatchEvent(new CustomEvent("sl-start", { detail: key }));
  }

  /**
   * Says something of a process in its line, or with null no more; without a key all of it goes. The map has the same.
   * @param {string|null} key
   * @param {import("./map-marks.js").Note|null} [note]
   */
  annotate(key, note = null) {
    const keys = key === null ? [...this.#notes.keys()] : [key];
    for (const one of keys) {
      if (note) this.#notes.set(one, note);
      else this.#notes.delete(one);
      this.#views.get(one)?.annotate(note);
    }
  }

  /** Shows at once that something is on its way. @param {string} key @param {string} [word] */
  mark(key, word = "killing…") {
    this.#views.get(key)?.mark(word);
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
    const all = outline(this.#model, this.#collapsed, this.#query, this.#room);
    const kept = new Set(all.filter((line) => line.ended).map((line) => line.row.key));
    this.#lines = all.filter((line) => !line.ended);
    this.#places = new Map(this.#lines.map((line, index) => [line.row.key, index]));
    for (const [key, view] of this.#views) {
      if (this.#places.has(key)) continue;
      if (!this.#model.rows.has(key)) this.#forget(view, seen, kept.has(key));
      else view.element.remove();
    }
    for (const [key, view] of this.#kept) {
      if (kept.has(key)) continue;
      view.element.remove();
      this.#kept.delete(key);
    }
    let at = this.#list.firstElementChild;
    for (const line of all) {
      const view = line.ended ? this.#kept.get(line.row.key) : this.#view(line, seen);
      if (!view) continue;
      while (at instanceof HTMLElement && "gone" in at.dataset && !this.#kept.has(at.dataset.key ?? "")) at = at.nextElementSibling;
      if (at === view.element) at = at.nextElementSibling;
      else this.#list.insertBefore(view.element, at);
      if (line.ended) continue;
      view.take(line, seen);
      this.#paint(view);
    }
    if (!this.#places.has(this.#cursor ?? "")) {
      const chosen = this.#cursor === null;
      this.point(this.#lines[Math.min(place, this.#lines.length - 1)]?.row.key ?? null, focused);
      this.#unchosen = !chosen;
    }
    this.#giveBack();
    this.dispatchEvent(new CustomEvent("sl-arranged"));
  }

  /** Only rows changed: paints those. */
  #refresh() {
    for (const line of this.#lines) {
      const row = this.#model.rows.get(line.row.key);
      const view = this.#views.get(line.row.key);
      if (!row || !view) continue;
      const next = { ...line, row, startable: startable(this.#model, row) };
      if (row === line.row && line.open !== false && next.startable === line.startable) continue;
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
    view.annotate(this.#notes.get(row.key) ?? null);
    return view;
  }

  /** @param {RowView} view @param {boolean} seen @param {boolean} keep  its line waits for the next child */
  #forget(view, seen, keep) {
    this.#views.delete(view.key);
    if (this.#selected.delete(view.key)) this.dispatchEvent(new CustomEvent("sl-selection", { detail: [...this.#selected] }));
    const taken = !keep && this.#room.holds(view.line?.row.parent ?? ""); // its successor stands there already
    if (!seen || taken || !view.element.isConnected) {
      view.element.remove();
      return;
    }
    const pid = view.line?.row.pid ?? "";
    const told = this.#model.feed.findLast((event) => event.key === view.key || (pid !== "" && event.pid === pid));
    view.leave(told?.level === "bad" ? told.parts?.reason ?? "ended" : "");
    if (keep) this.#kept.set(view.key, view);
    else setTimeout(() => view.element.remove(), LEAVE_MS);
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

  /** Lines of children that ended. @type {Map<string, RowView>} */ #kept = new Map();

  /** Gives back the room of dynamic children that nobody needed for a while, when no hand is on the tree. */
  #giveBack() {
    clearTimeout(this.#giving);
    const { oldest } = this.#room;
    if (oldest === Infinity || this.#list.matches(":hover") || this.#list.contains(document.activeElement)) return;
    if (this.#room.empty(undefined, Date.now() - ROOM_MS)) this.#arrange(false);
    else this.#giving = setTimeout(() => this.#giveBack(), Math.max(100, oldest + ROOM_MS - Date.now() + 10));
  }
}

/** The columns, and what they mean. @type {Record<string, string|null>} */
const COLUMNS = { Process: null, Pid: MEANINGS.pid, State: MEANINGS.state, Restarts: MEANINGS.restarts, "Restarts left": MEANINGS.budget, Mailbox: MEANINGS.mailbox, "": null };

customElements.define("sl-tree", SlTree);
