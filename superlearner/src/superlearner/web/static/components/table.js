/**
 * <sl-table>: a grid of very many rows, of which only the visible ones are in the page. All rows have the same height.
 *
 *     table.describe("Processes", "processes", columns);
 *     table.show({ total: 100000, rowAt: (index) => rows.get(index), keyOf: (row) => row.pid });
 *
 * Events: `sl-range` {first, end}: visible rows; `sl-sort` {id, descending}; `sl-columns`; `sl-open` {row}: Enter or
 * a double click; `sl-menu` {row, x, y}; `sl-delete`; `sl-select`. `rowAt` may return undefined while a row is
 * loading; its place is kept.
 *
 * Keys: arrows, Page Up and Down, Home, End; Space selects, with Shift a range; Enter opens; the menu key opens a menu.
 *
 * @module
 */

import { attribute, make } from "../base/dom.js";
import { Columns } from "./table-columns.js";
import { TableHead } from "./table-head.js";
import { fill, indexOf } from "./table-row.js";
import { drawnAt, height, scrollTo, visible } from "./table-window.js";

/** @import { Column } from "./table-columns.js" */
/**
 * @typedef {object} Shown
 * @property {number} total
 * @property {(index: number) => any} rowAt
 * @property {(row: any) => string} keyOf
 * @property {any[]} [pins]  rows above all others
 * @property {(element: HTMLElement, row: any) => void} [dress]  sets attributes of a row
 */

export class SlTable extends HTMLElement {
  /** @type {Columns} */ #columns = new Columns("");
  /** @type {Shown} */ #shown = { total: 0, rowAt: () => undefined, keyOf: String };
  /** @type {Map<number, HTMLElement>} */ #drawn = new Map();
  /** @type {HTMLElement[]} */ #spare = [];
  #sort = { id: "", descending: false };
  #at = 0;
  #anchor = 0;
  #row = 30;
  #frame = 0;
  #range = "";
  /** Keys of the selected rows. @type {Set<string>} */ selected = new Set();

