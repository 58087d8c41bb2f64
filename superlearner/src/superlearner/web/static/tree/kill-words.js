/**
 * What a page asks before it ends a critical process, or a whole tree. Pure.
 *
 * @module
 */

import { label } from "../live/model.js";
import { counted, number } from "../base/words.js";

/** @import { Model, Row } from "../live/model.js" */
/** @typedef {{title: string, text: string, action: string, admin: boolean}} Question  `admin`: only the owner may confirm */

/** Return whether a supervisor has no supervisor that could restart it. @param {Row} row @param {Model} model */
export const isTop = (row, model) => row.kind === "supervisor" && (row.parent === null || model.rows.get(row.parent)?.kind === "group");

/** Return the number of descendants of a row. @param {Model} model @param {string} key @returns {number} */
const below = (model, key) => (model.kids.get(key) ?? []).reduce((sum, kid) => sum + 1 + below(model, kid), 0);

/**
 * Return the question before the end of a critical process, or of a whole tree.
 * @param {Row} row
 * @param {Model} model
 * @param {string} node
 * @param {boolean} [kept]  the node is that of a program that SuperLearner restarts
 */
export function questionBefore(row, model, node, kept = false) {
  return row.critical ? beforeCritical(row, model) : beforeTree(row, model, node, kept);
}

/** @param {Row} row @param {Model} model @param {string} node @param {boolean} kept @returns {Question} */
function beforeTree(row, model, node, kept) {
  const name = label(row), many = below(model, row.key);
  const all = many ? `${name} and the ${many === 1 ? "process" : `${number(many)} processes`} below it end` : `${name} ends`;
  const sandbox = node.startsWith("sandbox-") ? ` ${afterwards(row, model)}` : "";
  return {
    title: `End the whole tree of ${name}?`,
    text: kept && !sandbox && isFirst(row, model)
      ? `${all}. Its program ends with it, and SuperLearner restarts both.`
      : `${all}. ${name} has no supervisor, so nothing starts ${many ? "them" : "it"} again.${sandbox}`,
    action: `Kill ${name}`, admin: false,
  };
}

/**
 * Return what becomes of a sandbox: its first tree is the one that it was started with. In a lesson, return what becomes of the workbench.
 * @param {Row} row @param {Model} model
 */
function afterwards(row, model) {
  const first = firstIn(model);
  if (!first || isFirst(row, model)) return "The sandbox ends with its tree; it can be started again.";
  return [...model.rows.values()].some(({ name }) => name === "workbench")
    ? "If a cell started it with start_link, the workbench ends, too; your variables stay."
    : `The sandbox goes on with ${label(first)}.`;
}

/** Return the root with which a program began. @param {Model} model */
const firstIn = (model) => (model.kids.get("") ?? []).map((key) => model.rows.get(key)).find((one) => one?.kind === "supervisor");

/** @param {Row} row @param {Model} model */
const isFirst = (row, model) => firstIn(model)?.key === row.key;

/** @param {Row} row @param {Model} model @returns {Question} */
function beforeCritical(row, model) {
  const name = label(row);
  if (row.parent === null)
    return {
      title: "End SuperLearner?",
      text: `${name} is the root of all that runs here. This ends SuperLearner: every process stops, this page loses its server, and `
        + "nothing starts it again but you.",
      action: "End SuperLearner", admin: true,
    };
  const text = model.rows.get(row.parent)?.kind === "group"
    ? `${name} is a process of the platform itself, and no supervisor starts it again. SuperLearner may end with it: then every process `
      + "stops, and nothing starts it again but you."
    : `${name} is a process of the platform itself; this page may lose its connection for a moment. `
      + `${row.restart === "temporary" ? "It is temporary: its supervisor does not restart it." : "Its supervisor restarts it."}`;
  return { title: `Kill ${name}?`, text, action: `Kill ${name}`, admin: true };
}

/**
 * Return what is lost when processes end: their states, and the messages that wait in their mailboxes.
 * @param {number} processes
 * @param {number} waiting  messages
 */
export const lostText = (processes, waiting) => {
  const messages = waiting ? ` and ${counted(waiting, "waiting message")}` : "";
  const own = processes === 1 ? "Its state" : "Their states";
  return `${own}${messages} ${messages || processes > 1 ? "are" : "is"} lost.`;
};
