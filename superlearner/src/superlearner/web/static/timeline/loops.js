/**
 * Crash loops in the list of events: the ends and restarts of one child, or its failed restarts, for one reason, with no pause between
 * them. Pure.
 *
 * @module
 */

import { KEPT_TYPE } from "./past.js";

/** @import { LogEvent } from "./past.js" */
/**
 * `from` is null if the oldest events are no longer in memory.
 * @typedef {{id: string, count: number, from: number|null, to: number, open: boolean}} Loop
 */
/**
 * A row: its event, the events that it stands for, oldest first, and the loop that it begins or is.
 * @typedef {{event: LogEvent, events: readonly LogEvent[], loop: Loop|null}} Entry
 */

/** Restarts beyond which they are one row. */
const BEYOND = 4;
/** Seconds after which a loop has ended if no equal event follows. */
const PAUSE_S = 10;
/** How the text about restarts that were only counted ends. */
const MORE = / (once|[\d,]+ times) more$/;

/** Return the child, reason and supervisor of an event; null if it belongs to no loop. @param {LogEvent} event */
function causeOf({ type, name, supervisor, text, data }) {
  if (type === KEPT_TYPE) return isSum(data) ? text.replace(MORE, "") : text;
  const failed = type === "restart_failed";
  const own = type === "child_restarted" ? !data["along"] : failed || (type === "child_terminated" && data["by_itself"]);
  return own ? JSON.stringify([supervisor, data["id"] ?? name, data["reason"], failed]) : null;
}

/** Return whether an event stands for restarts that were only counted. @param {LogEvent["data"]} data */
const isSum = (data) => data["times"] !== undefined;

/** @param {readonly LogEvent[]} events */
const timesOf = (events) => events.reduce((sum, { data }) => sum + (data["times"] ?? 1), 0);

/** @param {LogEvent} event */
const endOf = ({ at, until }) => until ?? at;

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
    const cause = causeOf(event), known = (cause === null ? undefined : going.get(cause)) ?? [], last = known.at(-1);
    const run = last && event.at - endOf(last) <= PAUSE_S ? known : [];
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
  const ends = timesOf(run.filter(isEnd)), count = Math.max(ends, timesOf(run) - ends);
  const first = /** @type {LogEvent} */ (run[0]), last = /** @type {LogEvent} */ (run.at(-1));
  if (count <= BEYOND || run.length < 2) return null;
  const attempts = last.data["attempts"] ?? 0, from = attempts > count ? null : first.at;
  return { id: first.id, count: Math.max(count, attempts), from, to: endOf(last), open: open.has(first.id) };
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
  return isLast ? [{ event: run.findLast((one) => isEnd(one) && !isSum(one.data)) ?? event, events: run, loop }] : [];
}

/** Return how often a loop went round, and for how long, if that is known: `144× in 49 s`. @param {Loop} loop */
export function loopText({ count, from, to }) {
  if (from === null) return `${count.toLocaleString("en")}×`;
  const seconds = Math.max(1, Math.round(to - from));
  return `${count.toLocaleString("en")}× in ${seconds < 120 ? `${seconds}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`}`;
}
