/**
 * The registry of tabs in the detail pane. Modules register tabs, and the pane shows those that have something to
 * show for the chosen process:
 *
 *     import { tab } from "./process-tabs.js";
 *     tab({ id: "wait", label: "Wait", place: 45, show: (row) => row.kind === "worker", element: new SlWait() });
 *
 * While its tab is open, the element gets the process with `look`; `leave` tells it to stop, and it sends no requests
 * in between. `Panel` of process-panel.js is such an element, which shows the time of reading and follows a process
 * to its successor.
 *
 * @module
 */

/** @typedef {import("../live/model.js").Row} Row */

/**
 * The process to show in a tab.
 * @typedef {object} Seen
 * @property {Row} row  in its current state; `row.pid` is null while nothing runs there
 * @property {boolean} gone  the row has been removed from the tree
 * @property {number} skew  server time minus local time, in seconds
 * @property {(pid: string) => Row|undefined} find  returns the row of a pid
 */

/** @typedef {HTMLElement & {look?: (seen: Seen) => void, leave?: () => void}} TabElement */

/**
 * @typedef {object} Tab
 * @property {string} id  in the URL as `?tab=`
 * @property {string} label
 * @property {(row: Row) => boolean} show  whether there is something to show for a row
 * @property {TabElement} element
 * @property {number} [place]  order: overview 0, state 10, mailbox 20, messages 30, links 40,
 * history 50, source 60; default 100
 */

/** @type {Tab[]} */
const table = [];

/** @type {Set<() => void>} */
const hearing = new Set();

/** Add a tab, or replace one with the same id. @param {Tab} made */
export function tab(made) {
  const old = table.findIndex((one) => one.id === made.id);
  if (old >= 0) table.splice(old, 1);
  table.push(made);
  table.sort((one, other) => (one.place ?? 100) - (other.place ?? 100));
  for (const tell of hearing) tell();
}

/** Return all tabs in order. @returns {readonly Tab[]} */
export const tabs = () => table;

/** Call `tell` whenever a tab is added. @param {() => void} tell */
export const onTabs = (tell) => void hearing.add(tell);
