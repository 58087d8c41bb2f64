/**
 * A list that holds still while it is read: it does not change under the pointer or the keyboard focus.
 *
 * @module
 */

import { write } from "../base/dom.js";
import { number } from "../base/words.js";

/** @typedef {{count: number}} Counted */

/** @param {readonly Counted[]} lines */
const total = (lines) => lines.reduce((sum, { count }) => sum + count, 0);

export class Held {
  /** Number of entries on the page, and in the newest list. */ #shown = 0;
  #known = 0;
  #over = false;
  #focused = false;

  /** @param {HTMLElement} list @param {HTMLElement} note  says what is held @param {() => void} draw  shows the newest list */
  constructor(list, note, draw) {
    this.note = note;
    this.draw = draw;
    list.addEventListener("pointerenter", () => this.#turn(true, this.#focused));
    list.addEventListener("pointerleave", () => this.#turn(false, this.#focused));
    list.addEventListener("focusin", (event) =>
      this.#turn(this.#over, event.target instanceof Element && event.target.matches(":focus-visible")));
    list.addEventListener("focusout", (event) =>
      this.#turn(this.#over, this.#focused && event.relatedTarget instanceof Node && list.contains(event.relatedTarget)));
  }

  /** Return whether a new list may be shown now; it is shown later otherwise. @param {readonly Counted[]} lines */
  allows(lines) {
    this.#known = total(lines);
    const still = this.#over || this.#focused;
    if (!still) this.#shown = this.#known;
    const news = Math.max(0, this.#known - this.#shown);
    write(this.note, !still ? "" : news ? `${number(news)} new, held while you read` : "Held while you read");
    return !still;
  }

  /** @param {boolean} over @param {boolean} focused */
  #turn(over, focused) {
    const was = this.#over || this.#focused;
    this.#over = over;
    this.#focused = focused;
    if (was === (over || focused)) return;
    write(this.note, was ? "" : "Held while you read");
    if (!was) return;
    this.#shown = this.#known;
    this.draw();
  }
}
