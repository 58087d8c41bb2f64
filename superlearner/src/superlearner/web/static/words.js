/**
 * The page's own words: states, strategies, times and numbers as people say them. Pure.
 *
 * @module
 */

/** @typedef {import("./model.js").Row} Row */
/** @typedef {import("./model.js").Budget} Budget */

/** @type {Record<string, string>} */
export const STATES = {
  running: "running", starting: "starting", restarting: "restarting", exiting: "shutting down",
  stopped: "stopped", crashed: "crashed", stuck: "not answering", gave_up: "gave up",
};

/** @type {Record<string, string>} */
export const STRATEGIES = {
  one_for_one: "When a child dies, only that child is restarted.",
  one_for_all: "When a child dies, all children are stopped and started again.",
  rest_for_one: "When a child dies, it and the children started after it are restarted.",
  simple_one_for_one: "All children are of one kind and started on demand. When one dies, only that one is restarted.",
  dynamic: "Children are started on demand. When one dies, only that one is restarted.",
};

/** @type {Record<string, string>} */
export const RESTARTS = {
  permanent: "permanent: always restarted",
  transient: "transient: restarted only after a failure",
  temporary: "temporary: never restarted",
};

const numbers = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** @param {number} value */
export const number = (value) => numbers.format(value);

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/**
 * A moment as a clock shows it, with the day when it was not today.
 * @param {number} at  seconds since 1970
 */
export function time(at) {
  const moment = new Date(at * 1000);
  const text = clock.format(moment);
  return moment.toDateString() === new Date().toDateString() ? text : `${day.format(moment)}, ${text}`;
}

/**
 * A time with its unit, never torn apart at the end of a line.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 10) return `${Math.max(0.1, Math.round(seconds * 10) / 10)}\u00a0s`;
  if (seconds < 100) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)}\u00a0h`;
  return `${Math.round(seconds / 86400)}\u00a0days`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * The state of a row in words, with the time that belongs to it.
 * @param {Row} row
 * @param {number} now  server time
 */
export function stateText(row, now) {
  if (row.state === "stuck") return `not answering since ${time(row.since)}`;
  if (row.again_at && (row.state === "gave_up" || row.state === "restarting")) {
    const wait = row.again_at - now;
    return wait > 0 ? `${STATES[row.state]}, again in ${Math.ceil(wait)} s` : `${STATES[row.state]}, starting again`;
  }
  return STATES[row.state] ?? row.state;
}

/** @param {number} left @param {Budget} budget */
export const budgetText = (left, budget) => budget.max > 999
  ? `${number(left)} left in ${duration(budget.window_s)}`
  : `${number(left)} of ${number(budget.max)} in ${duration(budget.window_s)}`;
