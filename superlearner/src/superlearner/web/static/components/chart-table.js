/**
 * The numbers of a chart as a table, newest first: each visible sample with its values and marks.
 *
 * @module
 */

import { placeOf, withUnit } from "./chart-scale.js";
import { make, renew, write } from "../base/dom.js";
import { time } from "../base/words.js";

/** @import { Picture } from "./chart.js" */
/** @import { Span } from "./chart-group.js" */

export class ChartTable {
  #caption = make("caption", { class: "vh" });
  #head = make("tr");
  #body = make("tbody");
  element = make("div", { class: "chart-table scroll", tabindex: 0, role: "region", hidden: true },
    make("table", { class: "table" }, this.#caption, make("thead", {}, this.#head), this.#body));
  /** @type {Map<number, HTMLTableRowElement>} */ #rows = new Map();

  /**
   * @param {Picture} picture
   * @param {Span} span
   */
  show(picture, span) {
    if (this.element.hidden) {
      this.#body.replaceChildren();
      this.#rows.clear();
      return;
    }
    this.element.setAttribute("aria-label", `${picture.title} as table`);
    write(this.#caption, picture.title);
    const marked = Boolean(picture.marks?.length);
    renew(this.#head, ["Time", ...picture.series.map((one) => one.name), ...(marked ? ["What happened"] : [])]
      .map((name, place) => make("th", { scope: "col", class: place && place <= picture.series.length ? "num" : null }, name)));
    const { at } = picture.times;
    const kept = new Set();
    /** @type {HTMLTableRowElement|null} */ let before = null;
    for (let place = placeOf(at, span.from); place < at.length && /** @type {number} */ (at[place]) <= span.to; place += 1) {
      const moment = /** @type {number} */ (at[place]);
      kept.add(moment);
      const known = this.#rows.get(moment);
      const row = known ?? make("tr", {}, make("td", {}, make("time", {}, time(moment))),
        ...picture.series.map((one) => make("td", { class: "num" }, withUnit(one.values[place], picture.unit))));
      const happened = marked ? this.#happened(picture, moment, at[place - 1] ?? -Infinity) : "";
      const cell = row.children[picture.series.length + 1] ?? (marked ? row.appendChild(make("td")) : null);
      if (cell) write(cell, happened);
      if (!known) {
        if (before) before.before(row);
        else this.#body.append(row);
        this.#rows.set(moment, row);
      }
      before = row;
    }
    for (const [moment, row] of this.#rows) {
      if (kept.has(moment)) continue;
      row.remove();
      this.#rows.delete(moment);
    }
  }

  /** @param {Picture} picture @param {number} at @param {number} after */
  #happened(picture, at, after) {
    return (picture.marks ?? []).filter((mark) => mark.at > after && mark.at <= at).map((mark) => mark.text).join(", ");
  }
}
