/**
 * The newest restarts and crashes, as the server lists them: of one node or of several. Those that repeat in a run of a
 * program are one line. Pure.
 *
 * @module
 */

import { CHOSEN } from "../base/words.js";
import { because, isOne, kindIn, spanOf, storedText, timeOf } from "../live/storms.js";

/** Seconds without a repetition that end a loop, as in the list of the server. */
const PAUSE_S = 120;
/** The start of the exit reason of a process that ended because its call failed. */
const FAILED_CALL = /^its call to (.+?) failed: /;
/** Seconds after the end of a server in which ends of its callers are attributed to it. */
const CAUSE_S = 5;
/** Seconds after a hold in which a silent node answers again. */
const ANSWER_S = 60;
/** For this time, a give-up is listed whatever has happened since, in seconds. */
const GAVE_UP_S = 3600;

/**
 * @typedef {{node: string, at: number, from: number, to: number, count: number, folded: boolean, alike: boolean,
 *   apart?: boolean, stored: Api.RestartLine}} Restart
 *   `folded`: it stands for several entries, of which it has the newest; `alike`: all have its reason;
 *   `apart`: it is listed although others were later
 */

/**
 * Return the newest restarts, newest first. The newest give-up is among them.
 * @param {object} known
 * @param {string} known.node  the shown node
 * @param {readonly Api.RestartLine[]} known.stored  also of other nodes
 * @param {number} most
 * @returns {Restart[]}
 */
export function newest({ node, stored }, most) {
  const told = stored.filter((one) => !CHOSEN.test(one.line ?? "") && (!one.incident || one.crash || explains(one, stored)));
  const all = fold(withoutCallers(told.map((one) => ({
    node: one.node ?? node, at: timeOf(one), from: one.at, to: one.until ?? one.at, count: one.count ?? 1, folded: false,
    alike: isOne(one), stored: one,
  })).sort((one, other) => other.at - one.at)));
  const fall = all.findIndex(({ stored: { gave_up: gaveUp }, at }) => gaveUp && at > (all[0]?.at ?? 0) - GAVE_UP_S);
  return fall < most ? all.slice(0, most) : [...all.slice(0, most - 1), { .../** @type {Restart} */ (all[fall]), apart: true }];
}

/**
 * Return whether an incident is the hold that made its node silent.
 * @param {Api.RestartLine} one @param {readonly Api.RestartLine[]} stored
 */
const explains = (one, stored) => / held the event loop /.test(one.line ?? "")
  && stored.some(({ program, node, at }) => program && node === one.node && at >= one.at && at <= (one.until ?? one.at) + ANSWER_S);

/** Leave out processes that ended because their call to a listed process failed: that process is the cause. @param {Restart[]} all */
const withoutCallers = (all) => all.filter((one) => {
  const server = FAILED_CALL.exec(one.stored.reason ?? "")?.[1];
  return !server || one.stored.gave_up || !all.some((other) => other.stored.name === server && other.node === one.node && other !== one
    && other.from <= one.to && other.to >= one.to - CAUSE_S);
});

/** Return restarts with the repetitions of each as one, in the place of the newest. @param {Restart[]} all  newest first */
function fold(all) {
  /** @type {Map<string, Restart>} */ const going = new Map();
  /** @type {Restart[]} */ const found = [];
  for (const one of all) {
    const what = wordsOf(one), { where, ref = "" } = one.stored, any = `${one.node} ${ref.split(".")[0]} ${what}`;
    const reason = one.stored.reason ?? "", key = `${any}: ${kindIn(reason)} ${where ?? ""}`;
    const loop = what ? going.get(reason ? key : any) : undefined; // one without a known reason may be like any other
    if (goesOn(loop, one)) {
      const same = loop.alike && one.alike && reason !== "" && reason === loop.stored.reason;
      Object.assign(loop, { from: one.from, count: loop.count + one.count, folded: true, alike: same });
    } else {
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
const wordsOf = ({ stored: { kept, program, line = "" } }) =>
  (kept && !program ? line.replace(/ and was restarted$| and restarted$/, "") : "");

/** Return a restart in words: "pricing crashed 18× in 6 min: TypeError" for those that repeat. @param {Restart} one */
export const restartText = ({ stored, count, from, to, folded, alike, apart = false }) => (apart ? "The last give-up: " : "") + (folded
  ? `${stored.line} ${count.toLocaleString("en")}× ${spanOf({ from, to })}${because(stored.reason, !alike)}`
  : storedText(stored));
