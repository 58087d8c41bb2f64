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
 * @param {readonly LogEvent[]} [all]  also those that are not shown: an end tells why the supervisor above gave up
 * @returns {Entry[]}
 */
export function fold(events, open, all = events) {
  /** @type {Map<LogEvent, LogEvent[]>} */ const runs = new Map();
  /** @type {Map<string, LogEvent[]>} */ const going = new Map();
  /** Those of which a reason is known. @type {Set<LogEvent[]>} */ const caused = new Set();
  const chains = chainsOf(all), shown = new Set(events);
  for (const event of events) {
    const of = causeOf(event), key = `${of?.what} ${of?.cause}`;
    const goesOn = (/** @type {LogEvent[]|undefined} */ run) => (run && event.at - endOf(/** @type {LogEvent} */ (run.at(-1))) <= PAUSE_S
      ? run
      : undefined);
    const newest = of ? goesOn(going.get(of.what)) : undefined; // one without a known reason may be like any other
    const alike = !of?.cause ? newest : goesOn(going.get(key)) ?? (newest && !caused.has(newest) ? newest : undefined);
    const run = alike ?? [];
    run.push(event);
    runs.set(event, run);
    if (of?.cause) caused.add(run);
    if (of) going.set(key, run).set(of.what, run);
  }
  /** @type {Map<LogEvent[], Loop|null>} */ const loops = new Map([...new Set(runs.values())].map((run) => [run, loopOf(run, open)]));
  return events.flatMap((event) => {
    const chain = chains.get(event)?.filter((one) => shown.has(one));
    if (chain) {
      const above = chain.slice(1).map(({ name, pid }) => name ?? pid ?? "");
      return event === chain[0] ? [{ event, events: chain, loop: null, above }] : [];
    }
    const run = /** @type {LogEvent[]} */ (runs.get(event));
    return entriesOf(event, run, loops.get(run) ?? null);
  });
}

/**
 * Return the give-ups by each of them, as a chain of those that led to one another, the lowest first.
 * @param {readonly LogEvent[]} events  oldest first
 */
function chainsOf(events) {
  /** @type {Map<LogEvent, LogEvent[]>} */ const chains = new Map();
  /** By the pid of the supervisor that gave up. @type {Map<string|null, LogEvent[]>} */ const fell = new Map();
  /** By the pid of the supervisor above it, which has not answered yet. @type {Map<string|null, LogEvent[]>} */ const open = new Map();
  for (const event of events) {
    const { type, pid, data } = event, below = fell.get(pid), above = data["supervisor_pid"];
    if (type === "gave_up") {
      const chain = open.get(pid) ?? [];
      chain.push(event);
      chains.set(event, chain);
      if (pid) fell.set(pid, chain);
    } else if (type === "child_terminated" && data["by_itself"] && below) open.set(above, below);
    else if (type === "child_terminated" || type === "child_restarted") open.delete(above);
  }
  return chains;
}

/** Return a run as a loop; null if it has too few rounds. @param {readonly LogEvent[]} run @param {ReadonlySet<string>} open */
function loopOf(run, open) {
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
