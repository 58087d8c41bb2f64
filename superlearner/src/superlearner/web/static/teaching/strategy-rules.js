/**
 * The effects of strategies on given children, and the comparison of a reader's answer with the result. Pure:
 * independent of page, server and time. The rules are those of the runtime: `python -m tools.restart_rules` writes
 * them into restart-table.js.
 *
 * @module
 */

import { isSettled, startedIn } from "../live/bursts.js";
import { label } from "../live/model.js";
import { ALONG, CLEAN, RESTARTED } from "./restart-table.js";

/** @import { FeedEvent, Model } from "../live/model.js" */

/**
 * The fields of a child that matter for a strategy.
 * @typedef {{key: string, id: string, label: string, pid: string|null, restart: string|null}} Child
 */
/** @typedef {"restarts"|"stays"|"gone"} Fate */
/** @typedef {"right"|"missed"|"wrong"|"left"} Verdict */

/** The strategies of supervisors with static children. */
export const STATIC = ["one_for_one", "rest_for_one", "one_for_all"];

/** @param {string|null} strategy */
export const isDynamic = (strategy) => strategy === "dynamic" || strategy === "simple_one_for_one";

/** @param {Model} model @param {string} key @returns {Child[]} */
export const childrenOf = (model, key) => (model.kids.get(key) ?? []).flatMap((kid) => {
  const row = model.rows.get(kid);
  return row ? [{ key: kid, id: row.id, label: label(row), pid: row.pid, restart: row.restart }] : [];
});

/**
 * Return whether a child that ends by itself is restarted.
 * @param {string|null} restart
 * @param {string} reason
 */
export const isRestarted = (restart, reason) => RESTARTED[CLEAN.includes(reason) ? "clean" : "failure"].includes(restart ?? "permanent");

/**
 * Return the effect on each child if one of them ends while the supervisor has restarts left.
 * @param {string|null} strategy
 * @param {readonly Pick<Child, "key"|"restart">[]} children  in start order
 * @param {string} victim  its key
 * @param {string} [reason]
 * @returns {Map<string, Fate>}
 */
export function fates(strategy, children, victim, reason = "killed") {
  const at = children.findIndex(({ key }) => key === victim);
  const back = at >= 0 && isRestarted(children[at]?.restart ?? null, reason);
  const along = ALONG[strategy ?? ""] ?? ALONG.one_for_one;
  return new Map(children.map(({ key, restart }, place) => [key,
    place === at ? (back ? "restarts" : "gone")
      : back ? along?.[place < at ? "before" : "after"][restart ?? "permanent"] ?? "stays"
      : "stays"]));
}

/**
 * The state recorded before a child is killed.
 * @typedef {{supervisor: string, name: string, strategy: string|null, children: Child[], victim: Child, reason: string,
 *   feed: readonly FeedEvent[]}} Before
 */

/**
 * @param {Model} model
 * @param {string} supervisor  its key
 * @param {string} victim  the key of its child
 * @param {string} reason  the child's exit reason
 * @returns {Before|null}
 */
export function before(model, supervisor, victim, reason) {
  const row = model.rows.get(supervisor);
  const children = childrenOf(model, supervisor);
  const child = children.find((one) => one.key === victim);
  if (!row || !child) return null;
  return { supervisor, name: label(row), strategy: row.strategy, children, victim: child, reason, feed: model.feed };
}

/** The result. @typedef {{settled: boolean, gaveUp: boolean, how: string, started: Set<string>, entry: FeedEvent|null}} Observed */

/**
 * Observe the result in the live model: the feed's entry for this end, the restarts in it, and the children with new
 * processes.
 * @param {Before} then
 * @param {Model} model
 * @returns {Observed}
 */
export function observe(then, model) {
  const fresh = model.feed.filter((event) => !then.feed.includes(event));
  const own = fresh.findLast((event) => (event.pid !== null && event.pid === then.victim.pid) || event.key === then.victim.key) ?? null;
  const end = fresh.findLast((event) => event.key === then.supervisor && event.kind !== "note") ?? null;
  const how = end === null ? ""
    : end.kind === "gave_up" ? "had no restart left, gave up"
    : `ended with ${then.victim.label}, which is significant,`;
  const told = new Set(own ? startedIn(own) : []);
  const started = new Set(then.children.filter(({ key, pid }) => {
    const now = model.rows.get(key)?.pid ?? null;
    return now !== null && now !== pid;
  }).map(({ key }) => key));
  if (isDynamic(then.strategy) && told.size && !started.size) started.add(then.victim.key);
  const entry = end ?? own;
  const all = [...told].every((key) => model.rows.get(key)?.pid ?? null);
  return { settled: entry !== null && isSettled(entry) && all, gaveUp: end !== null, how, started, entry };
}

