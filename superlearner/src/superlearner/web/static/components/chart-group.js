/**
 * Charts that are read together: one range, one cursor, one moment that is held fast.
 *
 * Tells `sl-cursor` when the cursor moves (`cursor`, null: nowhere), `sl-moment` when a moment is held fast or let go
 * (`held`), and `sl-span` when a stretch of time was drawn (`detail` has `from` and `to`).
 *
 * @module
 */

/** @typedef {{from: number, to: number}} Span */

export class ChartGroup extends EventTarget {
  /** What all charts show. @type {Span} */ span = { from: 0, to: 1 };
  /** Where the pointer or the keys are. @type {number|null} */ #pointed = null;
  /** The moment that stays. @type {number|null} */ held = null;
  /** @type {Set<{spanChanged: () => void, cursorMoved: () => void}>} */ #charts = new Set();

  /** Where all charts show their values: under the pointer, else at the moment that is held; null: the newest ones. */
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

  /** The pointer is at a moment, or has gone. @param {number|null} at */
  point(at) {
    if (at === this.#pointed) return;
    this.#pointed = at;
    this.#moved();
  }

  /** Holds a moment fast, or lets it go. @param {number|null} at */
  hold(at) {
    if (at === this.held) return;
    this.held = at;
    this.#moved();
    this.dispatchEvent(new CustomEvent("sl-moment", { detail: at }));
  }

  /** Somebody has drawn a stretch of time. @param {number} from @param {number} to */
  choose(from, to) {
    this.dispatchEvent(new CustomEvent("sl-span", { detail: { from, to } }));
  }

  #moved() {
    for (const chart of this.#charts) chart.cursorMoved();
    this.dispatchEvent(new CustomEvent("sl-cursor", { detail: this.cursor }));
  }
}
