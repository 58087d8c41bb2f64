/**
 * `<sl-tree>`: the supervision tree as a flat list of tree items, patched by key.
 *
 * The order is structural: no line moves because of a state. The element is independent of the server; actions are
 * sent as events: `sl-select` (key), `sl-selection` (keys), `sl-kill` ({keys, ask}), `sl-start` (key), `sl-why`
 * (key).
 *
 * @module
 */

import { closest, make } from "../base/dom.js";
import { recall, remember } from "./folds.js";
import { Hand } from "./hand.js";
import { EMPTY } from "../live/model.js";
import { above, platformRoot } from "../live/scopes.js";
import { outline, startable } from "./outline.js";
import { Room } from "./room.js";
import { TreeKeys } from "./tree-keys.js";
import { TreeLines } from "./tree-lines.js";
import { MEANINGS } from "../base/words.js";

/** @import { Model, Row } from "../live/model.js" */
/** @import { Line } from "./outline.js" */

/** Minimum time for which the line of an ended dynamic child is reserved; longer while the tree is in use. */
const ROOM_MS = 30_000;

export class SlTree extends HTMLElement {
  /** @type {Model} */ #model = EMPTY;
  /** Including the lines of ended children. @type {Line[]} */ #all = [];
  /** @type {Line[]} */ #lines = [];
  /** Key → index in `#lines`. @type {Map<string, number>} */ #places = new Map();
  /** Key → index in `#all`. @type {Map<string, number>} */ #tops = new Map();
  /** @type {Set<string>} */ #collapsed = new Set();
  /** @type {Set<string>} */ #selected = new Set();
  /** @type {string|null} */ #cursor = null;
  /** The focused line was removed, and no other was chosen since. */ #unchosen = false;
  #room = new Room();
  #giving = 0;
  /** The root of the platform's own tree was shown. */ #met = false;
  /** The predicate of the search. @type {((row: Row) => boolean)|null} */ #fits = null;
  #list = make("ul", { role: "tree", class: "tree", "aria-label": "Supervision tree", "aria-multiselectable": "true" });
  #scroll = make("div", { class: "tree-scroll" });
  #hand = new Hand(this.#list, this.#scroll);
  #page = new TreeLines(this.#list, this.#scroll, this.#hand, this);
  #keys = new TreeKeys(this);

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.#collapsed = recall() ?? new Set();
    const head = make("div", { class: "tree-head", "aria-hidden": "true" },
      ...Object.entries(COLUMNS).map(([text, title]) => make("span", { title }, text)));
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

  /** The lines in order, from the top. */
  get lines() {
    return this.#lines;
  }

  get cursor() {
    return this.#cursor;
  }

  /** The focused line if it was chosen by the user. */
  get chosen() {
    return this.#unchosen ? null : this.#cursor;
  }

  get selected() {
    return this.#selected;
  }

