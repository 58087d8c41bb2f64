/**
 * The picture of a supervisor and its children at rest, as the moment of a restart in which nothing happens. Pure.
 *
 * @module
 */

import { budgetAt, label } from "../live/model.js";
import { unlimited } from "../base/words.js";
import { quiet, schedule } from "../moment/schedule.js";

/** @import { Row } from "../live/model.js" */
/** @import { Moment, MomentEvent, MomentNode } from "../moment/schedule.js" */
/** @import { Scene } from "./first-steps.js" */

/** The number of children that have room. */
const SHOWN = 8;
/** States without a running process. */
const GONE = new Set(["crashed", "gave_up", "stopped", "restarting"]);

/** Return the children that are drawn, with the one that the page offers to kill. @param {Scene} scene */
export function drawn({ children, victim }) {
  const first = children.slice(0, SHOWN);
  return victim === null || first.includes(victim) ? first : [...first.slice(0, -1), victim];
}

/**
 * Return the moment that shows a scene as it is.
 * @param {Scene} scene
 * @param {number} now  server time in seconds
 * @param {number} id
 * @returns {Moment}
 */
export function portrait(scene, now, id) {
  const { supervisor, children } = scene, shown = drawn(scene), events = [...shown, supervisor].flatMap(end);
  const begun = now - schedule({ events }).end / 1000;
  const root = { ...nodeOf(supervisor, begun), children: shown.map((row) => nodeOf(row, begun)), more: children.length - shown.length };
  return { ...quiet(id, root), at: now, summary: `${label(supervisor)} and its children`, events };
}

/** Return a process as it is, without its children. @param {Row} row @param {number} now  server time in seconds @returns {MomentNode} */
export function nodeOf(row, now) {
  const { budget } = row, counted = budget && !unlimited(budget) ? budget : null;
  const ages = (counted?.expires ?? [])
    .filter((at) => at > now)
    .sort((one, other) => one - other)
    .map((at) => now - at + (counted?.window_s ?? 0));
  return {
    id: row.key, name: label(row), kind: row.kind === "worker" ? "worker" : "supervisor", pid: row.pid, strategy: row.strategy,
    limit: budget && [budget.max, budget.window_s], used: counted ? counted.max - budgetAt(counted, now).left : 0, ages,
    restart: /** @type {MomentNode["restart"]} */ (row.restart), state: row.kind === "worker" ? "" : null, children: [], more: 0,
  };
}

/** Return the event that draws a process as ended. @param {Row} row @returns {MomentEvent[]} */
function end({ key, state, last, parent }) {
  if (!GONE.has(state)) return [];
  if (state === "stopped" || !last) return [{ at: 0, kind: "stop", id: key, by: parent ?? "" }];
  return [{ at: 0, kind: "crash", id: key, reason: state === "gave_up" ? "gave up" : last.reason, crash: last.crash }];
}

/**
 * Return a moment without the branches beside a process: a supervisor that gives up ends one child of the one above.
 * @param {Moment} moment
 * @param {string} key  of the process; its ancestors stay
 * @returns {Moment}
 */
export function branchOf(moment, key) {
  /** @param {MomentNode} one @returns {MomentNode} */
  const only = (one) => {
    if (!key.startsWith(`${one.id}/`)) return one;
    const way = one.children.filter(({ id }) => id === key || key.startsWith(`${id}/`));
    return way.length ? { ...one, children: way.map(only), more: one.more + one.children.length - way.length } : one;
  };
  return { ...moment, root: only(moment.root) };
}
