/**
 * The columns of a table: which of them are shown, how wide they are, and the menu in which that is chosen. Widths are
 * kept in this browser; the choice is the page's, which keeps it in its address.
 *
 * @module
 */

import { attribute, make } from "../base/dom.js";

/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} label
 * @property {string} [hint]  what it means
 * @property {number} width  pixels
 * @property {number} [grow]  its share of what is left
 * @property {boolean} [num]  numbers: to the right, in tabular figures
 * @property {"asc"|"desc"|""} [sort]  the order a first click asks for; "": cannot be ordered by
 * @property {boolean} [shown]  whether it is shown unless something else was chosen
 * @property {(row: any) => string} text
 * @property {(cell: HTMLElement, row: any) => void} [draw]  instead of the text alone
 */

const NARROWEST = 44;
const WIDEST = 900;

export class Columns {
  /** @type {Column[]} */ all = [];
  /** @type {string[]} */ #shown = [];
  /** @type {Record<string, number>} */ #widths = {};

  /** @param {string} name  under which widths are kept */
  constructor(name) {
    this.key = `superlearner.table.${name}`;
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      for (const [id, width] of Object.entries(kept ?? {})) if (typeof width === "number") this.#widths[id] = width;
    } catch {
      // no storage, or somebody else's value: the widths are those of the table
    }
  }

  /** @param {Column[]} all */
  define(all) {
    this.all = all;
    if (!this.#shown.length) this.choose(null);
  }

  /** @param {string[]|null} ids  null: what is shown by itself; the first column always is */
  choose(ids) {
    const first = this.all[0]?.id;
    this.#shown = this.all.filter((one) => one.id === first || (ids ? ids.includes(one.id) : one.shown !== false)).map((one) => one.id);
  }

  get shown() {
    return this.all.filter((one) => this.#shown.includes(one.id));
  }

  /** The choice, null if it is what is shown by itself. */
  get chosen() {
    const usual = this.all.every((one, place) => this.#shown.includes(one.id) === (place === 0 || one.shown !== false));
    return usual ? null : [...this.#shown];
  }

  /** @param {Column} column */
  width(column) {
    return this.#widths[column.id] ?? column.width;
  }

  /** @param {Column} column @param {number|null} width  null: as it was */
  resize(column, width) {
    if (width === null) delete this.#widths[column.id];
    else this.#widths[column.id] = Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));
    try {
      localStorage.setItem(this.key, JSON.stringify(this.#widths));
    } catch {
      // the widths last as long as the page
    }
  }

  /** As `grid-template-columns`. */
  get template() {
    return this.shown.map((one, place) => {
      const grow = place === 0 ? one.grow ?? 1 : one.id in this.#widths ? 0 : one.grow ?? 0;
      return grow ? `minmax(${this.width(one)}px, ${grow}fr)` : `${this.width(one)}px`;
    }).join(" ");
  }

  /** Pixels that the columns take at least, without gaps. */
  get least() {
    return this.shown.reduce((sum, one) => sum + this.width(one), 0);
  }

  /**
   * Fills the menu of the chooser.
   * @param {HTMLElement} menu  an element with popover
   * @param {() => void} changed
   */
  fill(menu, changed) {
    attribute(menu, "role", "group");
    attribute(menu, "aria-label", "Columns");
    const boxes = this.all.slice(1).map((one) => {
      const box = make("input", { type: "checkbox" });
      box.checked = this.#shown.includes(one.id);
      box.onchange = () => {
        this.choose(this.all.map(({ id }) => id).filter((id) => (id === one.id ? box.checked : this.#shown.includes(id))));
        changed();
      };
      return make("label", { class: "check", title: one.hint ?? null }, box, one.label);
    });
    const usual = make("button", { type: "button" }, "As usual");
    usual.onclick = () => {
      this.choose(null);
      for (const one of this.all) this.resize(one, null);
      this.fill(menu, changed);
      changed();
    };
    menu.replaceChildren(...boxes, usual);
  }
}