  /**
   * Show a model.
   * @param {Model} model
   * @param {number} skew  server time minus local time, in seconds
   * @param {ReadonlySet<string>|null} [touched]  keys of rows that may have changed; null: all
   */
  show(model, skew, touched = null) {
    const before = this.#model;
    this.#model = this.#page.model = model;
    this.#page.skew = skew;
    const root = platformRoot(model);
    if (root !== null && !this.#met) {
      this.#met = true;
      if (recall() === null) this.#collapsed.add(root); // the platform's own tree is closed until it is opened
    }
    const fresh = before.snapshots !== model.snapshots;
    if (fresh) this.#room.clear();
    else if (before.kids !== model.kids) this.#room.follow(before, model, Date.now());
    if (fresh || before.kids !== model.kids || (before.rows !== model.rows && this.#sifts(before, touched))) this.#arrange(!fresh);
    else if (before.rows !== model.rows) this.#refresh(touched ?? model.rows.keys());
  }

  /** Return whether a change adds or removes matches of the search. @param {Model} before @param {ReadonlySet<string>|null} touched */
  #sifts(before, touched) {
    const fits = this.#fits;
    if (!fits || touched === null) return fits !== null;
    for (const key of touched) {
      const was = before.rows.get(key), is = this.#model.rows.get(key);
      if ((was && fits(was)) !== (is && fits(is))) return true;
    }
    return false;
  }

  /** Show only matches and their ancestors; null: everything. @param {((row: Row) => boolean)|null} fits */
  search(fits) {
    if (fits === null && this.#fits === null) return;
    this.#fits = fits;
    this.#room.empty();
    this.#arrange(false);
  }

  /** The lines that match the search. */
  get found() {
    return this.#lines.filter((line) => line.match);
  }

  /** @param {string} key @param {boolean} [open] */
  toggle(key, open = this.#collapsed.has(key)) {
    if (!this.#model.kids.has(key) || this.#fits) return;
    this.#room.empty(key);
    if (open) this.#collapsed.delete(key);
    else this.#collapsed.add(key);
    this.#folded();
  }

  /** The closed branches. */
  get closed() {
    return this.#collapsed;
  }

  /** Close exactly these branches for this visit. @param {Iterable<string>} keys */
  close(keys) {
    this.#collapsed = new Set(keys);
    this.#arrange(false);
  }

  #folded() {
    remember(this.#collapsed);
    this.#arrange(false);
    this.dispatchEvent(new CustomEvent("sl-fold"));
  }

  /** Open or close all branches; the root stays open. @param {boolean} open */
  toggleAll(open) {
    this.#collapsed = new Set();
    this.#room.empty();
    const root = platformRoot(this.#model);
    if (!open)
      for (const [key] of this.#model.kids) if (key === root || above(this.#model, this.#model.rows.get(key))) this.#collapsed.add(key);
    this.#folded();
  }

  /**
   * Move the focus to a line.
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
      if (!this.#page.views.has(key ?? "")) this.#lay(false);
    }
    const view = this.#page.views.get(key ?? "");
    if (!view) return;
    view.element.tabIndex = 0;
    if (!focus) return;
    view.element.focus({ preventScroll: true });
    this.bring(key);
  }

  /** Scroll a line into view. @param {string|null} key */
  bring(key) {
    const at = this.#tops.get(key ?? "");
    if (at !== undefined) this.#page.bring(key ?? "", at);
  }

  #scrolled() {
    if (this.#page.strayed(this.#all.length)) this.#lay(false);
  }

  /** Follow the focus, wherever it comes from. @param {EventTarget|null} target */
  #focused(target) {
    const item = closest(target, "[role=treeitem]");
    const key = item instanceof HTMLElement ? item.dataset.key ?? null : null;
    if (key !== null && key !== this.#cursor) this.point(key, false);
  }

  /**
   * Select exactly these rows and show the last one.
   * @param {string[]} keys
   * @param {boolean} [look]  false: keep showing the current one
   */
  select(keys, look = true) {
    const before = this.#selected;
    if (keys.includes(this.#cursor ?? "")) this.#unchosen = false;
    this.#selected = new Set(
      keys.filter((key) => this.#model.rows.has(key) && (keys.length === 1 || this.#model.rows.get(key)?.kind !== "group")));
    for (const key of new Set([...before, ...this.#selected]))
      this.#page.views.get(key)?.element.setAttribute("aria-selected", String(this.#selected.has(key)));
    this.dispatchEvent(new CustomEvent("sl-selection", { detail: [...this.#selected] }));
    if (look) this.dispatchEvent(new CustomEvent("sl-select", { detail: keys.at(-1) ?? null }));
  }

  /** Open the ancestors of a row, select it and scroll it into view. @param {string} key */
  reveal(key) {
    if (!this.#model.rows.has(key)) return false;
    for (let up = above(this.#model, this.#model.rows.get(key)); up !== null; up = above(this.#model, this.#model.rows.get(up)))
      this.#collapsed.delete(up);
    this.#arrange(false);
    this.select([key]);
    this.point(key);
    return true;
  }

  /** Open the branches above a process and scroll its line into view, without choosing it. @param {string} name */
  present(name) {
    const rows = [...this.#model.rows.values()], row = rows.find((one) => one.name === name) ?? rows.find((one) => one.id === name);
    if (!row) return false;
    let closed = false;
    for (let up = above(this.#model, row); up !== null; up = above(this.#model, this.#model.rows.get(up)))
      closed = this.#collapsed.delete(up) || closed;
    if (closed) this.#arrange(false);
    this.bring(row.key);
    return true;
  }

  /**
   * Requests the end of processes, or the start of a single stopped one.
   * @param {string[]} keys
   * @param {boolean} [ask]  whether to ask for confirmation
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

  /** Disable the kill buttons of processes that a replay shows as stopped. @param {ReadonlySet<string>} down  their keys */
  hold(down) {
    this.#page.hold(down);
  }

  /** Return whether a replay shows a process as stopped. @param {string} key */
  holds(key) {
    return this.#page.holds(key);
  }

  /** Show at once that an action is pending. @param {string} key @param {string} [word] */
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
   * Lay out the lines again and reuse elements.
   * @param {boolean} seen  false: changes were not observed (snapshot, search, an opened branch)
   */
  #arrange(seen) {
    if (seen) this.#hand.still(() => this.#arranged(true));
    else this.#arranged(false);
    this.dispatchEvent(new CustomEvent("sl-arranged"));
  }

  /** @param {boolean} seen */
  #arranged(seen) {
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
  }

  /** Remove rows that no longer exist from the selection. */
  #unselect() {
    const gone = [...this.#selected].filter((key) => !this.#model.rows.has(key));
    for (const key of gone) this.#selected.delete(key);
    if (gone.length) this.dispatchEvent(new CustomEvent("sl-selection", { detail: [...this.#selected] }));
  }

  /** @param {boolean} seen */
  #lay(seen) {
    this.#page.lay(this.#all, this.#tops, this.#cursor, seen);
  }

  /** Update changed rows and the lines that depend on them. @param {Iterable<string>} keys */
  #refresh(keys) {
    /** @type {Set<string>} */
    const also = new Set();
    for (const key of keys) {
      const before = this.#lines[this.#places.get(key) ?? -1]?.row, row = this.#model.rows.get(key);
      if (!row) continue;
      this.#renew(key);
      // whether a child can be started depends on its supervisor, and a closed branch counts its content
      if (before && (before.pid !== row.pid || before.strategy !== row.strategy))
        for (const kid of this.#model.kids.get(key) ?? []) also.add(kid);
      for (let up = above(this.#model, row); up !== null && !also.has(up); up = above(this.#model, this.#model.rows.get(up))) {
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

  /** Release reserved lines of dynamic children after a while, unless the tree is in use. */
  #giveBack() {
    clearTimeout(this.#giving);
    if (this.#hand.here) return;
    this.#hand.leave();
    const { oldest } = this.#room;
    if (oldest === Infinity) return;
    if (this.#room.empty(undefined, Date.now() - ROOM_MS)) this.#arrange(false);
    else this.#giving = setTimeout(() => this.#giveBack(), Math.max(100, oldest + ROOM_MS - Date.now() + 10));
  }
}

/** The columns and their explanations. @type {Record<string, string|null>} */
const COLUMNS = {
  Process: null, Pid: MEANINGS.pid, State: MEANINGS.state, Restarts: MEANINGS.restarts, "Restarts left": MEANINGS.budget,
  Mailbox: MEANINGS.mailbox, "": null,
};

customElements.define("sl-tree", SlTree);
