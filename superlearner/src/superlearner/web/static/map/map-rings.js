/**
 * What moves on the map: a look that is held for a moment, and the ring that grows where a process crashed. A restart
 * takes less than a frame; without these nobody would see it.
 *
 * @module
 */

import { still } from "../base/motion.js";
import { ranAgain } from "../live/model.js";

/** @typedef {import("../live/model.js").Row} Row */

/** How long a crash is shown though it is over. */
const HOLD_MS = 400;
/** How long a ring grows, and by how much. */
const RING_MS = 700;
const RING_PX = 7;
/** More rings than this at once say no more. */
const MOST_RINGS = 300;
/** The least time between two pictures of the rings. */
const PAUSE_MS = 45;

export class Rings {
  /** @type {Map<string, {look: string, until: number}>} */ #held = new Map();
  /** @type {Map<string, {begun: number, colour: string}>} */ #rings = new Map();
  #due = 0;
  #last = 0;
  #release = 0;

  /**
   * @param {(keys: string[]) => void} repaint  these look as they are again
   * @param {(rings: {key: string, grown: number, alpha: number, colour: string}[]) => void} draw
   */
  constructor(repaint, draw) {
    this.repaint = repaint;
    this.draw = draw;
  }

  /** What a process looks like now. @param {string} key @param {Row|undefined} row */
  look(key, row) {
    return this.#held.get(key)?.look ?? row?.state;
  }

  /**
   * Takes in what became of a row.
   * @param {Row|undefined} before
   * @param {Row} row
   */
  notice(before, row) {
    if (row.state === "crashed" || row.state === "gave_up" || row.state === "stuck") {
      this.#held.delete(row.key);
      if (before && before.state !== row.state) this.#ring(row.key, row.state === "stuck" ? "restart" : "crash");
      return;
    }
    const crashed = row.last?.crash && row.last.at !== before?.last?.at && (before !== undefined || row.restarts > 0);
    if (crashed) this.#hold(row.key, "crashed", "crash");
    else if (before && ranAgain(before, row) && this.#held.get(row.key)?.look !== "crashed") this.#hold(row.key, "restarting", "restart");
  }

  /** @param {string} key @param {string} look @param {string} colour */
  #hold(key, look, colour) {
    this.#held.set(key, { look, until: performance.now() + HOLD_MS });
    this.#release ||= setTimeout(() => this.#let(), HOLD_MS + 5);
    this.#ring(key, colour);
  }

  #let() {
    this.#release = 0;
    const now = performance.now();
    /** @type {string[]} */
    const over = [];
    let next = Infinity;
    for (const [key, { until }] of this.#held) {
      if (until <= now) over.push(key);
      else next = Math.min(next, until);
    }
    for (const key of over) this.#held.delete(key);
    if (over.length) this.repaint(over);
    if (next < Infinity) this.#release = setTimeout(() => this.#let(), Math.max(PAUSE_MS, next - now));
  }

  /** @param {string} key @param {string} colour */
  #ring(key, colour) {
    if (still() || document.hidden || this.#rings.size >= MOST_RINGS) return;
    this.#rings.set(key, { begun: performance.now(), colour });
    this.#next();
  }

  /** Asks for the next picture when it is due: one that is asked for and not drawn costs as much as another. */
  #next() {
    this.#due ||= setTimeout(() => requestAnimationFrame(() => this.#grow()), Math.max(0, this.#last + PAUSE_MS - performance.now()));
  }

  #grow() {
    this.#due = 0;
    const now = this.#last = performance.now();
    const drawn = [];
    for (const [key, { begun, colour }] of this.#rings) {
      const part = (now - begun) / RING_MS;
      if (part >= 1) this.#rings.delete(key);
      else drawn.push({ key, colour, grown: RING_PX * (1 - (1 - part) ** 2), alpha: 1 - part });
    }
    this.draw(drawn);
    if (this.#rings.size) this.#next();
  }

  /** Nothing that was before matters any more. */
  clear() {
    this.#held.clear();
    this.#rings.clear();
    this.draw([]);
  }
}
