/**
 * Crash loops in the list of events: the ends and restarts of one child, for one reason, that follow each other. Pure.
 *
 * @module
 */

import { KEPT_TYPE } from "./past.js";

/** @import { LogEvent } from "./past.js" */
/** @typedef {{id: string, count: number, from: number, to: number, open: boolean}} Loop */
/**
 * A row: its event, the events that it stands for, oldest first, and the loop that it begins or is.
 * @typedef {{event: LogEvent, events: readonly LogEvent[], loop: Loop|null}} Entry
 */

/** Restarts beyond which they are one row. */
const BEYOND = 4;

/** Return the child, reason and supervisor of an event; null if it belongs to no loop. @param {LogEvent} event */
function causeOf({ type, name, supervisor, text, data, by }) {
  if (type === KEPT_TYPE) return `${text} ${by ?? ""}`;
  const own = type === "child_restarted" ? !data["along"] : type === "child_terminated" && data["by_itself"];
  return own ? JSON.stringify([supervisor, data["id"] ?? name, data["reason"]]) : null;
}

/**
 * Return the rows, oldest first.
 * @param {readonly LogEvent[]} events  oldest first
 * @param {ReadonlySet<string>} open  the loops with a row for each event
 * @returns {Entry[]}
 */
export function fold(events, open) {
  /** @type {Entry[]} */ const entries = [];
  for (let place = 0, end = 0; place < events.length; place = end) {
    const first = /** @type {LogEvent} */ (events[place]), cause = causeOf(first);
    end = place + 1;
    while (cause !== null && end < events.length && causeOf(/** @type {LogEvent} */ (events[end])) === cause) end += 1;
    const run = events.slice(place, end), ends = run.filter(({ type }) => type !== "child_restarted");
    const last = /** @type {LogEvent} */ (run.at(-1)), count = Math.max(ends.length, run.length - ends.length);
    const loop = count > BEYOND ? { id: first.id, count, from: first.at, to: last.at, open: open.has(first.id) } : null;
    if (loop && !loop.open) entries.push({ event: ends.at(-1) ?? last, events: run, loop });
    else entries.push(...run.map((event) => ({ event, events: [event], loop: event === last ? loop : null })));
  }
  return entries;
}

/** Return how often a loop went round, and for how long: `144× in 49 s`. @param {Loop} loop */
export function loopText({ count, from, to }) {
  const seconds = Math.max(1, Math.round(to - from));
  return `${count.toLocaleString("en")}× in ${seconds < 120 ? `${seconds}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`}`;
}
