/**
 * The effects of strategies on given children. Pure. The rules are those of the runtime: `python -m tools.restart_rules`
 * writes them into restart-table.js.
 *
 * @module
 */

import { label } from "../live/model.js";
import { ALONG, CLEAN, RESTARTED } from "./restart-table.js";

/** @import { Model } from "../live/model.js" */

/**
 * The fields of a child that matter for a strategy.
 * @typedef {{key: string, id: string, label: string, pid: string|null, restart: string|null}} Child
 */
/** @typedef {"restarts"|"stays"|"gone"} Fate */

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
