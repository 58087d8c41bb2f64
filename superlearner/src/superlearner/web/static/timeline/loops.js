/**
 * Crash loops in the list of events: the ends and restarts of one child, for one reason, with no pause between them. Pure.
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
/** Seconds after which a loop has ended if no equal event follows. */
const PAUSE_S = 10;

/** Return the child, reason and supervisor of an event; null if it belongs to no loop. @param {LogEvent} event */
function causeOf({ type, name, supervisor, text, data, sentence }) {
  if (type === KEPT_TYPE) return sentence ?? text;
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
  /** @type {Map<LogEvent, LogEvent[]>} */ const runs = new Map();
  /** @type {Map<string, LogEvent[]>} */ const going = new Map();
  for (const event of events) {
    const cause = causeOf(event), known = cause === null ? undefined : going.get(cause);
    const run = known && event.at - (known.at(-1)?.at ?? 0) <= PAUSE_S ? known : [];
    run.push(event);
    runs.set(event, run);
    if (cause !== null) going.set(cause, run);
  }
  /** @type {Map<LogEvent[], Loop|null>} */ const loops = new Map([...new Set(runs.values())].map((run) => [run, loopOf(run, open)]));
  return events.flatMap((event) => {
    const run = /** @type {LogEvent[]} */ (runs.get(event));
    return entriesOf(event, run, loops.get(run) ?? null);
  });
}

/** Return a run as a loop; null if it has too few rounds. @param {readonly LogEvent[]} run @param {ReadonlySet<string>} open */
function loopOf(run, open) {
  const ends = run.filter(isEnd).length, count = Math.max(ends, run.length - ends);
  const first = /** @type {LogEvent} */ (run[0]), last = /** @type {LogEvent} */ (run.at(-1));
  return count > BEYOND ? { id: first.id, count, from: first.at, to: last.at, open: open.has(first.id) } : null;
}

/** @param {LogEvent} event */
const isEnd = ({ type }) => type !== "child_restarted";

/**
 * Return the row of an event; none if its loop has one row, which is in the place of the last event.
 * @param {LogEvent} event
 * @param {readonly LogEvent[]} run  the events of its cause
 * @param {Loop|null} loop
 * @returns {Entry[]}
 */
function entriesOf(event, run, loop) {
  const isLast = event === run.at(-1);
  if (!loop || loop.open) return [{ event, events: [event], loop: isLast ? loop : null }];
  return isLast ? [{ event: run.findLast(isEnd) ?? event, events: run, loop }] : [];
}

/** Return how often a loop went round, and for how long: `144× in 49 s`. @param {Loop} loop */
export function loopText({ count, from, to }) {
  const seconds = Math.max(1, Math.round(to - from));
  return `${count.toLocaleString("en")}× in ${seconds < 120 ? `${seconds}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`}`;
}
