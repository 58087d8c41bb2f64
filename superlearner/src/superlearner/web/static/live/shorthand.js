/**
 * The decoder of the live feed's shorthand: restores the plain frames that the reducer reads. `shorthand.py` has the
 * format. Plain frames pass unchanged.
 *
 * @module
 */

/** @typedef {import("./model.js").Message} Message */
/** @typedef {import("./model.js").Row} Row */
/** A shape or its number, followed by its values. @typedef {[unknown, ...any[]]} Told */

export class Shorthand {
  /** @type {Map<number, Row>} */ #rows = new Map();
  /** @type {unknown[]} */ #shapes = [];
  /** @type {Partial<Row>|null} defaults of a row; null: the feed is plain */ #usual = null;
  #health = {};
  #seq = 0;
  #base = 0;

  /**
   * @param {any} frame
   * @returns {Message}
   */
  read(frame) {
    if (frame.k === "s") return this.#begin(frame);
    if (frame.k !== "d" || this.#usual === null) return frame;
    if (frame.seq !== this.#seq + 1) return { k: "d", seq: frame.seq }; // the reducer sees the gap and requests a snapshot
    this.#seq = frame.seq;
    return this.#delta(frame);
  }

  /** @param {any} frame @returns {any} */
  #begin(frame) {
    const { t, row, shapes, nodes, feed, ...rest } = frame;
    this.#usual = shapes ? row : null;
    if (!shapes) return frame;
    this.#rows.clear();
    this.#shapes = shapes;
    this.#seq = rest.seq;
    this.#base = t;
    this.#health = rest.health ?? {};
    const rows = nodes.map((/** @type {Told} */ told) => this.#row(told)); // before the feed, which refers to them
    return { ...rest, nodes: rows, feed: feed.map((/** @type {Told} */ told) => this.#whole(told)) };
  }

  /** @param {any} frame @returns {any} */
  #delta({ k, seq, t, s, x, n, p, r, e, h }) {
    /** @type {Record<string, any>} */
    const plain = { k, seq };
    this.#base = t ?? 0;
    if (t !== undefined) plain.t = t / 1000;
    for (const [number, shape] of s ?? []) this.#shapes[number] = shape;
    if (x) plain.x = x.map((/** @type {number} */ number) => this.#gone(number));
    if (n) plain.n = n.map((/** @type {Told} */ told) => ({ ...this.#row(told), after: this.#rows.get(told.at(-1))?.key ?? null }));
    if (p) plain.p = p.map((/** @type {Told} */ told) => this.#patch(told));
    if (r !== undefined) plain.r = r;
    if (e) plain.e = e.map((/** @type {Told} */ told) => this.#whole(told));
    if (h) plain.h = this.#health = { ...this.#health, ...h };
    return plain;
  }

  /** @param {Told} told @returns {Row} */
  #row(told) {
    const [, number, above, part] = told;
    const parent = this.#rows.get(above)?.key ?? null;
    const row = /** @type {Row} */ ({ key: parent === null ? part : `${parent}/${part}`, parent, ...this.#usual, ...this.#whole(told) });
    this.#rows.set(number, row);
    return row;
  }

  /** @param {Told} told @returns {[string, Partial<Row>]} */
  #patch(told) {
    const row = /** @type {Row} */ (this.#rows.get(told[1]));
    const changed = this.#whole(told);
    this.#rows.set(told[1], { ...row, ...changed });
    return [row.key, changed];
  }

  /** Remove a row and its descendants. @param {number} number */
  #gone(number) {
    const { key, kind } = /** @type {Row} */ (this.#rows.get(number));
    this.#rows.delete(number);
    if (kind !== "worker") for (const [other, row] of this.#rows) if (row.key.startsWith(`${key}/`)) this.#rows.delete(other);
    return key;
  }

  /** @param {Told} told @returns {any} */
  #whole([shape, ...values]) {
    return this.#fill(typeof shape === "number" ? this.#shapes[shape] : shape, values);
  }

  /**
   * @param {any} shape
   * @param {any[]} values
   * @returns {any}
   */
  #fill(shape, values) {
    if (shape === null || typeof shape !== "object") return shape;
    if (Array.isArray(shape)) return shape.map((one) => this.#fill(one, values));
    const at = (/** @type {number} */ place) => /** @type {Row} */ (this.#rows.get(values[place]));
    if ("$" in shape) return values[shape.$];
    if ("~" in shape) return (this.#base + values[shape["~"]]) / 1000;
    if ("#" in shape) return at(shape["#"]).key;
    if ("@" in shape) return at(shape["@"]).name ?? at(shape["@"]).id;
    if ("%" in shape) return at(shape["%"]).pid;
    if ("/" in shape) return at(shape["/"][0]).key.slice(at(shape["/"][1]).key.length);
    if ("+" in shape) return shape["+"].map((/** @type {unknown} */ one) => this.#fill(one, values)).join("");
    return Object.fromEntries(Object.entries(shape).map(([name, one]) => [name, this.#fill(one, values)]));
  }
}
