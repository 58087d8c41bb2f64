/**
 * The crash at which a followed sequence stays, so that a reader sees what led to it and what came of it. Pure.
 *
 * @module
 */

import { isMark } from "./sequence-layout.js";

/** @import { Item, Mark, Person } from "./sequence-layout.js" */

/** A process that crashes again within this time, in seconds, does not stop the reader again. */
const AGAIN_S = 5;
/** A crash before the first items came counts as new for this time, in seconds. */
const RECENT_S = 10;

export class CrashStop {
  /** The newest number that was looked at. @type {number|null} */ #newest = null;
  /** Time of the last crash, by name or pid. @type {Map<string, number>} */ #last = new Map();

  /**
   * Return the first new crash to stay at; null if there is none.
   * @param {readonly Item[]} items  all of them, in order
   * @param {ReadonlyMap<string, Person>} people
   * @param {number} now  seconds, on the clock of the items
   * @returns {Mark|null}
   */
  next(items, people, now) {
    const newest = items.at(-1)?.seq ?? null;
    if (newest === null || (this.#newest !== null && newest < this.#newest)) { // another trace, or another server
      this.#newest = null;
      this.#last.clear();
    }
    /** @type {Mark[]} */ const crashes = [];
    for (const item of items.slice(this.#newest === null ? 0 : items.findLastIndex(({ seq }) => seq <= (this.#newest ?? 0)) + 1))
      if (isMark(item) && item.kind === "crashed" && (this.#newest !== null || item.at > now - RECENT_S)) crashes.push(item);
    this.#newest = newest;
    return crashes.filter((crash) => this.#isFirst(crash, people))[0] ?? null;
  }

  /** Note a crash; return whether it is no repetition. @param {Mark} crash @param {ReadonlyMap<string, Person>} people */
  #isFirst({ who, at }, people) {
    const key = people.get(who)?.name ?? who, before = this.#last.get(key) ?? -Infinity;
    this.#last.set(key, at);
    return at - before > AGAIN_S;
  }
}

/** Return why a sequence stays at a crash. @param {Mark} crash @param {ReadonlyMap<string, Person>} people */
export const stopWords = ({ who, text }, people) =>
  `${people.get(who)?.label ?? who} ${text === "killed" ? "was killed" : "crashed"}.`;
