/**
 * The lives of a slot, derived from its ends: when each process started, how long it lived and how it ended. Pure.
 *
 * @module
 */

import { CHOSEN, RAN_ON, often, time } from "../base/words.js";

/** @typedef {{at: number, reason: string, pid: string|null, crash: boolean, message?: string|null, where?: string|null}} Exit */

/**
 * @typedef {object} Life
 * @property {string|null} pid
 * @property {number|null} from  end of the previous one, for the last one its known start; null: unknown
 * @property {number|null} to  null: it is alive
 * @property {Exit|null} exit
 */

/**
 * Return the lives, oldest first. A start is taken as the previous end, which ignores delays of restarts.
 * @param {readonly Exit[]} exits  newest first
 * @param {{pid: string|null, startedAt: number|null, ended?: string|null}} now  the current process; pid null: none,
 *   and `ended` started at `startedAt`
 * @returns {Life[]}
 */
export function livesOf(exits, now) {
  /** @type {Life[]} */ const lives = [];
  [...exits].reverse().forEach((exit, index, all) => {
    lives.push({
      pid: exit.pid,
      from: (exit.pid !== null && exit.pid === now.ended ? now.startedAt : null) ?? all[index - 1]?.at ?? null,
      to: exit.at, exit,
    });
  });
  if (now.pid !== null) lives.push({ pid: now.pid, from: now.startedAt ?? exits[0]?.at ?? null, to: null, exit: null });
  return lives;
}

/** The line of a service that does not answer, or whose connection was lost: its program has not ended. */
const UNHEARD = / is (?:silent|not reachable): /;
/** The lines of a node that are about no end of its program. */
const NO_ENDS = [RAN_ON, UNHEARD, CHOSEN];

/**
 * Find the last time the program of a node ended before these lives began; undefined if it did not, or was only silent.
 * @param {readonly Api.RestartLine[]} restarts  newest first, also of other nodes
 * @param {string} node  its name
 * @param {readonly Life[]} lives  oldest first
 * @returns {Api.RestartLine|undefined}
 */
export function findProgramEnd(restarts, node, lives) {
  const [first] = lives, begun = first?.from ?? first?.to ?? Infinity;
  return restarts.find((one) => one.program && !NO_ENDS.some((of) => of.test(one.line ?? ""))
    && (one.node ?? node) === node && one.at <= begun);
}

/**
 * Return the lives as parts of a line from 0 to 1, each wide enough to be visible.
 * @param {readonly Life[]} lives
 * @param {number} now
 * @param {number} least  the smallest part
 * @returns {{life: Life, left: number, width: number}[]}
 */
export function timeline(lives, now, least = 0.012) {
  const begin = Math.min(...lives.flatMap((life) => [life.from ?? life.to ?? now, life.to ?? now]));
  const whole = Math.max(now - begin, 1e-6);
  const raw = lives.map((life) =>
    ({ life, from: ((life.from ?? life.to ?? now) - begin) / whole, to: ((life.to ?? now) - begin) / whole }));
  let reached = 0;
  const stretched = raw.map(({ life, from, to }) => {
    const left = Math.max(from, reached);
    const width = Math.max(to - left, least);
    reached = left + width;
    return { life, left, width };
  });
  return reached > 1 ? stretched.map(({ life, left, width }) => ({ life, left: left / reached, width: width / reached })) : stretched;
}

/**
 * Return how often a supervisor has restarted the process in a place of its tree; "" if never.
 * @param {Pick<import("../live/model.js").Row, "restarts"|"restarted_along">} row
 */
export function restartedText({ restarts, restarted_along: along }) {
  const own = restarts ? `${often(restarts)} by its supervisor` : "";
  return own || along ? `Restarted ${[own, along ? `${often(along)} with a sibling` : ""].filter(Boolean).join(", and ")}` : "";
}

/**
 * Return the sentence about a process without an end in memory.
 * @param {Parameters<typeof restartedText>[0]} row  of its place in the tree
 * @param {boolean} stored  whether ends are stored, also of an earlier program
 * @param {number|null} startedAt
 */
export function endsText(row, stored, startedAt) {
  const since = startedAt === null ? "" : ` at ${time(startedAt)}`, restarted = restartedText(row);
  if (restarted) return `${restarted}${since && `, the last time${since}`}.`;
  return stored ? `Started${since}.` : `It has not ended since its start${since}.`;
}

/** Return what happened and why, once: some lines say why themselves. @param {string} line @param {string|null} [reason] */
export const endedText = (line, reason) => (reason && !line.includes(reason) ? `${line}: ${reason}` : line);
