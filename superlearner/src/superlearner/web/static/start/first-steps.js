/**
 * The guided first steps: the supervisor to show, children that may be killed, actual events and their explanation.
 * Pure: the model of the feed in, content out.
 *
 * @module
 */

import { label } from "../live/model.js";
import { fates, isRestarted } from "../teaching/strategy-rules.js";
import { asSentence, budgetText, number, UNLIMITED, unlimited } from "../base/words.js";

/** @import { Model, Row } from "../live/model.js" */
/** @typedef {import("../live/model.js").FeedEvent} FeedEvent */

/** @typedef {{supervisor: Row, children: Row[], victim: Row|null}} Scene */

/** Strategies by how much they show. @type {Record<string, number>} */
const TELLING = { rest_for_one: 30, one_for_all: 20, one_for_one: 10, dynamic: 2, simple_one_for_one: 1 };
/** The demo's supervisor with the best example. */
const BEST = "checkout_sup";
const BEST_CHILD = "ledger";
/** More children do not fit into the picture. */
const MANY = 8;
/** Kinds of entries about a child that are explained. */
const ENDS = new Set(["restarted", "killed", "crashed", "gave_up", "restart_failed"]);
/** Ends of children within this time of a give-up are a part of it; later ones are news. */
const OUTRANKED_S = 1;
/** Replays that follow one another, as in a crash loop, delay the explanation by at most this time. */
const LONGEST_WAIT_MS = 5000;
/** The platform's services are below this slot and must not be killed here. */
const SERVICES = "superlearner/services";

/** @param {Model} model @param {Row} supervisor @returns {Row[]} */
const childrenOf = (model, supervisor) => (model.kids.get(supervisor.key) ?? []).flatMap((key) => model.rows.get(key) ?? []);

/** Return whether a supervisor restarts this child after a kill. @param {Row} row */
const comesBack = (row) => row.kind === "worker" && !row.critical && row.restart !== null && isRestarted(row.restart, "killed");

/** @param {Row} supervisor @param {Row[]} children */
function worth(supervisor, children) {
  if (supervisor.critical || supervisor.key === SERVICES || supervisor.key.startsWith(`${SERVICES}/`) || !children.some(comesBack))
    return 0;
  const max = supervisor.budget?.max ?? 0;
  return (TELLING[supervisor.strategy ?? ""] ?? 5) + (supervisor.name === BEST ? 100 : 0)
    + (children.length >= 2 && children.length <= 6 ? 8 : children.length <= MANY ? 3 : -4)
    + (max >= 1 && supervisor.budget && !unlimited(supervisor.budget) ? 8 : 0) + (supervisor.pid ? 2 : 0);
}

/**
 * Return the key of the supervisor below which something happened last, or that gave up; null if nothing did.
 * @param {readonly FeedEvent[]} feed  oldest first
 */
export function lastBranch(feed) {
  const last = feed.findLast(({ kind, key }) => key && ENDS.has(kind)), key = last?.key ?? "";
  return last?.kind === "gave_up" ? key : key.slice(0, Math.max(0, key.lastIndexOf("/"))) || null;
}

/**
 * Return the key of the supervisor of a process that does not answer or is suspended; null if there is none.
 * @param {Pick<Model, "rows">} model
 */
export const troubledBranch = ({ rows }) =>
  [...rows.values()].find(({ state, parent }) => parent !== null && (state === "stuck" || state === "suspended"))?.parent ?? null;

/**
 * Return the supervisor to show: that of the demo, else the one below which something happened last, the previous one
 * while it exists, or the most instructive one.
 * @param {Model} model
 * @param {string|null} kept  the key of the previous one
 * @param {string|null} [last]  see `lastBranch`
 * @returns {Scene|null}
 */
export function sceneOf(model, kept, last = null) {
  const demo = [...model.rows.values()].find(({ name }) => name === BEST)?.key ?? null;
  const wanted = demo === null || kept === null ? [demo, last, kept] : [kept];
  let best = wanted.map((key) => (key === null ? undefined : model.rows.get(key)))
    .find((row) => row && worth(row, childrenOf(model, row)) > 0);
  if (!best) {
    let most = 0;
    best = undefined;
    for (const row of model.rows.values()) {
      if (row.kind !== "supervisor") continue;
      const found = worth(row, childrenOf(model, row));
      if (found > most) [best, most] = [row, found];
    }
  }
  if (!best) return null;
  const children = childrenOf(model, best);
  const able = children.filter(comesBack);
  return { supervisor: best, children, victim: able.find((row) => label(row) === BEST_CHILD) ?? able[0] ?? null };
}

/**
 * Return the children that restart when this child ends, including itself, by the supervisor's strategy.
 * @param {Scene} scene
 * @param {string} key
 * @returns {Row[]}
 */
