/**
 * Animations of the map: a state that is held for a moment, and a growing ring where a process crashed. A restart
 * takes less than a frame and would be invisible without them.
 *
 * @module
 */

import { still } from "../base/motion.js";
import { ranAgain } from "../live/model.js";

/** @import { Row } from "../live/model.js" */

/** Time for which a finished crash is shown. */
const HOLD_MS = 400;
/** Duration and size of a growing ring. */
const RING_MS = 700;
const RING_PX = 7;
/** Limit of rings; more add no information. */
const MOST_RINGS = 300;
/** Minimum time between two frames: of a few animations, and of many, which would keep the page busy. */
const PAUSE_MS = 45;
const PAUSE_OF_MANY_MS = 125;
const FEW = 3;

export class Rings {
  /** @type {Map<string, {look: string, until: number}>} */ #held = new Map();
  /** @type {Map<string, {begun: number, colour: string}>} */ #rings = new Map();
  #timer = 0;
  #due = Infinity;
  #last = 0;

  /**
   * @param {(keys: string[]) => void} repaint  draws these in their current state
   * @param {(rings: {key: string, grown: number, alpha: number, colour: string}[]) => void} draw
   */
  constructor(repaint, draw) {
    this.repaint = repaint;
    this.draw = draw;
  }

  /** Return the displayed state of a process. @param {string} key @param {Row|undefined} row */
  look(key, row) {
    return this.#held.get(key)?.look ?? row?.state;
  }

  /**
   * React to a change of a row.
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
    const until = performance.now() + HOLD_MS;
    this.#held.set(key, { look, until });
    this.#wake(until);
    this.#ring(key, colour);
  }

  /** @param {string} key @param {string} colour */
  #ring(key, colour) {
    if (still() || document.hidden || this.#rings.size >= MOST_RINGS) return;
    this.#rings.set(key, { begun: performance.now(), colour });
    this.#wake(0);
  }

  /** Request a frame at a time, and not before it is due: a requested frame costs as much as a drawn one. @param {number} at */
  #wake(at) {
    const pause = this.#rings.size + this.#held.size > 2 * FEW ? PAUSE_OF_MANY_MS : PAUSE_MS;
    const due = Math.max(at, this.#last + pause);
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => requestAnimationFrame(() => this.#frame()), Math.max(0, due - performance.now()));
  }

  /** End what was held long enough, and draw the rings. */
  #frame() {
    this.#due = Infinity;
    const now = this.#last = performance.now();
    const over = [...this.#held].filter(([, { until }]) => until <= now).map(([key]) => key);
    for (const key of over) this.#held.delete(key);
    if (over.length) this.repaint(over);
    const drawn = [];
    for (const [key, { begun, colour }] of this.#rings) {
      const part = (now - begun) / RING_MS;
      if (part >= 1) this.#rings.delete(key);
      else drawn.push({ key, colour, grown: RING_PX * (1 - (1 - part) ** 2), alpha: 1 - part });
    }
    this.draw(drawn);
    if (this.#rings.size) this.#wake(0);
    else if (this.#held.size) this.#wake(Math.min(...[...this.#held.values()].map(({ until }) => until)));
  }

  /** Remove all animations. */
  clear() {
    this.#held.clear();
    this.#rings.clear();
    this.draw([]);
  }
}
