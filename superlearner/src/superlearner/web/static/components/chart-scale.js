/**
 * The arithmetic of charts: round ticks, numbers with units, selection of samples for a width, gaps. Pure.
 *
 * @module
 */

/** @typedef {"count"|"per_s"|"ms"|"bytes"|"bytes_per_s"|"percent"} Unit */
/** @typedef {(number|null)[]} Values  null: unknown */
/** @typedef {{at: number[], gap: boolean[]}} Times  seconds since 1970, ascending; `gap`: samples are missing before it */

const STEPS = [1, 2, 2.5, 5, 10];
/** Possible steps of a time axis, in seconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
const SIZES = /** @type {const} */ ([[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/**
 * Return about `count` round numbers from 0 to above `most`, integers for counts.
 * @param {number} most
 * @param {number} count
 * @param {Unit} [unit]
 */
export function ticks(most, count, unit = "per_s") {
  const rough = Math.max(most, unit === "count" ? 1 : 1e-3) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = power * (STEPS.find((one) => one * power >= rough * (1 - 1e-9)) ?? 10);
  if (unit === "count") step = Math.max(1, Math.ceil(step));
  const found = [0];
  while ((found.at(-1) ?? 0) < most * (1 - 1e-9)) found.push(clean(found.length * step));
  if (found.length === 1) found.push(clean(step));
  return found;
}

/** 0.30000000000000004 → 0.3 @param {number} value */
const clean = (value) => Number(value.toPrecision(12));

/**
 * Return ticks of the time axis at whole seconds, minutes or hours in local time.
 * @param {number} from
 * @param {number} to
 * @param {number} count  maximum
 */
export function timeTicks(from, to, count) {
  const step = TIME_STEPS.find((one) => (to - from) / one <= count) ?? 86400;
  const shift = new Date(from * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) found.push(at);
  return found;
}

/** @param {number} at @param {number} span  range of the axis in seconds */
export const timeLabel = (at, span) => (span > 900 ? minutes : clock).format(at * 1000);

/** @param {number} value */
function short(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return whole.format(value);
  return String(Number(value.toPrecision(size < 1 ? 2 : 3)));
}

/**
 * Return a number with its unit: `1.5 ms`, `34.2 MB`.
 * @param {number|null|undefined} value
 * @param {Unit} unit
 */
export function withUnit(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "percent") return `${short(Math.round(value * 10) / 10)} %`;
  if (unit === "ms") return value >= 1000 ? `${short(value / 1000)} s` : `${short(Math.round(value * 100) / 100)} ms`;
  if (unit === "count") return whole.format(value);
  if (unit === "per_s") return `${short(Math.round(value * 100) / 100)}/s`;
  const rate = unit === "bytes_per_s" ? "/s" : "";
  for (const [size, name] of SIZES) if (Math.abs(value) >= size) return `${short(value / size)} ${name}${rate}`;
  return `${whole.format(value)} B${rate}`;
}

/**
 * Return the first index whose time is not before `at`.
 * @param {number[]} times
 * @param {number} at
 */
export function placeOf(times, at) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (times[middle]) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Return the index of the sample nearest to a time, -1 if there is none.
 * @param {number[]} times
 * @param {number} at
 */
export function nearest(times, at) {
  const after = placeOf(times, at);
  const right = times[after];
  const left = times[after - 1];
  if (right === undefined) return after - 1;
  if (left === undefined) return after;
  return at - left <= right - at ? after - 1 : after;
}

/**
 * Return the samples to draw in `columns` pixels from `from` to `to`: runs of indices without gaps, with the first,
 * lowest, highest and last sample of each pixel. Peaks are kept, and gaps are not interpolated.
 * @param {Times} times
 * @param {Values} values
 * @param {number} from
 * @param {number} to
 * @param {number} columns
 * @returns {number[][]}
 */
export function runs(times, values, from, to, columns) {
  const { at, gap } = times;
  // include a sample beyond each end, so that the line reaches the edge
  const first = Math.max(0, placeOf(at, from) - 1);
  const last = Math.min(at.length - 1, placeOf(at, to));
  const all = last - first + 1 <= columns * 2;
  /** @type {number[][]} */ const found = [];
  /** @type {number[]} */ let run = [];
  /** @type {number[]} */ let bucket = [];
  let column = NaN;
  const pour = () => {
    run.push(...(all ? bucket : extremes(bucket, values)));
    bucket = [];
  };
  const end = () => {
    pour();
    if (run.length) found.push(run);
    run = [];
    column = NaN;
  };
  for (let place = first; place <= last; place += 1) {
    const value = values[place];
    if (value === null || value === undefined) {
      end();
      continue;
    }
    if (gap[place]) end();
    const here = Math.floor(((/** @type {number} */ (at[place]) - from) / (to - from)) * columns);
    if (here !== column) pour();
    column = here;
    bucket.push(place);
  }
  end();
  return found;
}

/** Return the first, lowest, highest and last of some samples, in order. @param {number[]} places @param {Values} values */
function extremes(places, values) {
  if (places.length <= 4) return places;
  const of = (/** @type {number} */ place) => values[place] ?? 0;
  const least = places.reduce((best, place) => (of(place) < of(best) ? place : best));
  const most = places.reduce((best, place) => (of(place) > of(best) ? place : best));
  const kept = new Set([places[0], least, most, places.at(-1)]);
  return places.filter((place) => kept.has(place));
}

/**
 * Return count, extremes and percentiles of the samples from `from` to `to`, null if there are none.
 * @param {Times} times
 * @param {Values} values
 * @param {number} from
 * @param {number} to
 */
export function summary(times, values, from, to) {
  /** @type {number[]} */ const seen = [];
  for (let place = placeOf(times.at, from); place < times.at.length && /** @type {number} */ (times.at[place]) <= to; place += 1) {
    const value = values[place];
    if (value !== null && value !== undefined) seen.push(value);
  }
  if (!seen.length) return null;
  seen.sort((one, other) => one - other);
  return {
    count: seen.length, least: /** @type {number} */ (seen[0]), most: /** @type {number} */ (seen.at(-1)), p50: quantile(seen, 0.5),
    p99: quantile(seen, 0.99),
  };
}

/**
 * Return the value that the fraction `of` of the values does not exceed.
 * @param {number[]} sorted
 * @param {number} of
 */
const quantile = (sorted, of) => /** @type {number} */ (sorted[Math.max(0, Math.ceil(of * sorted.length) - 1)]);
