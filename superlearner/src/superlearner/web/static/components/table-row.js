/**
 * A row of a table, drawn in an element that may have shown another row.
 *
 * @module
 */

import { attribute, closest, make, write } from "../base/dom.js";

/** @import { Column } from "./table-columns.js" */

/**
 * @param {HTMLElement} element
 * @param {any} row  undefined while it is loading
 * @param {{index: number, key: string, columns: readonly Column[], current: boolean, selected: boolean}} how  `index`:
 * over pins and rows; `current`: whether it has, or would get, the focus
 */
export function fill(element, row, { index, key, columns, current, selected }) {
  attribute(element, "data-index", index);
  attribute(element, "aria-rowindex", index + 2);
  attribute(element, "tabindex", current ? 0 : -1);
  attribute(element, "data-odd", index % 2 === 1);
  attribute(element, "data-key", key || null);
  attribute(element, "aria-selected", selected ? "true" : "false");
  attribute(element, "aria-busy", row === undefined ? "true" : null);
  while (element.children.length > columns.length) element.lastElementChild?.remove();
  columns.forEach((column, place) => {
    let cell = /** @type {HTMLElement|undefined} */ (element.children[place]);
    if (!cell) element.append((cell = make("div", { role: "gridcell" })));
    if (cell.dataset.column !== column.id) {
      cell.replaceChildren();
      cell.className = column.num ? "num" : "";
      cell.dataset.column = column.id;
      attribute(cell, "aria-colindex", place + 1);
    }
    if (row === undefined) write(cell, place ? "" : "…");
    else if (column.draw) column.draw(cell, row);
    else {
      const text = column.text(row);
      write(cell, text);
      attribute(cell, "title", !column.num && text.length > 12 ? text : null);
    }
  });
}

/** Return the index of the row that contains an element, over pins and rows; null: none. @param {EventTarget|null} target */
export function indexOf(target) {
  const element = closest(target, ".grid-row");
  return element instanceof HTMLElement ? Number(element.dataset.index) : null;
}
