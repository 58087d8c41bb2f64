/**
 * The lines of the tree that are in the page: their elements, made once and reused by key, in their order; those that
 * take leave; and the clock that paints a line again when time alone changes what it says.
 *
 * @module
 */

import { attribute } from "../base/dom.js";
import { EMPTY } from "../live/model.js";
import { hidden } from "./outline.js";
import { RowView } from "./row.js";
import { ALL, covers, place, range, scrollTo } from "./tree-window.js";

/** @typedef {import("../live/model.js").Model} Model */
/** @typedef {import("./outline.js").Line} Line */
/** @typedef {import("../map/map-marks.js").Note} Note */

/** How long a row that is gone stays, so that its end is seen. */
const LEAVE_MS = 700;

export class TreeLines {
  /** @type {Map<string, RowView>} */ views = new Map();
  /** Lines of children that ended. @type {Map<string, RowView>} */ #kept = new Map();
  /** What of all lines is in the page; null: everything. @type {{from: number, to: number}|null} */ #part = null;
  /** @type {Map<string, Note>} */ #notes = new Map();
  #line = 30;
  #clock = 0;
  #due = 0;
  /** What is told besides the lines. @type {Model} */ model = EMPTY;
  /** Server time minus ours, in seconds. */
  skew = 0;

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} scroll  what scrolls it
   * @param {{readonly selected: ReadonlySet<string>}} tree  whose lines they are
   */
  constructor(list, scroll, tree) {
    this.list = list;
    this.scroll = scroll;
    this.tree = tree;
  }

  /** Whether only those near the view are in the page. */
  get partial() {
    return this.#part !== null;
  }

  /**
   * Puts the lines into the page that belong there, in their order, each with what is new.
   * @param {readonly Line[]} all
   * @param {ReadonlyMap<string, number>} tops  key → its number among them
   * @param {string|null} cursor  the place of the keyboard
   * @param {boolean} seen  false: what is new was not watched happening
   */
  lay(all, tops, cursor, seen) {
    const long = all.length > ALL;
    attribute(this.list, "data-long", long);
    this.list.style.setProperty("--count", String(all.length));
    this.#line = (this.list.querySelector("li")?.offsetHeight ?? 0) || this.#line;
    this.#part = long ? range(all.length, this.#above(), this.scroll.clientHeight, this.#line) : null;
    const { from, to } = this.#part ?? { from: 0, to: all.length };
    const wanted = all.slice(from, to);
    const stands = tops.get(cursor ?? "") ?? from;
    const own = all[stands];
    if (own && stands < from) wanted.unshift(own); // the place of the keyboard stays in the page, wherever the view is
    else if (own && stands >= to) wanted.push(own);
    if (this.#part) this.#drop(new Set(wanted.map((line) => line.row.key)));
    let at = this.list.firstElementChild;
    for (const line of wanted) {
      const view = line.ended ? this.#kept.get(line.row.key) : this.#view(line, seen);
      if (!view) continue;
      place(view.element, this.#part ? tops.get(line.row.key) ?? 0 : null);
      while (at instanceof HTMLElement && "gone" in at.dataset && !this.#kept.has(at.dataset.key ?? "")) at = at.nextElementSibling;
      if (at === view.element) at = at.nextElementSibling;
      else this.list.insertBefore(view.element, at);
      if (line.ended) continue;
      view.take(line, seen);
      this.paint(view);
    }
  }

  /** Whether the view has left what is in the page. @param {number} count  of all lines */
  strayed(count) {
    if (!this.#part) return false;
    return !covers(this.#part, range(count, this.#above(), this.scroll.clientHeight, this.#line), count);
  }

  /** Brings a line into view. @param {string} key @param {number} at  its number among all */
  bring(key, at) {
    if (!this.#part) {
      this.views.get(key)?.element.scrollIntoView({ block: "nearest" });
      return;
    }
    const style = getComputedStyle(this.scroll);
    const to = scrollTo(at, this.#line, { top: this.#above(), height: this.scroll.clientHeight,
      above: parseFloat(style.scrollPaddingTop) || 0, below: parseFloat(style.scrollPaddingBottom) || 0 });
    if (to !== null) this.scroll.scrollTop += to - this.#above();
  }

  /** How far the first line is above the upper edge of the view. */
  #above() {
    return this.scroll.getBoundingClientRect().top - this.list.getBoundingClientRect().top;
  }

  /** A line has changed. @param {Line} line */
  renew(line) {
    const view = this.views.get(line.row.key);
    if (!view) return;
    view.take(line, true);
    this.paint(view);
  }

  /**
   * Takes out what is not among the lines any more.
   * @param {{has: (key: string) => boolean}} there  keys of the lines
   * @param {ReadonlySet<string>} kept  keys of those that ended and whose line waits for the next child
   * @param {boolean} seen
   * @param {(parent: string) => boolean} holds  whether a successor may stand there already
   */
  sweep(there, kept, seen, holds) {
    for (const [key, view] of this.views) {
      if (there.has(key)) continue;
      if (this.model.rows.has(key)) view.element.remove();
      else this.#forget(view, seen && !this.#part, kept.has(key), holds);
    }
    for (const [key, view] of this.#kept) {
      if (kept.has(key)) continue;
      view.element.remove();
      this.#kept.delete(key);
    }
  }

  /** @param {string|null} key @param {Note|null} note */
  annotate(key, note) {
    const keys = key === null ? [...this.#notes.keys()] : [key];
    for (const one of keys) {
      if (note) this.#notes.set(one, note);
      else this.#notes.delete(one);
      this.views.get(one)?.annotate(note);
    }
  }

  /** Lines far from the view are not kept. @param {ReadonlySet<string>} wanted */
  #drop(wanted) {
    for (const [key, view] of this.views) {
      if (wanted.has(key)) continue;
      view.element.remove();
      this.views.delete(key);
    }
  }

  /** @param {Line} line @param {boolean} seen */
  #view({ row }, seen) {
    let view = this.views.get(row.key);
    if (view && view.element.dataset.kind === row.kind) return view;
    view?.element.remove();
    view = new RowView(row, (one) => this.paint(one));
    view.element.setAttribute("aria-selected", String(this.tree.selected.has(row.key)));
    if (seen) {
      const fresh = view;
      fresh.element.dataset.new = "";
      setTimeout(() => {
        fresh.fade();
        delete fresh.element.dataset.new;
      }, LEAVE_MS);
    }
    this.views.set(row.key, view);
    view.annotate(this.#notes.get(row.key) ?? null);
    return view;
  }

  /** @param {RowView} view @param {boolean} seen @param {boolean} keep  its line waits for the next child @param {(parent: string) => boolean} holds */
  #forget(view, seen, keep, holds) {
    this.views.delete(view.key);
    const taken = !keep && holds(view.line?.row.parent ?? ""); // its successor stands there already
    if (!seen || taken || !view.element.isConnected) {
      view.element.remove();
      return;
    }
    const pid = view.line?.row.pid ?? "";
    const told = this.model.feed.findLast((event) => event.key === view.key || (pid !== "" && event.pid === pid));
    view.leave(told?.level === "bad" ? told.parts?.reason ?? "ended" : "");
    if (keep) this.#kept.set(view.key, view);
    else setTimeout(() => view.element.remove(), LEAVE_MS);
  }

  /** Writes a line. @param {RowView} view */
  paint(view) {
    const closed = view.line?.open === false;
    const next = view.paint(Date.now() / 1000 + this.skew, closed ? hidden(this.model, view.key) : null);
    if (next !== null) this.#wake(next);
  }

  /** Paints again when a restart stops counting or a wait is over: no server is asked for that. @param {number} at */
  #wake(at) {
    const wait = Math.max(20, (at - this.skew) * 1000 - Date.now() + 5);
    if (this.#clock && this.#due <= Date.now() + wait) return;
    clearTimeout(this.#clock);
    this.#due = Date.now() + wait;
    this.#clock = setTimeout(() => {
      this.#clock = 0;
      for (const view of this.views.values()) if (view.line?.row.budget || view.line?.row.again_at) this.paint(view);
    }, Math.min(wait, 2 ** 30));
  }
}
