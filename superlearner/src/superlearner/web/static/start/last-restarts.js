/**
 * The newest restarts: those in the feed of the shown node, and those that the platform has stored, also of other nodes.
 * Those that repeat are one line. Pure.
 *
 * @module
 */

import { because, nameIn, reasonIn, rowText, spanOf, storedText, verb } from "../live/storms.js";

/** @import { Line } from "../live/storms.js" */
/** Seconds by which the times of a restart in the feed and in the store may differ. */
const SAME_S = 0.5;
/** Seconds without a repetition that end a loop, as in the list of the server. */
const PAUSE_S = 120;
/** The start of the exit reason of a process that ended because its call failed. */
const FAILED_CALL = /^its call to (.+?) failed: /;
/** Seconds after the end of a server in which ends of its callers are attributed to it. */
const CAUSE_S = 5;
/** For this time, a give-up is listed whatever has happened since, in seconds. */
const GAVE_UP_S = 3600;

/**
 * @typedef {{node: string, at: number, from: number, to: number, count: number, folded: boolean, line: Line|null,
 *   stored: Api.RestartLine|null}} Restart
 *   `folded`: it stands for several entries, of which it has the newest
 */

/**
 * Return the newest restarts, each once, newest first; a stored crash loop is placed by its last restart. The newest
 * give-up is among them.
 * @param {object} known
 * @param {string} known.node  the shown node
 * @param {readonly Line[]} known.lines  of its feed
 * @param {ReadonlySet<string|undefined>} known.refs  the ids of all restarts in its feed
 * @param {readonly Api.RestartLine[]} known.stored  also of other nodes
 * @param {number} most
 * @returns {Restart[]}
 */
export function newest({ node, lines, refs, stored }, most) {
  const since = Math.min(...lines.map(({ from }) => from)) - SAME_S, ended = (/** @type {Api.RestartLine} */ one) => one.until ?? one.at;
  const onRequest = (/** @type {Api.RestartLine} */ one) => Boolean(one.request) && one.reason === null; // no restart in the feed
  const others = stored.filter(({ incident }) => !incident).filter((one) =>
    (one.node && one.node !== node) || (!refs.has(one.ref) && (ended(one) < since || onRequest(one))));
  const all = fold(withoutCallers([
    ...lines.filter((line) => !isGiveUp(line)).map((line) =>
      ({ node, at: line.from, from: line.from, to: line.to, count: line.count, folded: false, line, stored: null })),
    ...others.map((one) => ({
      node: one.node ?? node, at: ended(one), from: one.at, to: ended(one), count: one.count ?? 1, folded: false, line: null, stored: one,
    })),
  ].sort((one, other) => other.at - one.at)));
  const fall = all.findIndex((one) => gaveUp(one) && one.at > (all[0]?.at ?? 0) - GAVE_UP_S);
  return fall < most ? all.slice(0, most) : [...all.slice(0, most - 1), /** @type {Restart} */ (all[fall])];
}

/** Leave out processes that ended because their call to a listed process failed: that process is the cause. @param {Restart[]} all */
const withoutCallers = (all) => all.filter((one) => {
  const server = FAILED_CALL.exec(reasonOf(one))?.[1];
  return !server || gaveUp(one) || !all.some((other) => nameOf(other) === server && other.node === one.node && other !== one
    && other.from <= one.to && other.to >= one.to - CAUSE_S);
});

/** @param {Restart} one */
const reasonOf = ({ line, stored }) => (line ? line.event?.parts?.reason : stored?.reason) ?? "";

/** @param {Restart} one */
const nameOf = ({ line, stored }) => (line?.event ? nameIn(line.event) : stored?.name);

/** Return whether every crash in a line made its supervisor give up; the give-up has its own line. @param {Line} line */
const isGiveUp = ({ count, events = [] }) => count <= events.reduce((sum, { parts }) => sum + (parts?.fatal ?? 0), 0);

/** Return restarts with the repetitions of each as one, in the place of the newest. @param {Restart[]} all  newest first */
function fold(all) {
  /** @type {Map<string, Restart>} */ const going = new Map();
  /** @type {Restart[]} */ const found = [];
  for (const one of all) {
    const what = wordsOf(one), any = `${one.node} ${what}`, reason = reasonIn(reasonOf(one)), key = `${any}: ${reason}`;
    const loop = what ? going.get(reason ? key : any) : undefined; // one without a known reason may be like any other
    if (goesOn(loop, one)) Object.assign(loop, { from: one.from, count: loop.count + one.count, folded: true });
    else {
      going.set(key, one);
      if (!goesOn(going.get(any), one)) going.set(any, one);
      found.push(one);
    }
  }
  return found;
}

/**
 * Return whether an end belongs to a loop, newest first.
 * @param {Restart|undefined} loop @param {Restart} one @returns {loop is Restart}
 */
const goesOn = (loop, one) => loop !== undefined && loop.from - one.at <= PAUSE_S;

/** Return what happened to what, the same words for each repetition; "" if only the whole sentence says it. @param {Restart} one */
function wordsOf({ line, stored }) {
  if (stored) return stored.kept ? (stored.line ?? "").replace(/ and was restarted$| and restarted$/, "") : "";
  const what = line?.event ? verb(line.event) : "";
  return line && what ? `${nameIn(line.event)} ${what}` : "";
}

/** @param {Restart} one */
const gaveUp = ({ line, stored }) => line?.event?.kind === "gave_up" || Boolean(stored?.gave_up);

/** Return a restart in words: "pricing crashed 18× in 6 min: TypeError" for those that repeat. @param {Restart} one */
export function restartText(one) {
  const { line, stored, count, from, to, folded } = one;
  if (!folded) return line ? rowText(line) : stored ? storedText(stored) : "";
  const reason = reasonOf(one);
  return `${stored?.line ?? wordsOf(one)} ${count.toLocaleString("en")}× ${spanOf({ from, to })}${because(reason, !!stored)}`;
}
