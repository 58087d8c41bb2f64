/**
 * Crash times on an axis, in tenths of a second, and the restarts within a window that ends at one of them.
 *
 * @module
 */

export const STEP = 0.1;
/** The axis has at least so many seconds. */
const LEAST_END = 12;
const MOST_END = 3600;

/** @param {number} seconds */
const tenth = (seconds) => Math.round(seconds * 10) / 10;

/** Return the times in a file; null if it has none that can be shown. @param {string} source @returns {number[]|null} */
export function timesIn(source) {
  const list = /^\s*times\s*=\s*[[(]([^\])]*)[\])]/m.exec(source)?.[1];
  if (list === undefined) return null;
  const times = list.split(",").map((one) => one.trim()).filter(Boolean).map(Number);
  return times.every((one) => Number.isFinite(one) && one >= 0 && one <= MOST_END) ? times.sort((one, other) => one - other) : null;
}

/** Return the file of times. @param {number[]} times @param {string} stub  for none */
export const sourceOfTimes = (times, stub) => (times.length ? `times = [${times.join(", ")}]\n` : stub);

/** Return the last second of the axis. @param {number[]} times */
export const endOf = (times) => Math.max(LEAST_END, Math.ceil((times.at(-1) ?? 0) + 1));

/**
 * Return times of which one has another value; it stays between its neighbours.
 * @param {number[]} times
 * @param {number} place
 * @param {number} to
 */
export function moved(times, place, to) {
  const least = place ? (times[place - 1] ?? 0) + STEP : 0, most = place + 1 < times.length ? (times[place + 1] ?? 0) - STEP : endOf(times);
  return times.map((time, at) => (at === place ? tenth(Math.max(least, Math.min(most, to))) : time));
}

/** Return times with one more, a second after the last. @param {number[]} times */
export const added = (times) => [...times, times.length ? tenth((times.at(-1) ?? 0) + 1) : 0];

/**
 * Return how many crashes are within the window that ends at a time; both of its ends count.
 * @param {number[]} times
 * @param {number} at
 * @param {number} seconds
 */
export const within = (times, at, seconds) => times.filter((time) => time <= at && at - time <= seconds + 1e-9).length;
