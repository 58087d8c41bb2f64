/**
 * Crash loops in the list of events: the ends and restarts of one child, or its failed restarts, of one cause, with no pause between
 * them. A supervisor that gives up, and those above it that give up because it did, are one row, too. Pure.
 *
 * @module
 */

import { kindIn } from "../live/storms.js";
import { KEPT_TYPE } from "./past.js";

/** @import { LogEvent } from "./past.js" */
/**
 * `from` is null if the oldest events are no longer in memory; `alike`: all have the same reason, with its arguments.
 * @typedef {{id: string, count: number, from: number|null, to: number, alike: boolean, open: boolean}} Loop
 */
/**
 * A row: its event, the events that it stands for, oldest first, the loop that it begins or is, and the supervisors that gave up after
 * that of its event.
 * @typedef {{event: LogEvent, events: readonly LogEvent[], loop: Loop|null, above: string[]}} Entry
 */

/** Restarts beyond which they are one row. */
const BEYOND = 4;
/** Seconds after which a loop has ended if no equal event follows. */
const PAUSE_S = 10;
/** How the text about restarts that were only counted ends. */
const MORE = / (once|[\d,]+ times) more$/;

/**
 * Return what happened to which child, and the cause: the class of its reason and the line; null if only its line is kept.
 * @param {LogEvent} event
 * @returns {{what: string, cause: string|null}|null}  null if it belongs to no loop
 */
function causeOf({ type, name, supervisor, text, data }) {
  const { reason, where } = data, cause = reason ? (where ? `${kindIn(reason)} ${where}` : reason) : null;
  if (type === KEPT_TYPE) return isSum(data) ? { what: text.replace(MORE, ""), cause: null } : { what: text, cause };
  const failed = type === "restart_failed";
  const own = type === "child_restarted" ? !data["along"] : failed || (type === "child_terminated" && data["by_itself"]);
  return own ? { what: JSON.stringify([supervisor, data["id"] ?? name, failed]), cause } : null;
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
  /** Those of which a reason is known. @type {Set<LogEvent[]>} */ const caused = new Set();
  const falls = new Falls();
  for (const event of events) {
    const of = causeOf(event), key = `${of?.what} ${of?.cause}`;
    const goesOn = (/** @type {LogEvent[]|undefined} */ run) => (run && event.at - endOf(/** @type {LogEvent} */ (run.at(-1))) <= PAUSE_S
      ? run
      : undefined);
    const newest = of ? goesOn(going.get(of.what)) : undefined; // one without a known reason may be like any other
    const alike = !of?.cause ? newest : goesOn(going.get(key)) ?? (newest && !caused.has(newest) ? newest : undefined);
    const run = falls.of(event) ?? alike ?? [];
    run.push(event);
    runs.set(event, run);
    if (of?.cause) caused.add(run);
    if (of) going.set(key, run).set(of.what, run);
    falls.take(event, run);
  }
  /** @type {Map<LogEvent[], Loop|null>} */ const loops = new Map([...new Set(runs.values())].map((run) => [run, loopOf(run, open)]));
  return events.flatMap((event) => {
    const run = /** @type {LogEvent[]} */ (runs.get(event));
    return entriesOf(event, run, loops.get(run) ?? null);
  });
}

/** The give-ups that led to others above them. */
class Falls {
  /** By the pid of the supervisor that gave up. @type {Map<string|null, LogEvent[]>} */ #fell = new Map();
  /** By the pid of the supervisor above it, which has not answered yet. @type {Map<string, LogEvent[]>} */ #above = new Map();

  /** Return the give-ups that led to this one. @param {LogEvent} event */
  of({ type, pid }) {
    return type === "gave_up" && pid !== null ? this.#above.get(pid) : undefined;
  }

  /** @param {LogEvent} event @param {LogEvent[]} run  with this event */
  take({ type, pid, data }, run) {
    const fell = this.#fell.get(pid), above = data["supervisor_pid"];
    if (type === "gave_up" && pid) this.#fell.set(pid, run);
    else if (type === "child_terminated" && data["by_itself"] && fell) this.#above.set(above, fell);
    else if (type === "child_terminated" || type === "child_restarted") this.#above.delete(above);
  }
}

/** Return a run as a loop; null if it has too few rounds. @param {readonly LogEvent[]} run @param {ReadonlySet<string>} open */
function loopOf(run, open) {
  if (run[0]?.type === "gave_up") return null;
  const ends = timesOf(run.filter(isEnd)), count = Math.max(ends, timesOf(run) - ends);
  const first = /** @type {LogEvent} */ (run[0]), last = /** @type {LogEvent} */ (run.at(-1));
  if (count <= BEYOND || run.length < 2) return null;
  const attempts = last.data["attempts"] ?? 0, from = attempts > count ? null : first.at;
  const alike = new Set(run.flatMap(({ data }) => data["reason"] ?? [])).size < 2;
  return { id: first.id, count: Math.max(count, attempts), from, to: endOf(last), alike, open: open.has(first.id) };
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
  if (event.type === "gave_up") {
    const above = run.slice(1).map(({ name, pid }) => name ?? pid ?? "");
    return event === run[0] ? [{ event, events: run, loop, above }] : [];
  }
  if (!loop || loop.open) return [{ event, events: [event], loop: isLast ? loop : null, above: [] }];
  return isLast ? [{ event: run.findLast((one) => isEnd(one) && !isSum(one.data)) ?? event, events: run, loop, above: [] }] : [];
}

/** Return how often a loop went round, and for how long, if that is known: `144× in 49 s`. @param {Loop} loop */
export function loopText({ count, from, to, alike }) {
  const often = alike ? `${count.toLocaleString("en")}×` : `the last of ${count.toLocaleString("en")}`;
  if (from === null) return often;
  const seconds = Math.max(1, Math.round(to - from));
  return `${often} in ${seconds < 120 ? `${seconds}\u00a0s` : `${Math.round(seconds / 60)}\u00a0min`}`;
}
