/**
 * The columns of a table: visibility, widths, and the menu to choose them. Widths are stored in this browser; the
 * choice is kept by the page in its URL.
 *
 * @module
 */

import { attribute, make } from "../base/dom.js";

/**
 * @typedef {object} Column
 * @property {string} id
 * @property {string} label
 * @property {string} [hint]  explanation
 * @property {number} width  pixels
 * @property {number} [grow]  share of the remaining width
 * @property {boolean} [num]  numbers: right-aligned, in tabular figures
 * @property {"asc"|"desc"|""} [sort]  order of the first click; "": not sortable
 * @property {boolean} [shown]  visible by default
 * @property {(row: any) => string} text
 * @property {(cell: HTMLElement, row: any) => void} [draw]  draws more than text
 */

const NARROWEST = 44;
const WIDEST = 900;

export class Columns {
  /** @type {Column[]} */ all = [];
  /** @type {string[]} */ #shown = [];
  /** @type {Record<string, number>} */ #widths = {};

  /** @param {string} name  storage key for widths */
  constructor(name) {
    this.key = `superlearner.table.${name}`;
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      for (const [id, width] of Object.entries(kept ?? {})) if (typeof width === "number") this.#widths[id] = width;
    } catch {
      // no storage, or an invalid value: use the table's default widths
    }
  }

  /** @param {Column[]} all */
  define(all) {
    this.all = all;
    if (!this.#shown.length) this.choose(null);
  }

  /** @param {string[]|null} ids  null: the default; the first column is always visible */
  choose(ids) {
    const first = this.all[0]?.id;
    this.#shown = this.all.filter((one) => one.id === first || (ids ? ids.includes(one.id) : one.shown !== false)).map((one) => one.id);
  }

  get shown() {
    return this.all.filter((one) => this.#shown.includes(one.id));
  }

  /** The choice, null for the default. */
  get chosen() {
    const usual = this.all.every((one, place) => this.#shown.includes(one.id) === (place === 0 || one.shown !== false));
    return usual ? null : [...this.#shown];
  }

  /** @param {Column} column */
  width(column) {
    return this.#widths[column.id] ?? column.width;
  }

  /** @param {Column} column @param {number|null} width  null: the default */
  resize(column, width) {
    if (width === null) delete this.#widths[column.id];
    else this.#widths[column.id] = Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));
    try {
      localStorage.setItem(this.key, JSON.stringify(this.#widths));
    } catch {
      // the widths last only as long as the page
    }
  }

  /** The value of `grid-template-columns`. */
  get template() {
    return this.shown.map((one, place) => {
      const grow = place === 0 ? one.grow ?? 1 : one.id in this.#widths ? 0 : one.grow ?? 0;
      return grow ? `minmax(${this.width(one)}px, ${grow}fr)` : `${this.width(one)}px`;
    }).join(" ");
  }

  /** The minimum width in pixels, without gaps. */
  get least() {
    return this.shown.reduce((sum, one) => sum + this.width(one), 0);
  }

  /**
   * Fill the menu of the chooser.
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
