/**
 * A group of charts with a common range, cursor and pinned moment.
 *
 * Events: `sl-cursor` when the cursor moves (`cursor`, null: nowhere), `sl-moment` when a moment is pinned or
 * released (`held`), and `sl-span` when a range was selected by dragging (`detail` has `from` and `to`).
 *
 * @module
 */

/** @typedef {{from: number, to: number}} Span */

export class ChartGroup extends EventTarget {
  /** The range of all charts. @type {Span} */ span = { from: 0, to: 1 };
  /** The position of the pointer or of the keyboard cursor. @type {number|null} */ #pointed = null;
  /** The pinned moment. @type {number|null} */ held = null;
  /** @type {Set<{spanChanged: () => void, cursorMoved: () => void}>} */ #charts = new Set();

  /** The moment whose values all charts show: of the pointer, else the pinned one; null: the newest. */
  get cursor() {
    return this.#pointed ?? this.held;
  }

  /** @param {{spanChanged: () => void, cursorMoved: () => void}} chart */
  add(chart) {
    this.#charts.add(chart);
    chart.spanChanged();
  }

  /** @param {{spanChanged: () => void, cursorMoved: () => void}} chart */
  remove(chart) {
    this.#charts.delete(chart);
  }

  /** @param {number} from @param {number} to */
  show(from, to) {
    if (this.span.from === from && this.span.to === to) return;
    this.span = { from, to };
    for (const chart of this.#charts) chart.spanChanged();
  }

  /** Move the pointer to a moment, or away. @param {number|null} at */
  point(at) {
    if (at === this.#pointed) return;
    this.#pointed = at;
    this.#moved();
  }

  /** Pin or release a moment. @param {number|null} at */
  hold(at) {
    if (at === this.held) return;
    this.held = at;
    this.#moved();
    this.dispatchEvent(new CustomEvent("sl-moment", { detail: at }));
  }

  /** Report a selected range. @param {number} from @param {number} to */
  choose(from, to) {
    this.dispatchEvent(new CustomEvent("sl-span", { detail: { from, to } }));
  }

  #moved() {
    for (const chart of this.#charts) chart.cursorMoved();
    this.dispatchEvent(new CustomEvent("sl-cursor", { detail: this.cursor }));
  }
}
