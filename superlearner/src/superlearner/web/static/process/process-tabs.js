/**
 * The registry of the detail pane: four tabs, and the parts in them. Modules register parts, and the pane shows those
 * that have something to show for the chosen process:
 *
 *     import { part } from "./process-tabs.js";
 *     part({ id: "wait", tab: "now", label: "Wait", place: 45, show: (row) => row.kind === "worker", element: new SlWait() });
 *
 * A part stands in its tab; with `deep` it takes the place of the tab's other parts and is opened by a button with
 * `data-part` in one of them.
 *
 * While it is visible, the element gets the process with `look`; `leave` tells it to stop, and it sends no requests
 * in between. `Panel` of process-panel.js is such an element, which follows a process to its successor.
 *
 * @module
 */

/** @import { Row } from "../live/model.js" */

/**
 * The process to show.
 * @typedef {object} Seen
 * @property {Row} row  in its current state; `row.pid` is null while nothing runs there
 * @property {boolean} gone  the row has been removed from the tree
 * @property {number} skew  server time minus local time, in seconds
 * @property {string} node  the name of its node; the list of restarts of the default node also has those of others
 * @property {(pid: string) => Row|undefined} find  returns the row of a pid
 */

/** @typedef {HTMLElement & {look?: (seen: Seen) => void, leave?: () => void}} TabElement */
/** @typedef {"now"|"why"|"relations"|"code"} TabId */

/**
 * @typedef {object} Part
 * @property {string} id  in the URL as `?tab=`
 * @property {TabId} tab
 * @property {string} label
 * @property {(row: Row) => boolean} show  whether there is something to show for a row
 * @property {TabElement} element
 * @property {boolean} [deep]
 * @property {number} [place]  order within the tab; default 100
 */

/** The tabs, in order. @type {Record<TabId, string>} */
export const TABS = { now: "Now", why: "Why", relations: "Relations", code: "Code" };

/** @type {Part[]} */
const table = [];

/** @type {Set<() => void>} */
const hearing = new Set();

/** Add a part, or replace one with the same id. @param {Part} made */
export function part(made) {
  const old = table.findIndex((one) => one.id === made.id);
  if (old >= 0) table.splice(old, 1);
  table.push(made);
  table.sort((one, other) => (one.place ?? 100) - (other.place ?? 100));
  for (const tell of hearing) tell();
}

/**
 * Return what an id of the URL opens: a tab, and a deep part if the process has it. Unknown ids open the first tab.
 * @param {string} id  of a tab or of a part
 * @param {Row} row
 * @returns {{tab: TabId, parts: Part[], deep: boolean}}
 */
export function opened(id, row) {
  const named = table.find((one) => one.id === id);
  const tab = named?.tab ?? /** @type {TabId} */ (id in TABS ? id : "now");
  if (named?.deep && named.show(row)) return { tab, parts: [named], deep: true };
  return { tab, parts: table.filter((one) => one.tab === tab && !one.deep && one.show(row)), deep: false };
}

/** Return whether a process has a part. @param {string} id @param {Row} row */
export const has = (id, row) => table.some((one) => one.id === id && one.show(row));

/** Call `tell` whenever a part is added. @param {() => void} tell */
export const onParts = (tell) => void hearing.add(tell);
