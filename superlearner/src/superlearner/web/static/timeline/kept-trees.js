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

export class KeptTrees {
  /** Oldest first; `taken` in seconds since 1970. @type {{model: Model, taken: number}[]} */ #kept = [];

  /**
   * Return the tree at a moment.
   * @param {Model} living
   * @param {readonly LogEvent[]} events  oldest first
   * @param {number|null} at  null: now, and nothing is kept
   * @param {number} now
   * @returns {Model}
   */
  at(living, events, at, now) {
    if (at === null || this.#kept[0]?.model.epoch !== living.epoch) this.#kept = [];
    if (at === null) return living;
    let place = this.#kept.findIndex(({ taken }) => taken >= at + LATE);
    if (place < 0) {
      if (this.#kept.length === MOST) this.#kept.splice(1, 1);
      place = this.#kept.push({ model: living, taken: now }) - 1;
    }
    const { model, taken } = /** @type {{model: Model, taken: number}} */ (this.#kept[place]);
    const earlier = this.#kept.slice(0, place).map((one) => one.model).reverse();
    return treeAt(model, events.slice(0, countUpTo(events, taken + LATE)), at, earlier);
  }
}
