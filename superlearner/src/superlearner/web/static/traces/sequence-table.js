/**
 * The messages of a sequence as a table, which draws only visible rows.
 *
 * @module
 */

import { attribute, make } from "../base/dom.js";
import { fate, isMark, short } from "./sequence-layout.js";

/** @import { Layout, Person } from "./sequence-layout.js" */

/** Height of a row. */
export const TABLE_ROW = 30;
const SPARE = 6;
const COLUMNS = ["Time", "Kind", "From", "To", "Message", "Took"];

export class SequenceTable {
  #body = make("tbody");
  #table = make("table", { class: "table" },
    make("thead", {},
      make("tr", {},
        ...COLUMNS.map((name) => make("th", { scope: "col", class: name === "Time" || name === "Took" ? "num" : null }, name)))),
    this.#body);
  /** The element that scrolls. */
  element = make("div", { class: "scroll grid", tabindex: 0, role: "region", "aria-label": "Messages as a table", hidden: true },
    this.#table);

  /** @param {(place: number) => void} pick  called when a row is chosen */
  constructor(pick) {
    this.pick = pick;
  }

  /**
   * @param {Layout} layout
   * @param {ReadonlyMap<string, Person>} people
   * @param {number} chosen  the chosen row; -1: none
   * @param {number} crash  the row at which the view stays; -1: none
   */
  paint({ rows, begun }, people, chosen, crash) {
    const top = this.element.scrollTop;
    const first = Math.max(0, Math.floor(top / TABLE_ROW) - SPARE);
    const last = Math.min(rows.length, Math.ceil((top + this.element.clientHeight) / TABLE_ROW) + SPARE);
    const who = (/** @type {string|null} */ pid) => (pid === null ? "outside" : people.get(pid)?.label ?? pid);
    const lines = rows.slice(first, last).map((row, index) => {
      const { item } = row;
      const place = first + index;
      const line = make("tr", {
        "aria-rowindex": place + 2, "aria-selected": String(place === chosen), "data-kind": item.kind,
        class: place === crash ? "crash" : null,
      },
        make("td", { class: "num" }, (item.at - begun).toFixed(3)), make("td", {}, item.kind),
        make("td", {}, who(isMark(item) ? item.who : item.from)), make("td", {}, isMark(item) ? "" : who(item.to)),
        make("td", {}, make("code", { title: item.text }, item.text)),
        make("td", { class: "num" },
          isMark(item) ? "" : item.timeout || (item.kind === "call" && !item.answer) ? fate(row)
            : row.latency === null ? "" : short(row.latency)));
      line.onclick = () => this.pick(place);
      return line;
    });
    attribute(this.#table, "aria-rowcount", rows.length + 1);
    this.#body.replaceChildren(space(first * TABLE_ROW), ...lines, space((rows.length - last) * TABLE_ROW));
  }
}

/** Return a spacer for rows that are not drawn. @param {number} height */
function space(height) {
  const cell = make("td", { colspan: COLUMNS.length, class: "space" });
  cell.style.height = `${height}px`;
  return make("tr", { "aria-hidden": "true" }, cell);
}
