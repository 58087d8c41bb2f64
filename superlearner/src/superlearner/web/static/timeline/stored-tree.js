/**
 * The tree at a moment of a restart whose events are no longer in memory, from what is stored of the restart. Pure.
 *
 * @module
 */

import { EMPTY } from "../live/model.js";

/** @import { Model, Row } from "../live/model.js" */
/** @import { Moment, MomentEvent, MomentNode } from "../moment/schedule.js" */
/** @import { LogEvent } from "./past.js" */

/** Tolerance in seconds: the same time may differ by microseconds between answers. */
const SAME_S = 0.001;

/**
 * Return the newest kept restart with a replay that was in progress at a moment.
 * @param {readonly LogEvent[]} kept  oldest first
 * @param {number} at
 */
export const findKept = (kept, at) =>
  kept.findLast(({ ref, data, at: placed, began: from = placed, until = placed }) =>
    Boolean(ref) && !data["times"] && (!data["program"] || data["started"]) && from - SAME_S <= at && at <= until + SAME_S);

/**
 * Return the time of a restart in the timeline: that of its cause; of a give-up its own, the last one of several.
 * @param {Pick<Moment, "at"|"events">} moment
 */
export const momentOf = ({ at, events }) =>
  at + (events.findLast((event) => event.kind === "decide" && event.what === "give_up")?.at ?? 0);

/**
 * Return the part of the tree that is stored with a restart, as it was at a moment.
 * @param {Moment} moment
 * @param {number} at
 * @returns {Model}
 */
export function storedTree(moment, at) {
  /** @type {Map<string, Row>} */ const rows = new Map();
  /** @type {Map<string, string[]>} */ const kids = new Map([["", [moment.root.id]]]);
  const add = (/** @type {MomentNode} */ node, /** @type {string|null} */ parent) => {
    rows.set(node.id, rowOf(node, parent));
    if (node.children.length) kids.set(node.id, node.children.map(({ id }) => id));
    for (const child of node.children) add(child, node.id);
  };
  add(moment.root, null);
  for (const event of moment.events) {
    const row = rows.get(event.id);
    if (!row || event.at > at - moment.at + SAME_S / 1000) continue;
    const change = changeOf(event, moment.at + event.at);
    rows.set(row.key, { ...row, ...change, ...(row.state === "gave_up" && !change.pid ? { state: "gave_up" } : {}) });
    if (change.state !== "gave_up") continue;
    for (const id of kids.get(row.key) ?? []) { // children that wait for a restart do not get one
      const child = /** @type {Row} */ (rows.get(id));
      if (child.state === "restarting") rows.set(id, { ...child, state: "crashed" });
    }
  }
  return { ...EMPTY, rows, kids };
}

/** @param {MomentNode} node @param {string|null} parent @returns {Row} */
const rowOf = (node, parent) => ({
  key: node.id, parent, id: node.id.slice(node.id.lastIndexOf("/") + 1), name: node.name, pid: node.ended ? null : node.pid,
  kind: node.kind === "worker" ? "worker" : "supervisor", what: "", strategy: node.strategy, restart: node.restart,
  state: node.ended ? "restarting" : node.pid === null ? "stopped" : "running", since: 0, restarts: 0, restarted_along: 0, uncounted: true,
  last: node.ended ? { at: 0, reason: node.ended, crash: true } : null, budget: null, mailbox: null, critical: false,
});

/** Return what an event changes in the row of its process. @param {MomentEvent} event @param {number} at @returns {Partial<Row>} */
function changeOf(event, at) {
  if (event.kind === "crash")
    return { pid: null, state: event.crash ? "restarting" : "stopped", last: { at, reason: event.reason, crash: event.crash } };
  if (event.kind === "stop") return { pid: null, state: "stopped", last: null };
  if (event.kind === "start") return { pid: event.pid, state: "running", since: at, last: null };
  return event.kind === "decide" && event.what === "give_up" ? { state: "gave_up" } : {};
}
