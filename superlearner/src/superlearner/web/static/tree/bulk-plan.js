/**
 * An action on many processes: targets by supervisor, and the expected effects in words. Pure.
 *
 * @module
 */

import { label } from "../live/model.js";
import { budgetText, counted, number, unlimited } from "../base/words.js";
import { lostText } from "./kill-words.js";

/** @import { Model, Row } from "../live/model.js" */
/** @typedef {"kill"|"restart"|"terminate"} Action */

/**
 * @typedef {object} Group
 * @property {Row|null} supervisor
 * @property {Row[]} rows  in start order
 */

/** @typedef {Api.PredictionStep} Step */

/** The words for each action. @type {Record<Action, {verb: string, done: string}>} */
export const ACTIONS = {
  kill: { verb: "Kill", done: "Killed" }, restart: { verb: "Restart", done: "Restarted" },
  terminate: { verb: "Terminate", done: "Terminated" },
};

const DYNAMIC = new Set(["dynamic", "simple_one_for_one"]);

/**
 * Group the possible targets by supervisor, and list the others with reasons.
 * @param {Model} model
 * @param {Iterable<string>} keys
 * @param {Action} action
 * @returns {{groups: Group[], count: number, left: {row: Row, why: string}[]}}
 */
export function plan(model, keys, action) {
  const chosen = new Set(keys);
  /** @type {Map<string, Group>} */
  const groups = new Map();
  /** @type {{row: Row, why: string}[]} */
  const left = [];
  let count = 0;
  for (const key of chosen) {
    const row = model.rows.get(key);
    if (!row || (row.kind !== "worker" && row.kind !== "supervisor")) continue;
    const supervisor = model.rows.get(row.parent ?? "") ?? null;
    const supervised = supervisor?.kind === "supervisor";
    const why = row.critical ? "the platform needs it" : row.pid === null && action !== "restart" ? "it does not run"
      : action !== "kill" && !supervised ? "it has no supervisor" : action !== "kill" && !supervisor?.pid ? "its supervisor does not run"
        : action === "restart" && DYNAMIC.has(supervisor?.strategy ?? "") ? "a dynamic supervisor restarts no child on request"
        : above(model, row, chosen) ? "it goes with its supervisor" : "";
    if (why) {
      left.push({ row, why });
      continue;
    }
    const place = supervised ? supervisor?.key ?? "" : "";
    const group = groups.get(place) ?? { supervisor: supervised ? supervisor : null, rows: [] };
    group.rows.push(row);
    groups.set(place, group);
    count += 1;
  }
  for (const [key, group] of groups) {
    const order = new Map((model.kids.get(key) ?? []).map((kid, at) => [kid, at]));
    group.rows.sort((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0));
  }
  return { groups: [...groups.values()], count, left };
}

/**
 * Return what can be done with one process besides kill and start.
 * @param {Model} model
 * @param {Row} row
 * @returns {{suspend: "suspend"|"resume"|null, restart: boolean, terminate: boolean}}
 */
export function offers(model, row) {
  const can = (/** @type {Action} */ action) => row.pid !== null && plan(model, [row.key], action).count > 0;
  return {
    suspend: row.pid === null || row.critical ? null : row.state === "suspended" ? "resume" : "suspend",
    restart: can("restart"), terminate: can("terminate"),
  };
}

/** Return whether an ancestor is selected, too. @param {Model} model @param {Row} row @param {ReadonlySet<string>} chosen */
function above(model, row, chosen) {
  for (let up = row.parent; up !== null; up = model.rows.get(up)?.parent ?? null) {
    const one = model.rows.get(up);
    if (chosen.has(up) && one?.kind === "supervisor" && !one.critical) return true;
  }
  return false;
}

/** Return the child id by which its supervisor identifies it. @param {Row|null} supervisor @param {Row} row */
export const childOf = (supervisor, row) => (DYNAMIC.has(supervisor?.strategy ?? "") ? row.pid ?? row.id : row.id);

/**
 * Return the expected effect on a supervisor and its children.
 * @param {Group} group
 * @param {Action} action
 * @param {Step|null} step  the prediction for the first of them; null: none
 * @returns {{text: string, level: "info"|"warn"|"bad"}}
 */
export function outcome({ supervisor, rows }, action, step) {
  const [first] = rows;
  const those = rows.length === 1 && first ? label(first) : counted(rows.length, "process", "processes");
  if (supervisor === null)
    return {
      text: `Not supervised: ${those} ${rows.length === 1 ? "ends" : "end"}, and no supervisor starts `
        + `${rows.length === 1 ? "it" : "them"} again.`,
      level: "warn",
    };
  const name = `${label(supervisor)} (${supervisor.strategy})`;
  const running = rows.filter(({ pid }) => pid !== null), waiting = running.reduce((sum, { mailbox }) => sum + (mailbox ?? 0), 0);
  const lost = running.length && (waiting || action !== "kill") ? ` ${lostText(running.length, waiting)}` : "";
  if (action === "terminate")
    return { text: `${name}: ${those} ${rows.length === 1 ? "is" : "are"} stopped in order and not started again.${lost}`, level: "warn" };
  if (action === "restart")
    return {
      text: `${name}: ${those} ${rows.length === 1 ? "is" : "are"} stopped in order and started again; no `
        + `others, and it counts as no crash.${lost}`,
      level: "info",
    };
  if (step === null) return { text: `${name}: ${those} ${rows.length === 1 ? "ends" : "end"} by a kill.${lost}`, level: "warn" };
  return {
    text: `${name}: ${killed(step, rows, supervisor, those)}${lost}`,
    level: tight(step, rows) || step.outcome === "gives_up" ? "bad" : step.outcome === "restarts" ? "info" : "warn",
  };
}

/** @param {Step} step @param {Row[]} rows @param {Row} supervisor @param {string} those */
function killed(step, rows, supervisor, those) {
  if (step.outcome === "gives_up") return `${budget(step, rows)}, so it gives up, and all its children end.`;
  if (step.outcome !== "restarts") return `${step.words}.`;
  const all = supervisor.children ?? step.started_count;
  const who = step.strategy === "one_for_all" || (step.started_count > rows.length
    && step.started_count === all) ? `all ${number(step.started_count)} children will restart`
    : step.strategy === "rest_for_one" && step.started_count > 1
    ? `${step.child} and the ${number(step.started_count - 1)} after it will restart`
      : `${those} will restart`;
  const limit = typeof step.max_restarts === "number" && !unlimited({ max: step.max_restarts }) ? `; ${budget(step, rows)}` : "";
  return `${who}${limit}${tight(step, rows) ? ": it would give up" : ""}.`;
}

/** Return whether the kills exceed the remaining restarts. @param {Step} step @param {Row[]} rows */
const tight = (step, rows) => typeof step.max_restarts === "number" && step.restarts_used + rows.length - 1 > step.max_restarts;

/** @param {Step} step @param {Row[]} rows */
function budget(step, rows) {
  const max = Number(step.max_restarts), left = Math.max(0, max - step.restarts_used + 1);
  const window_s = typeof step.max_seconds === "number" ? step.max_seconds : null;
  return `${budgetText(left, { max, window_s })}, this takes ${rows.length === 1 ? "one" : `up to ${number(rows.length)}`}`;
}

/** Return some names and the number of the others. @param {Row[]} rows */
export function names(rows) {
  const shown = rows.slice(0, 8).map((row) => label(row).slice(0, 60)).join(", ");
  return rows.length > 8 ? `${shown} and ${number(rows.length - 8)} more.` : `${shown}.`;
}

