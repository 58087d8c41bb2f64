/**
 * One process of the tree at a moment: what the events tell of its start and its end, and whether it still runs. A
 * process of now in the same place is another one. Pure.
 *
 * @module
 */

import { precise } from "../base/words.js";
import { label } from "../live/model.js";
import { LogFacts } from "./log-facts.js";

/** @import { LogEvent } from "./past.js" */
/** @import { Model, Row } from "../live/model.js" */

/**
 * `pid`: null if no process was in its place; `runs`: it still runs.
 * @typedef {{name: string, pid: string|null, facts: string[], runs: boolean}} Life
 */

/**
 * Return what is known of the process in the place of a row.
 * @param {Row} chosen  a row of any moment
 * @param {Model} then  the tree at the moment
 * @param {Model} living
 * @param {readonly LogEvent[]} events
 * @returns {Life}
 */
export function lifeOf(chosen, then, living, events) {
  const row = then.rows.get(chosen.key), pid = row?.pid ?? null;
  const name = label(row ?? chosen);
  if (pid === null) return { name, pid, facts: ["No process ran in this place at this moment."], runs: false };
  const fact = new LogFacts(events).of(pid), now = living.rows.get(chosen.key)?.pid ?? null, runs = now === pid;
  const facts = [];
  if (fact?.at) facts.push(`Started at ${precise(fact.at)}${fact.by ? ` by ${fact.by}` : ""}.`);
  else facts.push("Its start is not among the events in memory.");
  if (runs) facts.push("It runs now.");
  else if (fact?.ended) facts.push(`Ended at ${precise(fact.ended)}: ${fact.reason ?? "the reason is not known"}.`);
  else facts.push("It has ended since; its end is not among the events in memory.");
  if (!runs && now !== null) facts.push(`Another process runs in its place now: <${now}>.`);
  return { name, pid, facts, runs };
}
