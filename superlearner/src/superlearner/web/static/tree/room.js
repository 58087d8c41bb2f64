/**
 * The room that children of dynamic supervisors take: a child that ends leaves its line behind, and the next one that
 * starts takes it, so that nothing below moves when children come and go. Pure; who shows the lines gives them back.
 *
 * @module
 */

/** @typedef {import("../live/model.js").Model} Model */
/** @typedef {import("../live/model.js").Row} Row */

const DYNAMIC = new Set(["dynamic", "simple_one_for_one"]);

export class Room {
  /** Parent → keys of its lines from the top, those of ended children among them. @type {Map<string, string[]>} */ #lines = new Map();
  /** Ended children: how they were, and since when they are gone (ms). @type {Map<string, {row: Row, at: number}>} */ #ended = new Map();

  /** How an ended child was, while its line stands. @param {string} key */
  ended(key) {
    return this.#ended.get(key)?.row;
  }

  /** Whether the lines below a parent wait for their next child. @param {string} parent */
  holds(parent) {
    return this.#lines.has(parent);
  }

  /** When the oldest empty line became empty; Infinity if there is none. */
  get oldest() {
    return Math.min(Infinity, ...[...this.#ended.values()].map(({ at }) => at));
  }

  /**
   * Takes in what became of the children.
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
    // the successor of one that just ended stands where that one stood; others take the line that is empty for longest
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
   * The lines below a parent: its children, and those that ended.
   * @param {string} parent
   * @param {readonly string[]} keys
   */
  order(parent, keys) {
    return this.#lines.get(parent) ?? keys;
  }

  /** Gives the empty lines of a parent, or of all, back. @param {string} [parent] @param {number} [until]  ms */
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

  /** Starts anew, with what a snapshot says. */
  clear() {
    this.#lines.clear();
    this.#ended.clear();
  }
}
