/**
 * A list of flat objects as a sortable table.
 *
 * @module
 */

import { attribute, make } from "../base/dom.js";
import { STEP, momentOf, pidOf, preview, restartOf, sorted } from "./json-tree.js";
import { processLink, whyAddress } from "../base/process-link.js";

/** @import { Table } from "./json-tree.js" */

export class ResultTable {
  element = make("div", { class: "result-table" });
  /** @type {Table} */ #table;
  #column = "";
  #down = false;
  #most = STEP;
  #body = make("tbody");
  #more = make("button", { type: "button", class: "btn" });
  #heads;

  /** @param {Table} table @param {string} name */
  constructor(table, name) {
    this.#table = table;
    this.#heads = table.columns.map((column) => {
      const button = make("button", { type: "button" }, column.slice(0, 80));
      button.onclick = () => this.#sort(column);
      return make("th", { scope: "col", "aria-sort": "none", class: this.#isNumeric(column) ? "num" : null }, button);
    });
    this.#more.onclick = () => {
      this.#most += STEP * 5;
      this.#draw();
    };
    const head = make("thead", {}, make("tr", {}, ...this.#heads));
    this.element.append(make("table", { class: "table", "aria-label": name || "Result" }, head, this.#body), this.#more);
    this.#draw();
  }

  /** @param {string} column */
  #isNumeric(column) {
    const values = this.#table.rows.slice(0, 50).map((row) => row[column]).filter((one) => one !== null && one !== undefined);
    return values.length > 0 && values.every((one) => typeof one === "number");
  }

  /** @param {string} column */
  #sort(column) {
    this.#down = this.#column === column && !this.#down;
    this.#column = column;
    this.#heads.forEach((head, place) =>
      attribute(head, "aria-sort", this.#table.columns[place] === column ? (this.#down ? "descending" : "ascending") : "none"));
    this.#draw();
  }

  #draw() {
    const { columns, rows } = this.#table;
    const ordered = this.#column ? sorted(rows, this.#column, this.#down) : rows;
    this.#body.replaceChildren(
      ...ordered.slice(0, this.#most).map((row) => make("tr", {}, ...columns.map((column) => cell(row, column)))));
    const left = rows.length - this.#most;
    this.#more.hidden = left <= 0;
    this.#more.textContent = `Show ${Math.min(left, STEP * 5)} more of ${left}`;
  }
}

/** @param {Readonly<Record<string, unknown>>} row @param {string} column */
function cell(row, column) {
  const value = row[column];
  if (value === null || value === undefined) return make("td", { class: "none" }, "–");
  const moment = momentOf(value, column);
  if (moment) return make("td", { title: String(value) }, moment);
  if (typeof value === "number") return make("td", { class: "num" }, String(value));
  if (typeof value === "object") return make("td", {}, make("code", {}, preview(value, 100)));
  const text = String(value);
  const pid = typeof value === "string" ? pidOf(text, column) : "";
  if (pid) return make("td", { class: "pid" }, processLink(pid, text));
  const restart = column === "line" || column === "ref" ? restartOf(row) : "";
  if (restart) {
    const node = typeof row["node"] === "string" ? row["node"] : undefined;
    return make("td", { class: column }, make("a", { href: whyAddress(restart, node) }, text.slice(0, 2000)));
  }
  return make("td", { title: text.length > 160 ? text.slice(0, 2000) : null }, text.length > 160 ? `${text.slice(0, 160)}…` : text);
}
