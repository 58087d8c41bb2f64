/**
 * Trends of metrics, reported only with enough samples and a change well above the noise. Pure.
 *
 * @module
 */

import { placeOf } from "../components/chart-scale.js";

/** @import { Picture } from "../components/chart.js" */
/**
 * @typedef {{title: string, name: string, unit: import("../components/chart-scale.js").Unit, rises: boolean,
 *   from: number, to: number, perMinute: number, samples: number, seconds: number, steady: number}} Trend
 *   steady: for how long it has not changed since, in seconds; 0: it changes still
 */

/** Minimum number of samples, and of seconds that they cover: a rate of fewer says nothing. */
const LEAST_SAMPLES = 12;
const LEAST_SECONDS = 30;
/** Minimum ratio of the change to the deviations from the line, and minimum relative change. */
const STANDS_OUT = 3;
const SHARE = 0.1;
/** Minimum share of pairs of samples with the same direction. */
const AGREE = 0.75;
/** A trend is over if the values have stayed for this share of its time within this share of its change. */
const STEADY = 0.15;
const STILL = 0.05;
/** Samples at each end whose median a trend begins or ends with. */
const ENDS = 3;
/** More samples are grouped and replaced by their medians. */
const MOST = 60;

/**
 * Fit a line that is robust against peaks: the median of the slopes of all pairs (Theil-Sen).
 * @param {number[]} at
 * @param {number[]} values
 * @returns {{slope: number, level: number, stray: number, agree: number}}  level: in the middle of the range
 */
export function fit(at, values) {
  const [x, y] = thinned(at, values);
  /** @type {number[]} */ const slopes = [];
  for (let one = 0; one < x.length; one += 1) {
    for (let other = one + 1; other < x.length; other += 1) slopes.push((of(y, other) - of(y, one)) / (of(x, other) - of(x, one)));
  }
  const slope = middle(slopes);
  const centre = (of(at, 0) + of(at, at.length - 1)) / 2;
  const level = middle(x.map((one, place) => of(y, place) - slope * (one - centre)));
  const stray = middle(x.map((one, place) => Math.abs(of(y, place) - level - slope * (one - centre))));
  const agree = slopes.filter((one) => Math.sign(one) === Math.sign(slope)).length / slopes.length;
  return { slope, level, stray, agree };
}

/**
 * Return the trends of the visible range, the steepest first.
 * @param {Picture[]} pictures
 * @param {number} from
 * @param {number} to
 * @returns {Trend[]}
 */
export function trends(pictures, from, to) {
  /** @type {(Trend & {weight: number})[]} */ const found = [];
  for (const { title, unit, times, series } of pictures) {
    for (const { name, values } of series) {
      const { at, seen, seconds, enough } = samples(times.at, values, from, to);
      if (!enough) continue;
      const { slope, level, stray, agree } = fit(at, seen);
      const change = slope * seconds;
      const most = Math.abs(level) + Math.abs(change) / 2;
      if (!change || agree < AGREE || Math.abs(change) < STANDS_OUT * stray || Math.abs(change) < SHARE * most) continue;
      const first = middle(seen.slice(0, ENDS)), last = middle(seen.slice(-ENDS)); // the line may end far from any value
      if (change > 0 !== last > first) continue;
      const steady = steadySince(at, seen, last, STILL * Math.abs(last - first));
      const changed = seconds - steady;
      found.push({
        title, name, unit, rises: change > 0, from: first, to: last, steady,
        perMinute: (last - first) / changed * 60, samples: at.length, seconds: changed, weight: Math.abs(change) / most,
      });
    }
  }
  return found.sort((one, other) => other.weight - one.weight).map(({ weight: _, ...trend }) => trend);
}

/**
 * Return for how many seconds the values have been near the last one; 0 for a short time.
 * @param {number[]} at
 * @param {number[]} seen
 * @param {number} last
 * @param {number} near
 */
function steadySince(at, seen, last, near) {
  const since = seen.findLastIndex((value) => Math.abs(value - last) > near) + 1;
  const seconds = of(at, at.length - 1) - (at[since] ?? 0), whole = of(at, at.length - 1) - of(at, 0);
  return since > 0 && since < at.length && seconds >= Math.max(LEAST_SECONDS, STEADY * whole) ? seconds : 0;
}

/**
 * Return whether no series has samples enough for a trend in a range.
 * @param {Picture[]} pictures
 * @param {number} from
 * @param {number} to
 */
export const tooFew = (pictures, from, to) =>
  !pictures.some(({ times, series }) => series.some(({ values }) => samples(times.at, values, from, to).enough));

/**
 * Return the known values in a range.
 * @param {number[]} times
 * @param {readonly (number|null|undefined)[]} values
 * @param {number} from
 * @param {number} to
 */
function samples(times, values, from, to) {
  /** @type {number[]} */ const at = [];
  /** @type {number[]} */ const seen = [];
  for (let place = placeOf(times, from); place < times.length && of(times, place) <= to; place += 1) {
    const value = values[place];
    if (value === null || value === undefined) continue;
    at.push(of(times, place));
    seen.push(value);
  }
  const seconds = (at.at(-1) ?? 0) - (at[0] ?? 0);
  return { at, seen, seconds, enough: at.length >= LEAST_SAMPLES && seconds >= Math.max(LEAST_SECONDS, (to - from) / 2) };
}

/**
 * Return at most `MOST` samples, the medians of consecutive groups.
 * @param {number[]} at
 * @param {number[]} values
 * @returns {[number[], number[]]}
 */
function thinned(at, values) {
  const size = Math.ceil(at.length / MOST);
  if (size === 1) return [at, values];
  /** @type {[number[], number[]]} */ const found = [[], []];
  for (let place = 0; place < at.length; place += size) {
    found[0].push(middle(at.slice(place, place + size)));
    found[1].push(middle(values.slice(place, place + size)));
  }
  return found;
}

/** @param {readonly number[]} values @param {number} place */
const of = (values, place) => /** @type {number} */ (values[place]);

/** @param {number[]} values */
const middle = (values) => of([...values].sort((one, other) => one - other), values.length >> 1);
