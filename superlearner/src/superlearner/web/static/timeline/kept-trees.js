/**
 * The trees from which the tree of a moment is derived. While a moment is shown, they are kept as they were, so that a
 * child that ends later keeps its name and its place. Pure.
 *
 * @module
 */

import { countUpTo, treeAt } from "./past.js";

/** @import { LogEvent } from "./past.js" */
/** @import { Model } from "../live/model.js" */

/** The living tree may be this much older than the clock says, and the clocks may differ by as much, in seconds. */
const LATE = 1;
const MOST = 20;

/**
 * The events that are here; see `EventLog`.
 * @typedef {{events: readonly LogEvent[], whole: boolean, run: string, change: number, read: number}} Log
 */
/**
 * The tree at a moment. `loading`: events are missing that the server has, and the tree without them would be wrong: the
 * start of a process may be long before the moment;
 * `unknown`: the moment is before the oldest event that the server has.
 * @typedef {{state: "now"|"then", model: Model} | {state: "loading"|"unknown", model: null}} Known
 */

export class KeptTrees {
  /** Oldest first; `taken` in seconds since 1970. @type {{model: Model, taken: number, change: number}[]} */ #kept = [];
  #run = "";

  /**
   * Return the tree at a moment.
   * @param {Model} living
   * @param {Log} log
   * @param {number|null} at  null: now, and nothing is kept
   * @param {number} now
   * @returns {Known}
   */
  at(living, log, at, now) {
    const { events, whole, change, read } = log, run = `${living.epoch} ${log.run}`;
    if (at === null || this.#run !== run) this.#kept = [];
    this.#run = run;
    if (living.epoch === null) return { state: "loading", model: null };
    if (at === null) return { state: "now", model: living };
    let place = this.#kept.findIndex(({ taken }) => taken >= at + LATE);
    if (place < 0) {
      if (this.#kept.length === MOST) this.#kept.splice(1, 1);
      place = this.#kept.push({ model: living, taken: now, change }) - 1;
    }
    const kept = /** @type {{model: Model, taken: number, change: number}} */ (this.#kept[place]);
    const before = at < (events[0]?.at ?? Infinity);
    if (read < kept.change || !whole) return { state: "loading", model: null };
    if (before) return { state: "unknown", model: null };
    const earlier = this.#kept.slice(0, place).map((one) => one.model).reverse();
    return { state: "then", model: treeAt(kept.model, events.slice(0, countUpTo(events, kept.taken + LATE)), at, earlier) };
  }
}
