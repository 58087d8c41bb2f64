/**
 * `<sl-tree>`: the supervision tree as a flat list of tree items, patched by key.
 *
 * Order is structural: no line ever moves because of a state. The element knows of no server; what a person wants
 * done leaves it as events: `sl-select` (key), `sl-selection` (keys), `sl-kill` ({keys, ask}), `sl-start` (key),
 * `sl-why` (key).
 *
 * @module
 */

import { attribute, make } from "./dom.js";
import { recall, remember } from "./folds.js";
import { EMPTY } from "./model.js";
import { hidden, outline, startable } from "./outline.js";
import { Room } from "./room.js";
import { RowView } from "./row.js";
import { TreeKeys } from "./tree-keys.js";
import { ALL, covers, place, range, scrollTo } from "./tree-window.js";
import { MEANINGS } from "./words.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./outline.js").Line} Line */

/** How long a row that is gone stays, so that its end is seen. */
const LEAVE_MS = 700;
/** How long the line of a dynamic child that ended waits for the next one, at least; never while a hand is on the tree. */
const ROOM_MS = 30_000;

export class SlTree extends HTMLElement {
  /** @type {Model} */ #model = EMPTY;
  /** With the lines of those that ended. @type {Line[]} */ #all = [];
  /** @type {Line[]} */ #lines = [];
  /** Key → its number among `#lines`. @type {Map<string, number>} */ #places = new Map();
  /** Key → its number among `#all`. @type {Map<string, number>} */ #tops = new Map();
  /** What of `#all` is in the page; null: everything. @type {{from: number, to: number}|null} */ #part = null;
  #line = 30;
  /** @type {Map<string, RowView>} */ #views = new Map();
  /** @type {Set<string>} */ #collapsed = new Set();
  /** @type {Set<string>} */ #selected = new Set();
  /** @type {string|null} */ #cursor = null;
  /** The line that the keyboard was on is gone, and nobody has chosen another one since. */ #unchosen = false;
  /** @type {Map<string, import("./map-marks.js").Note>} */ #notes = new Map();
  #room = new Room();
  #giving = 0;
  /** What tells the rows that are to be seen. @type {((row: import("./model.js").Row) => boolean)|null} */ #fits = null;
  #clock = 0;
  #skew = 0;
  #list = make("ul", { role: "tree", class: "tree", "aria-label": "Supervision tree", "aria-multiselectable": "true" });
  #scroll = make("div", { class: "tree-scroll" });
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
    this.#model = model;
    this.#skew = skew;
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

  /** Shows only what fits, and what stands above it; null: everything. @param {((row: import("./model.js").Row) => boolean)|null} fits */
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
    const old = this.#views.get(this.#cursor ?? "");
    if (old) old.element.tabIndex = -1;
    this.#cursor = key;
    this.#unchosen = false;
    if (this.#part) {
      if (focus) this.bring(key);
      this.#lay(false);
    }
    const view = this.#views.get(key ?? "");
    if (!view) return;
    view.element.tabIndex = 0;
    if (!focus) return;
    view.element.focus({ preventScroll: true });
    this.bring(key);
  }

  /** Brings a line into view. @param {string|null} key */
  bring(key) {
    const at = this.#tops.get(key ?? "");
    if (at === undefined) return;
    if (!this.#part) {
      this.#views.get(key ?? "")?.element.scrollIntoView({ block: "nearest" });
      return;
    }
    const style = getComputedStyle(this.#scroll);
    const to = scrollTo(at, this.#line, { top: this.#above(), height: this.#scroll.clientHeight,
      above: parseFloat(style.scrollPaddingTop) || 0, below: parseFloat(style.scrollPaddingBottom) || 0 });
    if (to !== null) this.#scroll.scrollTop += to - this.#above();
  }

  /** How far the first line is above the upper edge of the view. */
  #above() {
    return this.#scroll.getBoundingClientRect().top - this.#list.getBoundingClientRect().top;
  }

  #scrolled() {
    if (!this.#part) return;
    const wanted = range(this.#all.length, this.#above(), this.#scroll.clientHeight, this.#line);
    if (!covers(this.#part, wanted, this.#all.length)) this.#lay(false);
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
    for (const key of new Set([...before, ...this.#selected])) this.#views.get(key)?.element.setAttribute("aria-selected", String(this.#selected.has(key)));
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
    const stood = this.#places.get(this.#cursor ?? "") ?? 0;
    this.#all = outline(this.#model, this.#collapsed, this.#fits, this.#room);
    const kept = new Set(this.#all.filter((line) => line.ended).map((line) => line.row.key));
    this.#lines = kept.size ? this.#all.filter((line) => !line.ended) : [...this.#all];
    this.#places = new Map(this.#lines.map((line, index) => [line.row.key, index]));
    this.#tops = kept.size ? new Map(this.#all.map((line, index) => [line.row.key, index])) : this.#places;
    for (const [key, view] of this.#views) {
      if (this.#places.has(key)) continue;
      if (!this.#model.rows.has(key)) this.#forget(view, seen && !this.#part, kept.has(key));
      else view.element.remove();
    }
    for (const [key, view] of this.#kept) {
      if (kept.has(key)) continue;
      view.element.remove();
      this.#kept.delete(key);
    }
    this.#lay(seen);
    if (!this.#places.has(this.#cursor ?? "")) {
      const chosen = this.#cursor === null;
      this.point(this.#lines[Math.min(stood, this.#lines.length - 1)]?.row.key ?? null, focused);
      this.#unchosen = !chosen;
    }
    this.#giveBack();
    this.dispatchEvent(new CustomEvent("sl-arranged"));
  }

  /** Puts the lines into the page that belong there, in their order, each with what is new. @param {boolean} seen */
  #lay(seen) {
    const long = this.#all.length > ALL;
    attribute(this.#list, "data-long", long);
    this.#list.style.setProperty("--count", String(this.#all.length));
    this.#line = (this.#list.querySelector("li")?.offsetHeight ?? 0) || this.#line;
    this.#part = long ? range(this.#all.length, this.#above(), this.#scroll.clientHeight, this.#line) : null;
    const { from, to } = this.#part ?? { from: 0, to: this.#all.length };
    const wanted = this.#all.slice(from, to);
    const cursor = this.#tops.get(this.#cursor ?? "") ?? from;
    const own = this.#all[cursor];
    if (own && cursor < from) wanted.unshift(own); // the place of the keyboard stays in the page, wherever the view is
    else if (own && cursor >= to) wanted.push(own);
    if (this.#part) this.#drop(new Set(wanted.map((line) => line.row.key)));
    let at = this.#list.firstElementChild;
    for (const line of wanted) {
      const view = line.ended ? this.#kept.get(line.row.key) : this.#view(line, seen);
      if (!view) continue;
      place(view.element, this.#part ? this.#tops.get(line.row.key) ?? 0 : null);
      while (at instanceof HTMLElement && "gone" in at.dataset && !this.#kept.has(at.dataset.key ?? "")) at = at.nextElementSibling;
      if (at === view.element) at = at.nextElementSibling;
      else this.#list.insertBefore(view.element, at);
      if (line.ended) continue;
      view.take(line, seen);
      this.#paint(view);
    }
  }

  /** Lines far from the view are not kept. @param {ReadonlySet<string>} wanted */
  #drop(wanted) {
    for (const [key, view] of this.#views) {
      if (wanted.has(key)) continue;
      view.element.remove();
      this.#views.delete(key);
    }
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
    const view = this.#views.get(key);
    if (!view) return;
    view.take(next, true);
    this.#paint(view);
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
