/**
 * `<sl-tree>`: the supervision tree as a flat list of tree items, patched by key.
 *
 * Order is structural: no line ever moves because of a state. The element knows of no server; what a person wants
 * done leaves it as events: `sl-select` (key), `sl-selection` (keys), `sl-kill` ({keys, ask}), `sl-start` (key),
 * `sl-why` (key).
 *
 * @module
 */

import { make } from "../base/dom.js";
import { recall, remember } from "./folds.js";
import { EMPTY } from "../live/model.js";
import { outline, startable } from "./outline.js";
import { Room } from "./room.js";
import { TreeKeys } from "./tree-keys.js";
import { TreeLines } from "./tree-lines.js";
import { MEANINGS } from "../base/words.js";

/** @typedef {import("../live/model.js").Model} Model */
/** @typedef {import("./outline.js").Line} Line */

/** How long the line of a dynamic child that ended waits for the next one, at least; never while a hand is on the tree. */
const ROOM_MS = 30_000;

export class SlTree extends HTMLElement {
  /** @type {Model} */ #model = EMPTY;
  /** With the lines of those that ended. @type {Line[]} */ #all = [];
  /** @type {Line[]} */ #lines = [];
  /** Key → its number among `#lines`. @type {Map<string, number>} */ #places = new Map();
  /** Key → its number among `#all`. @type {Map<string, number>} */ #tops = new Map();
  /** @type {Set<string>} */ #collapsed = new Set();
  /** @type {Set<string>} */ #selected = new Set();
  /** @type {string|null} */ #cursor = null;
  /** The line that the keyboard was on is gone, and nobody has chosen another one since. */ #unchosen = false;
  #room = new Room();
  #giving = 0;
  /** What tells the rows that are to be seen. @type {((row: import("../live/model.js").Row) => boolean)|null} */ #fits = null;
  #list = make("ul", { role: "tree", class: "tree", "aria-label": "Supervision tree", "aria-multiselectable": "true" });
  #scroll = make("div", { class: "tree-scroll" });
  #page = new TreeLines(this.#list, this.#scroll, this);
  #keys = new TreeKeys(this);

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.#collapsed = recall();
    const head = make("div", { class: "tree-head", "aria-hidden": "true" }, ...Object.entries(COLUMNS).map(([text, title]) => make("span", { title }, make("b", {}, text), make("i", {}, text.replace("Restarts left", "Left")))));
    this.#scroll.append(head, this.#list);
    this.append(this.#scroll);
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#scrolled()).observe(this.#scroll);
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
   * @param {ReadonlySet<string>|null} [touched]  keys of the rows that may have changed; null: all
   */
  show(model, skew, touched = null) {
    const before = this.#model;
    this.#model = this.#page.model = model;
    this.#page.skew = skew;
    const fresh = before.snapshots !== model.snapshots;
    if (fresh) this.#room.clear();
    else if (before.kids !== model.kids) this.#room.follow(before, model, Date.now());
    if (fresh || before.kids !== model.kids || (before.rows !== model.rows && this.#sifts(before, touched))) this.#arrange(!fresh);
    else if (before.rows !== model.rows) this.#refresh(touched ?? model.rows.keys());
  }

  /** Whether what changed goes into the search, or out of it. @param {Model} before @param {ReadonlySet<string>|null} touched */
  #sifts(before, touched) {
    const fits = this.#fits;
    if (!fits || touched === null) return fits !== null;
    for (const key of touched) {
      const was = before.rows.get(key), is = this.#model.rows.get(key);
      if ((was && fits(was)) !== (is && fits(is))) return true;
    }
    return false;
  }

  /** Shows only what fits, and what stands above it; null: everything. @param {((row: import("../live/model.js").Row) => boolean)|null} fits */
  search(fits) {
    if (fits === null && this.#fits === null) return;
    this.#fits = fits;
    this.#room.empty();
    this.#arrange(false);
  }

  /** How many lines fit the search. */
  get found() {
    return this.#lines.filter((line) => line.match).length;
  }

  /** @param {string} key @param {boolean} [open] */
  toggle(key, open = this.#collapsed.has(key)) {
    if (!this.#model.kids.has(key) || this.#fits) return;
    this.#room.empty(key);
    if (open) this.#collapsed.delete(key);
    else this.#collapsed.add(key);
    this.#folded();
  }

  /** The branches that are closed. */
  get closed() {
    return this.#collapsed;
  }

  /** Closes these branches and no others, for this visit. @param {Iterable<string>} keys */
  close(keys) {
    this.#collapsed = new Set(keys);
    this.#arrange(false);
  }

  #folded() {
    remember(this.#collapsed);
    this.#arrange(false);
    this.dispatchEvent(new CustomEvent("sl-fold"));
  }

  /** Opens or closes all branches; the top stays open. @param {boolean} open */
  toggleAll(open) {
    this.#collapsed = new Set();
    this.#room.empty();
    if (!open) for (const [key] of this.#model.kids) if (this.#model.rows.get(key)?.parent) this.#collapsed.add(key);
    this.#folded();
  }

  /**
   * Puts the keyboard's place on a line.
   * @param {string|null} key
   * @param {boolean} [focus]
   */
  point(key, focus = true) {
    const old = this.#page.views.get(this.#cursor ?? "");
    if (old) old.element.tabIndex = -1;
    this.#cursor = key;
    this.#unchosen = false;
    if (this.#page.partial) {
      if (focus) this.bring(key);
      this.#lay(false);
    }
    const view = this.#page.views.get(key ?? "");
    if (!view) return;
    view.element.tabIndex = 0;
    if (!focus) return;
    view.element.focus({ preventScroll: true });
    this.bring(key);
  }

  /** Brings a line into view. @param {string|null} key */
  bring(key) {
    const at = this.#tops.get(key ?? "");
    if (at !== undefined) this.#page.bring(key ?? "", at);
  }

  #scrolled() {
    if (this.#page.strayed(this.#all.length)) this.#lay(false);
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
   * @param {boolean} [look]  false: go on looking at the one that is looked at
   */
  select(keys, look = true) {
    const before = this.#selected;
    if (keys.includes(this.#cursor ?? "")) this.#unchosen = false;
    this.#selected = new Set(keys.filter((key) => this.#model.rows.has(key) && (keys.length === 1 || this.#model.rows.get(key)?.kind !== "group")));
    for (const key of new Set([...before, ...this.#selected])) this.#page.views.get(key)?.element.setAttribute("aria-selected", String(this.#selected.has(key)));
    this.dispatchEvent(new CustomEvent("sl-selection", { detail: [...this.#selected] }));
    if (look) this.dispatchEvent(new CustomEvent("sl-select", { detail: keys.at(-1) ?? null }));
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
   * @param {import("../map/map-marks.js").Note|null} [note]
   */
  annotate(key, note = null) {
    this.#page.annotate(key, note);
  }

  /** Shows at once that something is on its way. @param {string} key @param {string} [word] */
  mark(key, word = "killing…") {
    this.#page.views.get(key)?.mark(word);
  }

  /** @param {string} key @param {boolean} refused */
  answered(key, refused) {
    const view = this.#page.views.get(key);
    if (refused) view?.settle();
    else view?.answered();
    if (view) this.#page.paint(view);
  }

  /**
   * Lays the lines out anew, reusing every element that stays.
   * @param {boolean} seen  false: what is new was not watched happening (snapshot, search, a branch opened)
   */
  #arrange(seen) {
    const focused = this.#list.contains(document.activeElement);
    const stood = this.#places.get(this.#cursor ?? "") ?? 0;
    this.#all = outline(this.#model, this.#collapsed, this.#fits, this.#room);
    const kept = new Set(this.#all.filter((line) => line.ended).map((line) => line.row.key));
    this.#lines = kept.size ? this.#all.filter((line) => !line.ended) : [...this.#all];
    this.#places = new Map(this.#lines.map((line, index) => [line.row.key, index]));
    this.#tops = kept.size ? new Map(this.#all.map((line, index) => [line.row.key, index])) : this.#places;
    this.#page.sweep(this.#places, kept, seen, (parent) => this.#room.holds(parent));
    this.#unselect();
    this.#lay(seen);
    if (!this.#places.has(this.#cursor ?? "")) {
      const chosen = this.#cursor === null;
      this.point(this.#lines[Math.min(stood, this.#lines.length - 1)]?.row.key ?? null, focused);
      this.#unchosen = !chosen;
    }
    this.#giveBack();
    this.dispatchEvent(new CustomEvent("sl-arranged"));
  }

  /** Who is gone is not selected. */
  #unselect() {
    const gone = [...this.#selected].filter((key) => !this.#model.rows.has(key));
    for (const key of gone) this.#selected.delete(key);
    if (gone.length) this.dispatchEvent(new CustomEvent("sl-selection", { detail: [...this.#selected] }));
  }

  /** @param {boolean} seen */
  #lay(seen) {
    this.#page.lay(this.#all, this.#tops, this.#cursor, seen);
  }

  /** Only rows changed: paints those, and what tells of them. @param {Iterable<string>} keys */
  #refresh(keys) {
    /** @type {Set<string>} */
    const also = new Set();
    for (const key of keys) {
      const before = this.#lines[this.#places.get(key) ?? -1]?.row, row = this.#model.rows.get(key);
      if (!row) continue;
      this.#renew(key);
      // whether a child can be started is a matter of its supervisor, and a closed branch counts what is in it
      if (before && (before.pid !== row.pid || before.strategy !== row.strategy)) for (const kid of this.#model.kids.get(key) ?? []) also.add(kid);
      for (let up = row.parent; up !== null && !also.has(up); up = this.#model.rows.get(up)?.parent ?? null) {
        if (this.#lines[this.#places.get(up) ?? -1]?.open === false) also.add(up);
      }
    }
    for (const key of also) this.#renew(key);
  }

  /** @param {string} key */
  #renew(key) {
    const place = this.#places.get(key);
    const line = place === undefined ? undefined : this.#lines[place], row = this.#model.rows.get(key);
    if (place === undefined || !line || !row) return;
    const next = { ...line, row, startable: startable(this.#model, row) };
    if (row === line.row && line.open !== false && next.startable === line.startable) return;
    this.#lines[place] = this.#all[this.#tops.get(key) ?? place] = next;
    this.#page.renew(next);
  }

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
