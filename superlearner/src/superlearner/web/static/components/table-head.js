/**
 * The header of a table: buttons for sorting, and handles for column widths.
 *
 * @module
 */

import { icon, make } from "../base/dom.js";

/** @import { Column, Columns } from "./table-columns.js" */
/**
 * @typedef {object} Told
 * @property {(id: string, descending: boolean) => void} order  called for a new order
 * @property {() => void} moved  called while a width changes
 * @property {() => void} resized  called after a width has changed
 * @property {() => void} down  called when the focus moves to the rows
 */

export class TableHead {
  element = make("div", { role: "row", class: "grid-head", "aria-rowindex": 1 });
  /** @type {Columns|null} */ #columns = null;

  /** @param {Told} told */
  constructor(told) {
    this.told = told;
  }

  focus() {
    this.element.querySelector("button")?.focus();
  }

  /** @param {Columns} columns @param {{id: string, descending: boolean}} sort */
  draw(columns, sort) {
    this.#columns = columns;
    const focused = document.activeElement?.closest(".grid-head [role=columnheader]")?.getAttribute("data-column");
    this.element.replaceChildren(...columns.shown.map((column, place) => this.#title(column, place, sort)));
    if (focused) /** @type {HTMLElement|null} */ (this.element.querySelector(`[data-column="${CSS.escape(focused)}"] button`))?.focus();
  }

  /** @param {Column} column @param {number} place @param {{id: string, descending: boolean}} sort */
  #title(column, place, sort) {
    const mine = column.id === sort.id;
    const sorted = mine ? (sort.descending ? "descending" : "ascending") : "none";
    const cell = make("div", {
      role: "columnheader", class: column.num ? "num" : "", "data-column": column.id, "aria-colindex": place + 1,
      "aria-sort": column.sort === "" ? null : sorted, title: column.hint ?? null,
    });
    if (column.sort === "") cell.append(make("span", {}, column.label));
    else {
      const button = make("button", { type: "button", tabindex: place === 0 ? 0 : -1 }, column.label,
        mine ? icon("up", "icon arrow") : null);
      button.onclick = () => this.told.order(column.id, mine ? !sort.descending : column.sort === "desc");
      cell.append(button);
    }
    if (place) cell.append(this.#grip(column));
    return cell;
  }

  /** Return the handle that resizes a column. @param {Column} column */
  #grip(column) {
    const grip = make("span", { class: "grip", "aria-hidden": "true" });
    grip.onpointerdown = (event) => {
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      const from = event.clientX;
      const before = grip.parentElement?.offsetWidth ?? column.width;
      grip.onpointermove = (moved) => {
        this.#columns?.resize(column, before - (moved.clientX - from));
        this.told.moved();
      };
      grip.onpointerup = () => {
        grip.onpointermove = null;
        this.told.resized();
      };
    };
    grip.ondblclick = () => {
      this.#columns?.resize(column, null);
      this.told.resized();
    };
    return grip;
  }

  /**
   * Handle keys: Left and Right move between headings, with Alt they resize a column.
   * @param {KeyboardEvent} event
   * @returns {boolean}  whether the key was handled
   */
  pressed(event) {
    if (!(event.target instanceof Node && this.element.contains(event.target))) return false;
    const buttons = [.../** @type {NodeListOf<HTMLElement>} */ (this.element.querySelectorAll("button"))];
    const at = buttons.findIndex((one) => one === event.target);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.told.down();
    } else if (step) {
      event.preventDefault();
      const id = buttons[at]?.closest("[data-column]")?.getAttribute("data-column");
      const column = this.#columns?.all.find((one) => one.id === id);
      if (event.altKey && column && this.#columns) {
        this.#columns.resize(column, this.#columns.width(column) + 12 * step);
        this.told.resized();
      } else buttons[Math.max(0, Math.min(buttons.length - 1, at + step))]?.focus();
    }
    return true;
  }
}
