/**
 * Lines reserved for children of dynamic supervisors: an ended child leaves its line empty for the next one that
 * starts, so that other lines do not move. Pure; the owner of the lines releases empty ones.
 *
 * @module
 */

/** @import { Model, Row } from "../live/model.js" */

const DYNAMIC = new Set(["dynamic", "simple_one_for_one"]);

export class Room {
  /** The keys of a parent's lines from the top, including ended children. @type {Map<string, string[]>} */ #lines = new Map();
  /** Ended children: their last rows and the times of their ends (ms). @type {Map<string, {row: Row, at: number}>} */ #ended = new Map();

  /** Return the last row of an ended child while its line exists. @param {string} key */
  ended(key) {
    return this.#ended.get(key)?.row;
  }

  /** Return whether a parent has empty lines for new children. @param {string} parent */
  holds(parent) {
    return this.#lines.has(parent);
  }

  /** The time at which the oldest empty line became empty; Infinity if there is none. */
  get oldest() {
    return Math.min(Infinity, ...[...this.#ended.values()].map(({ at }) => at));
  }

  /**
   * Update the lines after changes of the children.
   * @param {Model} before
   * @param {Model} model
   * @param {number} now  ms
   */
  follow(before, model, now) {
    for (const key of new Set([...before.kids.keys(), ...model.kids.keys()])) {
      if (!DYNAMIC.has(model.rows.get(key)?.strategy ?? "")) {
        this.#lines.delete(key);
        continue;
      }
      const was = before.kids.get(key) ?? [], is = model.kids.get(key) ?? [];
      if (was !== is) this.#settle(key, was, is, before, now);
    }
    for (const key of this.#lines.keys()) if (!model.rows.has(key)) this.empty(key);
  }

  /**
   * @param {string} parent
   * @param {readonly string[]} was
   * @param {readonly string[]} is
   * @param {Model} before
   * @param {number} now
   */
  #settle(parent, was, is, before, now) {
    const lines = [...(this.#lines.get(parent) ?? was)];
    const living = new Set(is), known = new Set(lines);
    const left = lines.filter((key) => !living.has(key) && !this.#ended.has(key));
    for (const key of left) {
      const row = before.rows.get(key);
      if (row) this.#ended.set(key, { row, at: now });
    }
    // the successor of a child that just ended takes its line; others take the line that has been empty the longest
    const free = [...left, ...lines.filter((key) => this.#ended.has(key) && !left.includes(key))];
    for (const key of is) {
      if (known.has(key)) continue;
      const place = free.length ? lines.indexOf(free.shift() ?? "") : -1;
      if (place < 0) lines.push(key);
      else {
        this.#ended.delete(lines[place] ?? "");
        lines[place] = key;
      }
    }
    this.#lines.set(parent, lines);
  }

  /**
   * Return the lines of a parent: its children, and ended ones.
   * @param {string} parent
   * @param {readonly string[]} keys
   */
  order(parent, keys) {
    return this.#lines.get(parent) ?? keys;
  }

  /** Release the empty lines of a parent, or of all. @param {string} [parent] @param {number} [until]  time in ms */
  empty(parent, until = Infinity) {
    let gave = false;
    for (const [one, lines] of this.#lines) {
      if (parent !== undefined && parent !== one) continue;
      const rest = lines.filter((key) => !this.#ended.has(key) || (this.#ended.get(key)?.at ?? 0) > until);
      gave ||= rest.length < lines.length;
      for (const key of lines) if (!rest.includes(key)) this.#ended.delete(key);
      if (rest.length) this.#lines.set(one, rest);
      else this.#lines.delete(one);
    }
    return gave;
  }

  /** Reset everything for a snapshot. */
  clear() {
    this.#lines.clear();
    this.#ended.clear();
  }
}
