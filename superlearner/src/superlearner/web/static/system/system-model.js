/**
 * The model of a node's metrics: a value, and a reducer for frames. Pure.
 *
 * @module
 */

import { make, nodeQuery, root } from "../base/dom.js";
import { counted, number, time } from "../base/words.js";

/** @typedef {(number|string|null)[]} Point  in the order of the columns */
/** @typedef {Api.AnomalyLine} Anomaly */
/**
 * @typedef {object} Model
 * @property {number} seq
 * @property {string} epoch
 * @property {number} interval  seconds between two points
 * @property {string[]} columns
 * @property {Point[]} points
 * @property {boolean[]} gaps
 * @property {Anomaly[]} anomalies  active ones
 * @property {Anomaly[]} ended
 */

/** Severities of anomalies, the worst last. */
export const RANKS = ["low", "medium", "high", "critical"];
const HOUR = 3600;
const ENDED = 50;
const RECENT_MIN = 10;

/** Return the icon of an active anomaly: only a high severity looks like a crash. @param {string} severity */
export const signOf = (severity) => (RANKS.indexOf(severity) > 1 ? "crashed" : "stuck");

/** Order anomalies: the worst first, then the oldest. @param {Pick<Anomaly, "severity"|"number">} one @param {typeof one} other */
export const byRank = (one, other) => RANKS.indexOf(other.severity) - RANKS.indexOf(one.severity) || one.number - other.number;

/**
 * @param {Model|null} model
 * @param {any} frame
 * @returns {Model|null}  null: frames are missing, a snapshot is needed
 */
export function reduce(model, frame) {
  if (frame.k === "s") {
    const skipped = new Set(frame.gaps);
    return {
      seq: frame.seq, epoch: frame.epoch, interval: frame.interval, columns: frame.columns, points: frame.points,
      gaps: frame.points.map((/** @type {Point} */ _, /** @type {number} */ place) => skipped.has(place)),
      anomalies: frame.anomalies, ended: frame.ended,
    };
  }
  if (!model || frame.seq !== model.seq + 1) return null;
  const oldest = Number(frame.point[0]) - HOUR;
  let skip = 0;
  while (skip < model.points.length && Number(model.points[skip]?.[0]) < oldest) skip += 1;
  return {
    ...model,
    seq: frame.seq,
    interval: frame.interval,
    points: [...model.points.slice(skip), frame.point],
    gaps: [...model.gaps.slice(skip), frame.gap],
    anomalies: frame.anomalies,
    ended: over([...model.ended, ...frame.ended], frame.anomalies).slice(-ENDED),
  };
}

/**
 * Return anomalies that are over, oldest first: those of the feed, and the stored ones of before, which it does not have.
 * Stored ones get negative numbers: each attachment counts its own from the start.
 * @param {Pick<Model, "anomalies"|"ended">} model @param {readonly Anomaly[]} stored
 */
export function withStored({ anomalies, ended }, stored) {
  const cause = (/** @type {Anomaly} */ { type, since, name, pid }) => JSON.stringify([type, since, name, pid]);
  const there = new Set([...anomalies, ...ended].map(cause));
  const before = stored.filter((one) => !one.active && !there.has(cause(one))).map((one, place) => ({ ...one, number: -1 - place }));
  return [...before.sort((one, other) => secondsOf(one.since) - secondsOf(other.since)), ...ended];
}

/**
 * Return a column, oldest first; with `per_s`, counts become rates.
 * @param {Model} model
 * @param {string} name
 * @param {{perS?: boolean, times?: number}} [how]
 * @returns {(number|null)[]}
 */
export function column(model, name, { perS = false, times = 1 } = {}) {
  const at = model.columns.indexOf(name);
  const seconds = model.columns.indexOf("seconds");
  return model.points.map((point) => {
    const value = point[at];
    if (typeof value !== "number") return null;
    return perS ? value / Math.max(1e-6, Number(point[seconds])) : value * times;
  });
}

/**
 * Return when the points began, in seconds since 1970; null if that was before the last minutes, or is not known.
 * @param {Model|null} model
 */
