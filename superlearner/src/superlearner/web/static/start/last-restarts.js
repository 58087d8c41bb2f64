/**
 * The newest restarts and crashes, as the server lists them: of one node or of several. Pure.
 *
 * @module
 */

import { storedText, timeOf } from "../live/storms.js";

/** The start of the exit reason of a process that ended because its call failed. */
const FAILED_CALL = /^its call to (.+?) failed: /;
/** Seconds after the end of a server in which ends of its callers are attributed to it. */
const CAUSE_S = 5;
/** The processes of a deadlock in the exit reason of one that ended because its call failed. */
const CYCLE = /\bdeadlock, (.+)$/;
/** For this time, a give-up is listed whatever has happened since, in seconds. */
const GAVE_UP_S = 3600;

/**
 * @typedef {{node: string, at: number, from: number, to: number, count: number, apart?: boolean, stored: Api.RestartLine}} Restart
 *   `apart`: it is listed although others were later
 */

/**
 * Return the newest restarts of those that the server selects (`only=restarts`), newest first. The newest give-up is among them.
 * @param {object} known
 * @param {string} known.node  the shown node
 * @param {readonly Api.RestartLine[]} known.stored  also of other nodes
 * @param {number} most
 * @returns {Restart[]}
 */
export function newest({ node, stored }, most) {
  const all = withoutCallers(stored.map((one) => ({
    node: one.node ?? node, at: timeOf(one), from: one.at, to: one.until ?? one.at, count: one.count ?? 1, stored: one,
  })).sort((one, other) => other.at - one.at));
  const fall = all.findIndex(({ stored: { gave_up: gaveUp }, at }) => gaveUp && at > (all[0]?.at ?? 0) - GAVE_UP_S);
  return fall < most ? all.slice(0, most) : [...all.slice(0, most - 1), { .../** @type {Restart} */ (all[fall]), apart: true }];
}

/**
 * Leave out processes that ended because their call to a listed process failed: that process is the cause. In a deadlock, each is.
 * @param {Restart[]} all
 */
const withoutCallers = (all) => all.filter((one) => {
  const server = FAILED_CALL.exec(one.stored.reason ?? "")?.[1];
  return !server || one.stored.gave_up || isInCycle(one)
    || !all.some((other) => other.stored.name === server && other.node === one.node && other !== one
    && other.from <= one.to && other.to >= one.to - CAUSE_S);
});

/** Return whether a process was part of the deadlock that ended it. @param {Restart} one */
const isInCycle = ({ stored: { name, reason } }) =>
  (CYCLE.exec(reason ?? "")?.[1] ?? "").replace(/[<>]/g, "").split(/ (?:→|->) /).includes(name ?? "");

/** Return a restart in words: "pricing crashed 18× in 6 min: TypeError" for those that repeat. @param {Restart} one */
export const restartText = ({ stored, apart = false }) => (apart ? "The last give-up: " : "") + storedText(stored);