export function affected({ supervisor, children }, key) {
  const fate = fates(supervisor.strategy, children, key);
  return children.filter((row) => row.key === key || fate.get(row.key) === "restarts");
}

/**
 * Return the newest entry of the feed about the scene after a known one. The end of the supervisor outranks the ends of
 * children that follow it at once.
 * @param {readonly FeedEvent[]} feed  oldest first
 * @param {Scene} scene
 * @param {number} after  number of an entry
 * @returns {FeedEvent|null}
 */
export function storyOf(feed, { supervisor }, after) {
  const isFall = (/** @type {FeedEvent} */ event) => event.kind === "gave_up" && event.key === supervisor.key;
  const told = feed.filter((event) =>
    event.id > after && (isFall(event) || (ENDS.has(event.kind) && event.key?.slice(0, event.key.lastIndexOf("/")) === supervisor.key)));
  const newest = told.at(-1), fall = told.findLast(isFall);
  return (fall && newest && newest.at - fall.at < OUTRANKED_S ? fall : newest) ?? null;
}

/** The event that is explained: the newest one whose replay has been seen. */
export class Explained {
  /** @type {FeedEvent|null} */ #story = null;
  /** When a newer one began to wait; null if none does. @type {number|null} */ #since = null;

  get story() {
    return this.#story;
  }

  /**
   * Return the event to explain.
   * @param {FeedEvent|null} newest
   * @param {boolean} plays  true if a replay has not ended yet
   * @param {number} now  milliseconds
   */
  take(newest, plays, now) {
    if (newest !== this.#story && plays && now - (this.#since ??= now) < LONGEST_WAIT_MS) return this.#story;
    this.#since = null;
    return (this.#story = newest);
  }
}

/**
 * Return the finished steps, derived from actual events.
 * @param {Scene|null} scene
 * @param {FeedEvent|null} story
 */
export function done(scene, story) {
  return {
    look: scene !== null && (story !== null || scene.children.some((row) => row.pid !== null)),
    kill: story !== null && (story.parts?.reason === "killed" || story.kind === "gave_up"), // a crash is not a kill
    read: story !== null && (Boolean(story.parts?.restarted?.length) || story.kind === "gave_up"),
  };
}

/** @param {readonly string[]} names */
export function listed(names) {
  const shown = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : [...names];
  const last = shown.pop() ?? "";
  return shown.length ? `${shown.join(", ")} and ${last}` : last;
}

/** @type {Record<string, string>} */
const BECAUSE = {
  one_for_one: "only the child that ended is restarted",
  rest_for_one: "the child that ended and those started after it are restarted",
  one_for_all: "when one child ends, all of them are restarted",
  dynamic: "only the child that ended is restarted",
  simple_one_for_one: "only the child that ended is restarted",
};

/** Explain a strategy in half a sentence. @param {string|null} strategy */
export const because = (strategy) => BECAUSE[strategy ?? ""] ?? "it restarts its children";

/**
 * Return the three explanations.
 * @param {FeedEvent} story
 * @returns {{why: string, who: string, left: string}}
 */
export function answers(story) {
  const { who = "The child", reason = "", by = "", strategy = "", restarted = [], used, max, window_s } = story.parts ?? {};
  const again = restarted.length ? `${by} is ${strategy}: ${because(strategy)}.` : "";
  const limited = typeof max === "number" && typeof used === "number" && max < 1000, left = limited ? Math.max(0, max - used) : 0;
  if (story.kind === "gave_up") {
    return {
      why: asSentence(story.text.split("; ")[0] ?? ""),
      who: restarted.length
        ? `${listed(restarted)}, with all its children, which had ended with it. ${again}`
        : "No process yet. The supervisor above decides what happens next.",
      left: restarted.length
        ? `${who} starts with all its restarts again, and ${by} has spent one of its `
          + `own.${limited ? ` ${by} has ${budgetText(left, { max, window_s })}.` : ""}`
        : `Nothing: ${who} had no restart left, so the failure went up the tree, to its own supervisor.`,
    };
  }
  const why = reason === "killed"
    ? `${who} was killed: its reason is “killed”, and it had no chance to clean up.`
    : asSentence(`${who} ended with reason ${reason}`);
  return {
    why,
    who: restarted.length ? `${listed(restarted)}. ${again}` : "No process yet.",
    left: limited
      ? `${by} had ${budgetText(left, { max })}; `
        + `${typeof window_s === "number" ? `each comes back after ${window_s} s` : "none comes back"}. `
        + "Without one it gives up, and its own supervisor decides."
      : max === undefined || max === null ? "Known once the restart is done."
      : `${by || "Its supervisor"} allows ${typeof max === "number" ? `${number(max)} restarts` : UNLIMITED}.`,
  };
}
