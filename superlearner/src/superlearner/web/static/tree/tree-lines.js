/**
 * The lines of the tree in the page: elements, created once and reused by key, in order; lines that are being
 * removed; and a timer for lines whose text changes with time alone.
 *
 * @module
 */

import { attribute } from "../base/dom.js";
import { EMPTY } from "../live/model.js";
import { hidden } from "./outline.js";
import { RowView } from "./row.js";
import { ALL, covers, place, range, scrollTo } from "./tree-window.js";

/** @import { Model } from "../live/model.js" */
/** @import { Line } from "./outline.js" */

/** Time for which the line of a removed row stays, so that its end is visible. */
const LEAVE_MS = 700;

export class TreeLines {
  /** @type {Map<string, RowView>} */ views = new Map();
  /** Lines of children that ended. @type {Map<string, RowView>} */ #kept = new Map();
  /** The range of lines in the page; null: all. @type {{from: number, to: number}|null} */ #part = null;
  /** Keys of processes that a replay shows as stopped. @type {ReadonlySet<string>} */ #down = new Set();
  #line = 30;
  #clock = 0;
  #due = 0;
  /** Data besides the lines. @type {Model} */ model = EMPTY;
  /** Server time minus local time, in seconds. */
  skew = 0;

  /**
   * @param {HTMLElement} list
   * @param {HTMLElement} scroll  the element that scrolls it
   * @param {import("./hand.js").Hand} hand
   * @param {{readonly selected: ReadonlySet<string>}} tree  the tree of the lines
   */
  constructor(list, scroll, hand, tree) {
    this.list = list;
    this.scroll = scroll;
    this.hand = hand;
    this.tree = tree;
  }

  /** True if only lines near the view are in the page. */
  get partial() {
    return this.#part !== null;
  }

  /**
   * Put the lines into the page in order, with their changes.
   * @param {readonly Line[]} all
   * @param {ReadonlyMap<string, number>} tops  key → its index
   * @param {string|null} cursor  the focused key
   * @param {boolean} seen  false: changes were not observed
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
    if (own && stands < from) wanted.unshift(own); // the focused line stays in the page, wherever the view is
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

  /** Return whether the view has left the lines in the page. @param {number} count  number of lines */
  strayed(count) {
    if (!this.#part) return false;
    return !covers(this.#part, range(count, this.#above(), this.scroll.clientHeight, this.#line), count);
  }

  /** Scroll a line into view. @param {string} key @param {number} at  its index */
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

  /** Return the distance of the first line above the upper edge of the view. */
  #above() {
    return this.scroll.getBoundingClientRect().top - this.list.getBoundingClientRect().top;
  }

  /** Update a line. @param {Line} line */
  renew(line) {
    const view = this.views.get(line.row.key);
    if (!view) return;
    view.take(line, true);
    this.paint(view);
  }

  /**
   * Remove lines that no longer exist.
   * @param {{has: (key: string) => boolean}} there  keys of the lines
   * @param {ReadonlySet<string>} kept  keys of ended children whose lines are reserved
   * @param {boolean} seen
   * @param {(parent: string) => boolean} holds  whether a successor may be there already
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

  /** Disable the kill buttons of these processes, and enable the others. @param {ReadonlySet<string>} down  keys */
  hold(down) {
    this.#down = down;
    for (const [key, view] of this.views) view.hold(down.has(key));
  }

  /** @param {string} key */
  holds(key) {
    return this.#down.has(key);
  }

  /** Remove lines far from the view. @param {ReadonlySet<string>} wanted */
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
    view.hold(this.#down.has(row.key));
    return view;
  }

  /**
   * @param {RowView} view
   * @param {boolean} seen
   * @param {boolean} keep  its line is reserved for the next child
   * @param {(parent: string) => boolean} holds
   */
  #forget(view, seen, keep, holds) {
    this.views.delete(view.key);
    const taken = !keep && holds(view.line?.row.parent ?? ""); // its successor is there already
    if (!seen || taken || !view.element.isConnected) {
      view.element.remove();
      return;
    }
    const pid = view.line?.row.pid ?? "";
    const told = this.model.feed.findLast((event) => event.key === view.key || (pid !== "" && event.pid === pid));
    view.leave(told?.level === "bad" ? told.parts?.reason ?? "ended" : "");
    if (keep) this.#kept.set(view.key, view);
    else setTimeout(() => this.#take(view.element), LEAVE_MS);
  }

  /** Remove the line of a child that ended; one under the pointer stays until the pointer leaves it. @param {HTMLElement} line */
  #take(line) {
    if (line.matches(":hover")) line.addEventListener("pointerleave", () => this.#take(line), { once: true });
    else this.hand.still(() => line.remove());
  }

  /** Write a line. @param {RowView} view */
  paint(view) {
    const closed = view.line?.open === false, row = view.line?.row;
    const fell = row?.kind === "supervisor" && row.restarts > 0 && row.last?.reason === "shutdown"
      && this.model.feed.some(({ kind, key }) => kind === "gave_up" && key === row.key);
    const next = view.paint(Date.now() / 1000 + this.skew, closed ? hidden(this.model, view.key) : null, fell);
    if (next !== null) this.#wake(next);
  }

  /** Schedule a repaint for when a restart expires or a wait ends, which happens without a message. @param {number} at */
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