/** A line of the comparison. @typedef {{key: string, label: string, verdict: Verdict, words: string}} Graded */

/**
 * Compare the restarts that a reader expected with the actual ones.
 * @param {ReadonlySet<string>} expected
 * @param {Before} then
 * @param {Observed} now
 * @returns {Graded[]}
 */
export function grade(expected, then, now) {
  return then.children.map((child) => {
    const came = now.started.has(child.key);
    const marked = expected.has(child.key);
    const verdict = came ? (marked ? "right" : "missed") : marked ? "wrong" : "left";
    return { key: child.key, label: child.label, verdict, words: because(child, then, now, came) };
  });
}

/**
 * Explain why a child was restarted, or was not, in one sentence.
 * @param {Child} child
 * @param {Before} then
 * @param {Observed} now
 * @param {boolean} came
 */
function because(child, then, now, came) {
  const { victim, strategy, name } = then;
  if (now.gaveUp) {
    if (came) return `${name} ${now.how} and was started again, with all its children.`;
    return child.restart === "temporary" ? "It is temporary, so it is never restarted." : `${name} ${now.how} and stopped its children.`;
  }
  if (child.key === victim.key) {
    if (came)
      return child.restart === "transient"
        ? `It died, and ${then.reason} is a failure: a transient child is started again.`
        : "It died; a permanent child is always started again.";
    return child.restart === "transient" ? `It is transient, and ${then.reason} is no failure.`
      : child.restart === "temporary" ? "It is temporary: never started again."
      : "It was not started again.";
  }
  if (came)
    return strategy === "rest_for_one" ? `rest_for_one restarts it too, because it was started after ${victim.label}.`
      : strategy === "one_for_all" ? "one_for_all restarts all children together."
      : "It ended and was started again for a reason of its own.";
  if (!now.started.has(victim.key)) return `${victim.label} was not started again, so no sibling was affected.`;
  if (fates(strategy, then.children, victim.key, then.reason).get(child.key) === "gone")
    return "It was stopped too, and a temporary child is never started again.";
  if (strategy === "rest_for_one") return `It was started before ${victim.label}: rest_for_one leaves it alone.`;
  return strategy === "one_for_one"
    ? "one_for_one restarts only the child that ended."
    : "A dynamic supervisor restarts only the child that ended.";
}

/**
 * Compare the runtime's prediction with the result.
 * @param {{steps?: {started?: string[], outcome?: string}[]}|null} predicted  the answer of supervisor.predict
 * @param {Before} then
 * @param {Observed} now
 * @returns {boolean|null}  null: there is no prediction
 */
export function predictedRight(predicted, then, now) {
  const step = predicted?.steps?.[0];
  if (!step) return null;
  const gives = step.outcome === "gives_up" || step.outcome === "stops";
  if (gives || now.gaveUp) return gives === now.gaveUp;
  if (isDynamic(then.strategy)) return (step.outcome === "restarts") === now.started.has(then.victim.key);
  const ids = new Set(step.started ?? []);
  return then.children.every((child) => ids.has(child.id) === now.started.has(child.key));
}

/** @typedef {{rounds: number, clean: number, right: number, of: number}} Score */

/** @type {Score} */
export const NO_SCORE = { rounds: 0, clean: 0, right: 0, of: 0 };

/**
 * Return the score after another round: `clean` are rounds without a mistake, `right` and `of` count children.
 * @param {Score} score
 * @param {readonly Graded[]} graded
 * @param {boolean} rest  whether all other answers were right, too
 * @returns {Score}
 */
export function counting(score, graded, rest) {
  const right = graded.filter(({ verdict }) => verdict === "right" || verdict === "left").length;
  return {
    rounds: score.rounds + 1, clean: score.clean + (rest && right === graded.length ? 1 : 0),
    right: score.right + right, of: score.of + graded.length,
  };
}
