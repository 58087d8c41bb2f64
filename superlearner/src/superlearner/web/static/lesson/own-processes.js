/**
 * The processes of a workbench that the learner's code has started, without those that run it.
 *
 * @module
 */

/** @import { Model } from "../live/model.js" */

/** The tree of the sandbox, and the process that runs the cells. */
const OF_THE_SANDBOX = new Set(["Main", "workbench"]);

/**
 * Return the children of each process: at the top the learner's supervisors, and then what no supervisor has started.
 * @param {Pick<Model, "kids"|"rows">} model
 * @returns {Map<string, readonly string[]>}
 */
export function ownKids({ kids, rows }) {
  const own = (/** @type {string} */ key) => {
    const row = rows.get(key);
    return !OF_THE_SANDBOX.has(row?.name ?? row?.id ?? "");
  };
  const isGroup = (/** @type {string} */ key) => rows.get(key)?.kind === "group";
  const found = new Map(kids), tops = (kids.get("") ?? []).filter(own);
  for (const key of tops.filter(isGroup)) found.set(key, (kids.get(key) ?? []).filter(own));
  const groups = tops.filter((key) => isGroup(key) && found.get(key)?.length);
  return found.set("", [...tops.filter((key) => !isGroup(key)), ...groups]);
}

/**
 * Return a sentence about the last exit without a restart: a supervisor that gave up and does not run again, or a
 * crash without a supervisor. "" if there is none.
 * @param {Pick<Model, "feed"|"rows">} model
 * @param {string} [only]  the process that is shown with all below it; "" for all
 */
export function lastEnd({ feed, rows }, only = "") {
  const end = feed.findLast(({ kind, key, sup }) =>
    (kind === "gave_up" && (!only || key === only)) || (!only && kind === "crashed" && !sup));
  if (!end || rows.has(end.key ?? "")) return "";
  return end.kind === "crashed"
    ? `${end.text}.`
    : `${end.text}. Its other children have ended with it, and nothing starts it again. Run its cell again.`;
}
