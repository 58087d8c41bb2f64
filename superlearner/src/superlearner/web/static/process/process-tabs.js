/**
 * The tabs of the detail pane. A module adds a tab to the table, the pane shows those that say they have something to
 * show for the process that was chosen:
 *
 *     import { tab } from "./process-tabs.js";
 *     tab({ id: "wait", label: "Wait", place: 45, show: (row) => row.kind === "worker", element: new SlWait() });
 *
 * The element is told what to show with `look` while its tab is the chosen one, and with `leave` that it is not any
 * more; it asks nothing in between. `Panel` of process-panel.js is such an element that reads, says when it did, and
 * follows a process to its successor.
 *
 * @module
 */

/** @typedef {import("../live/model.js").Row} Row */

/**
 * What a tab is told of the process to show.
 * @typedef {object} Seen
 * @property {Row} row  as the tree knows it now; `row.pid` is null while nothing runs there
 * @property {boolean} gone  the row has left the tree
 * @property {number} skew  seconds by which the clock of the server is ahead of this one
 * @property {(pid: string) => Row|undefined} find  the row of a pid
 */

/** @typedef {HTMLElement & {look?: (seen: Seen) => void, leave?: () => void}} TabElement */

/**
 * @typedef {object} Tab
 * @property {string} id  in the address as `?tab=`
 * @property {string} label
 * @property {(row: Row) => boolean} show  whether there is something to show for it
 * @property {TabElement} element
 * @property {number} [place]  where it stands among the others: overview 0, state 10, mailbox 20, messages 30, links 40,
 *   history 50, source 60; 100 if not given
 */

/** @type {Tab[]} */
const table = [];

/** @type {Set<() => void>} */
const hearing = new Set();

/** Adds a tab; one with the same id takes its place. @param {Tab} made */
export function tab(made) {
  const old = table.findIndex((one) => one.id === made.id);
  if (old >= 0) table.splice(old, 1);
  table.push(made);
  table.sort((one, other) => (one.place ?? 100) - (other.place ?? 100));
  for (const tell of hearing) tell();
}

/** All tabs in their order. @returns {readonly Tab[]} */
export const tabs = () => table;

/** Calls `tell` whenever a tab is added. @param {() => void} tell */
export const onTabs = (tell) => void hearing.add(tell);
