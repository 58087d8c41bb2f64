/**
 * A row of a sequence in words, with links to its partner, its cause, and processes.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { partnerOf } from "./sequence-drawing.js";
import { fate, isMark, KINDS } from "./sequence-layout.js";

/** @import { Layout, Person } from "./sequence-layout.js" */

/**
 * @param {Layout} layout
 * @param {ReadonlyMap<string, Person>} people
 * @param {number} place  index of the row
 * @param {{pick: (place: number) => void, goTo: (pid: string) => void}} ways
 * @returns {HTMLElement[]}  empty if there is no such row
 */
export function said(layout, people, place, { pick, goTo }) {
  const row = layout.rows[place];
  if (!row) return [];
  const { item } = row;
  const who = (/** @type {string|null} */ pid) => {
    if (pid === null) return "outside of every process";
    const button = make("button", { type: "button", class: "link mono" }, people.get(pid)?.label ?? pid);
    button.onclick = () => goTo(pid);
    return button;
  };
  const jump = (/** @type {number} */ to, /** @type {string} */ words) => {
    const button = make("button", { type: "button", class: "btn" }, words);
    button.onclick = () => pick(to);
    return button;
  };
  const partner = partnerOf(layout, place);
  const cause = layout.places.get(item.cause ?? -1) ?? -1;
  const time = `${(item.at - layout.begun).toFixed(3)} s`;
  /** @type {[string, Node|string][]} */
  const told = isMark(item)
    ? [["Time", time], ["Process", who(item.who)], ["What", `${KINDS[item.kind] ?? item.kind}${item.text ? `: ${item.text}` : ""}`]]
    : [["Time", time], ["From", who(item.from)], ["To", who(item.to)], ["Kind", item.kind], ["Latency", fate(row) || "not known"]];
  return [
    make("dl", {}, ...told.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
    ...(isMark(item) ? [] : [make("pre", { class: "term", tabindex: 0, role: "region", "aria-label": "Message" }, item.text)]),
    make("p", { class: "ways" },
      partner >= 0 ? jump(partner, item.kind === "reply" ? "Go to the call" : "Go to the answer") : null,
      cause >= 0 && cause !== partner ? jump(cause, "What led to it") : null),
  ];
}