  #scroll = make("div", { class: "grid-scroll" });
  #grid = make("div", { role: "grid", class: "grid", "aria-multiselectable": "true" });
  #head = new TableHead({
    order: (id, descending) => this.dispatchEvent(new CustomEvent("sl-sort", { detail: { id, descending } })),
    moved: () => this.#spread(),
    resized: () => this.drawHead(),
    down: () => this.#go(this.#at),
  });
  #pins = make("div", { role: "rowgroup", class: "grid-pins" });
  #body = make("div", { role: "rowgroup", class: "grid-body" });
  #probe = make("div", { class: "grid-probe", "aria-hidden": "true" });

  connectedCallback() {
    if (this.#grid.isConnected) return;
    this.#grid.append(make("div", { role: "rowgroup", class: "grid-top" }, this.#head.element), this.#pins, this.#body);
    this.#scroll.append(this.#grid);
    this.append(this.#probe, this.#scroll);
    this.#scroll.onscroll = () => this.#soon();
    this.#grid.onkeydown = (event) => this.#pressed(event);
    this.#grid.onclick = (event) => this.#clicked(event);
    this.#grid.ondblclick = (event) => this.#emitRow("sl-open", event);
    this.#grid.oncontextmenu = (event) => {
      const row = this.#rowAt(event.target);
      if (row === undefined) return;
      event.preventDefault();
      const emit = () => this.#emit("sl-menu", { row, x: event.clientX, y: event.clientY });
      if (event.buttons) addEventListener("pointerup", () => setTimeout(emit), { once: true }); // its release would close the menu
      else emit();
    };
    this.#grid.addEventListener("focusin", (event) => {
      const index = indexOf(event.target);
      if (index !== null) this.#at = index;
    });
    new ResizeObserver(() => this.draw()).observe(this.#scroll);
    new ResizeObserver(() => this.draw()).observe(this.#probe);
  }

  /**
   * @param {string} label
   * @param {string} name  storage key for widths
   * @param {Column[]} columns
   */
  describe(label, name, columns) {
    attribute(this.#grid, "aria-label", label);
    this.#columns = new Columns(name);
    this.#columns.define(columns);
  }

  get columns() {
    return this.#columns;
  }

  /** The part whose rows must not move while the pointer is over it. */
  get list() {
    return this.#grid;
  }

  /** The index of the first visible row. */
  get first() {
    return Math.ceil(visible(this.#size, this.#scroll.scrollTop, 0).first);
  }

  /** The row that has, or would get, the focus. */
  get current() {
    return this.#rowOf(this.#at);
  }

  /** @param {number} index  over pins and rows @returns {any} */
  at(index) {
    return this.#rowOf(index);
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    attribute(this.#grid, "aria-rowcount", this.#length + 1);
    this.#at = Math.max(0, Math.min(this.#at, this.#length - 1));
    this.draw();
  }

  /** @param {string} id @param {boolean} descending */
  order(id, descending) {
    this.#sort = { id, descending };
    this.drawHead();
  }

  /** Scroll to a row. @param {number} index @param {boolean} [focus] */
  reveal(index, focus = false) {
    this.#scroll.scrollTop = scrollTo(this.#size, this.#scroll.scrollTop, index);
    if (focus) this.#go(index + this.#pinned.length);
  }

  get #pinned() {
    return this.#shown.pins ?? [];
  }

  get #length() {
    return this.#shown.total + this.#pinned.length;
  }

  get #size() {
    const above = this.#head.element.offsetHeight + this.#pins.offsetHeight;
    return { total: this.#shown.total, row: this.#row, view: Math.max(0, this.#scroll.clientHeight - above) };
  }

  /** @param {number} index  over pins and rows @returns {any} */
  #rowOf(index) {
    const pins = this.#pinned;
    return index < pins.length ? pins[index] : this.#shown.rowAt(index - pins.length);
  }

  #soon() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.draw());
  }

  /** Draw the visible rows and report their range. */
  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#row = this.#probe.offsetHeight || 30;
    const pins = this.#pinned.length;
    const size = this.#size;
    const tall = `${height(size)}px`;
    if (this.#body.style.height !== tall) this.#body.style.height = tall;
    const top = this.#scroll.scrollTop;
    const { first, end } = visible(size, top);
    const keep = this.#body.contains(document.activeElement) ? this.#at : -1; // keep the focus inside the page
    for (const [index, element] of this.#drawn) {
      const inside = index >= first + pins && index < end + pins;
      if (index < pins ? index < this.#pinned.length : inside || (index === keep && index < this.#length)) continue;
      if (element.parentElement !== this.#body) element.remove();
      else {
        element.hidden = true;
        this.#spare.push(element);
      }
      this.#drawn.delete(index);
    }
    for (let index = 0; index < pins; index++) this.#put(index, null);
    for (let index = first + pins; index < end + pins; index++) this.#put(index, drawnAt(size, top, index - pins));
    if (keep >= end + pins || (keep >= pins && keep < first + pins)) this.#put(keep, drawnAt(size, top, keep - pins));
    while (this.#spare.length > 40) this.#spare.pop()?.remove();
    const range = `${first} ${end} ${this.#shown.total}`;
    if (range !== this.#range) {
      this.#range = range;
      this.dispatchEvent(new CustomEvent("sl-range", { detail: { first, end } }));
    }
  }

  /** @param {number} index @param {number|null} y  null: one of the pins */
  #put(index, y) {
    let element = this.#drawn.get(index);
    const home = y === null ? this.#pins : this.#body;
    if (element && element.parentElement !== home) {
      element.remove();
      element = undefined;
    }
    if (!element) {
      element = (y === null ? undefined : this.#spare.pop()) ?? make("div", { role: "row", class: "grid-row" });
      element.hidden = false;
      this.#drawn.set(index, element);
      if (element.parentElement !== home) home.append(element);
    }
    if (y !== null) element.style.transform = `translateY(${y}px)`;
    this.#fill(element, index);
  }

  /** @param {HTMLElement} element @param {number} index */
  #fill(element, index) {
    const row = this.#rowOf(index);
    const key = row === undefined ? "" : this.#shown.keyOf(row);
    fill(element, row,
      { index, key, columns: this.#columns.shown, current: index === this.#at, selected: key !== "" && this.selected.has(key) });
    if (row !== undefined) this.#shown.dress?.(element, row);
  }

  /** Draw the header after a change of columns or order. */
  drawHead() {
    const columns = this.#columns.shown;
    attribute(this.#grid, "aria-colcount", columns.length);
    this.#spread();
    this.#head.draw(this.#columns, this.#sort);
    this.draw();
  }

  /** Distribute the width to the columns. */
  #spread() {
    this.style.setProperty("--columns", this.#columns.template);
    this.style.setProperty("--least", `${this.#columns.least + 12 * (this.#columns.shown.length - 1) + 32}px`);
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (this.#head.pressed(event)) return;
    const page = Math.max(1, Math.floor(this.#size.view / this.#row) - 1);
    const to = /** @type {Record<string, number>} */ ({
      ArrowUp: this.#at - 1, ArrowDown: this.#at + 1, PageUp: this.#at - page, PageDown: this.#at + page, Home: 0, End: this.#length - 1,
    })[event.key];
    if (event.altKey || ((event.ctrlKey || event.metaKey) && to === undefined)) return;
    if (to !== undefined) {
      event.preventDefault();
      if (to < 0 && this.#at === 0) this.#head.focus();
      else this.#go(to, event.shiftKey);
    } else if (event.key === " ") {
      event.preventDefault();
      this.#select(this.#at, event.shiftKey ? "range" : "toggle");
    } else if (event.key === "Enter") {
      if (this.#emitRow("sl-open", event)) event.preventDefault();
    } else if (event.key === "Delete") {
      this.dispatchEvent(new CustomEvent("sl-delete", { detail: { row: this.current } }));
    } else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) {
      const box = this.#drawn.get(this.#at)?.getBoundingClientRect();
      event.preventDefault();
      if (box) this.#emitRow("sl-menu", event, { x: box.left + 40, y: box.bottom });
    }
  }

  /** Move the focus to a row. @param {number} index @param {boolean} [extend] */
  #go(index, extend = false) {
    if (!this.#length) return;
    const before = this.#at;
    this.#at = Math.max(0, Math.min(this.#length - 1, index));
    const pins = this.#pinned.length;
    if (this.#at >= pins) this.#scroll.scrollTop = scrollTo(this.#size, this.#scroll.scrollTop, this.#at - pins);
    if (extend) {
      if (!this.selected.size) this.#anchor = before;
      this.#select(this.#at, "range");
    }
    this.draw();
    if (!this.#drawn.has(this.#at)) this.#put(this.#at, drawnAt(this.#size, this.#scroll.scrollTop, this.#at - pins));
    this.#drawn.get(this.#at)?.focus({ preventScroll: true });
  }

  /** @param {number} index @param {"toggle"|"range"|"only"} how */
  #select(index, how) {
    const key = (/** @type {number} */ at) => {
      const row = this.#rowOf(at);
      return row === undefined ? "" : this.#shown.keyOf(row);
    };
    if (how === "range") {
      this.selected.clear();
      for (let at = Math.min(index, this.#anchor); at <= Math.max(index, this.#anchor); at++) if (key(at)) this.selected.add(key(at));
    } else {
      const had = this.selected.has(key(index));
      if (how === "only") this.selected.clear();
      if (key(index) && !(how === "toggle" && had)) this.selected.add(key(index));
      else this.selected.delete(key(index));
      this.#anchor = index;
    }
    this.draw();
    this.dispatchEvent(new CustomEvent("sl-select"));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const index = indexOf(event.target);
    if (index === null || (event.target instanceof Element && event.target.closest("a, button"))) return;
    if (event.shiftKey) getSelection()?.removeAllRanges();
    this.#go(index);
    this.#select(index,
      event.shiftKey ? "range" : event.ctrlKey || event.metaKey || matchMedia("(pointer: coarse)").matches ? "toggle" : "only");
  }

  /**
   * Send an event about the row of an event's target; return whether there is one.
   * @param {string} what
   * @param {Event} event
   * @param {Record<string, number>} [more]
   */
  #emitRow(what, event, more = {}) {
    const row = this.#rowAt(event.target);
    if (row !== undefined) this.#emit(what, { row, ...more });
    return row !== undefined;
  }

  /** @param {EventTarget|null} target */
  #rowAt(target) {
    const index = indexOf(target);
    return index === null ? undefined : this.#rowOf(index);
  }

  /** @param {string} what @param {any} detail */
  #emit(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}

customElements.define("sl-table", SlTable);