export function begunLately(model) {
  const [first] = model?.points ?? [], newest = Number(model?.points.at(-1)?.[0] ?? 0);
  if (!model || !first) return null;
  const begun = Number(first[0]) - Number(first[model.columns.indexOf("seconds")] ?? 0);
  return newest - begun < 60 * RECENT_MIN ? begun : null;
}

/**
 * Return whether a restart is one of the last minutes before the points began.
 * @param {Model|null} model
 * @param {{at: number, until?: number|null}} stored
 */
export function isBefore(model, { at, until }) {
  const begun = begunLately(model), newest = Number(model?.points.at(-1)?.[0] ?? 0);
  return begun !== null && at < begun && (until ?? at) > newest - 60 * RECENT_MIN;
}

/**
 * Return the restarts of other nodes in the last minutes, which are listed beside those of this node; null if there are none.
 * @param {string} node @param {readonly Api.RestartLine[]} stored  newest first @param {number} now
 * @param {boolean} full  there may be more
 */
export function madeBeside(node, stored, now, full) {
  const late = stored.filter((one) => (one.until ?? one.at) > now - 60 * RECENT_MIN);
  const restarts = late.reduce((all, one) => all + ((one.node ?? node) === node || one.incident || one.program ? 0 : one.count ?? 1), 0);
  return restarts ? { node, restarts, more: full && late.length === stored.length } : null;
}

/**
 * Return the sentence about a node without problems: it counts the restarts of the last minutes, which the reader may have seen.
 * @param {Model|null} model  null while the monitor's points are not known
 * @param {number} [since]  restarts after the newest point
 * @param {boolean} [earlier]  others are stored from the last minutes before the points began
 * @param {number} [total]  restarts since the node started, perhaps long before the points began
 * @param {{node: string, restarts: number, more: boolean}|null} [beside]  the node, if restarts of others are listed beside it, and
 *   the number of those in the last minutes; `more`: there may be more
 * @returns {{text: string, repaired: boolean}}
 */
export function calm(model, since = 0, earlier = false, total = 0, beside = null) {
  const newest = Number(model?.points.at(-1)?.[0] ?? 0), begun = begunLately(model);
  const sum = (/** @type {string} */ name) => model === null ? 0 : column(model, name).reduce((/** @type {number} */ all, value, place) =>
    all + (Number(model.points[place]?.[0]) > newest - 60 * RECENT_MIN ? value ?? 0 : 0), 0);
  const restarts = sum("restarts") + since, gaveUp = sum("give_ups");
  const unseen = begun === null ? 0 : Math.max(0, total - restarts);
  if (!restarts && !gaveUp && !earlier && !unseen && !beside) return { text: "Nothing is wrong.", repaired: false };
  const when = begun !== null ? `since ${time(begun).replace(/:\d\d$/, "")}, when SuperLearner began to observe the node`
    : model === null ? "since the node started" : `in the last ${RECENT_MIN} minutes`;
  const made = `Supervisors ${beside ? `of ${beside.node} ` : ""}made ${restarts ? counted(restarts, "restart") : "no restarts"} ${when}`;
  const before = unseen ? `; ${number(unseen)} before that` : earlier ? "; earlier ones are stored" : "";
  const others = beside
    ? `; those of other nodes ${beside.more ? "at least " : ""}${number(beside.restarts)} in the last ${RECENT_MIN} minutes` : "";
  return { text: `Nothing is wrong now. ${made}${gaveUp ? `, and ${number(gaveUp)} gave up` : ""}${before}${others}.`, repaired: true };
}

/**
 * Return the same with a link to the restarts.
 * @param {Parameters<typeof calm>} known
 * @returns {(string|Node)[]}
 */
export function calmParts(...known) {
  const { text, repaired } = calm(...known);
  return repaired ? [`${text} `, make("a", { href: `${root()}/timeline${nodeQuery()}` }, "Show them")] : [text];
}

/** @param {string} moment  in the API's format @returns {number} seconds since 1970 */
export const secondsOf = (moment) => Date.parse(moment) / 1000;

/**
 * Return the anomalies that are over, without those that came back.
 * @param {readonly Anomaly[]} ended  the newest last
 * @param {readonly Anomaly[]} active
 */
const over = (ended, active) => ended.filter((one, place) =>
  !active.some(({ number }) => number === one.number) && ended.findLastIndex(({ number }) => number === one.number) === place);
