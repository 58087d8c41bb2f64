/**
 * What the command palette offers, in which order. Pure: items in, groups out.
 *
 * @module
 */

import { fit } from "./fuzzy.js";

/**
 * @typedef {object} Item
 * @property {string} id  the same thing has the same id tomorrow
 * @property {string} group  one of ORDER
 * @property {string} icon
 * @property {string} text
 * @property {string} more  what stands beside it
 * @property {string} [also]  words it is found by besides
 * @property {string} [href]
 * @property {string} [act]  something to do on this page instead
 * @property {import("../processes/process-list.js").Line} [line]  the process it is
 * @property {import("../processes/process-list.js").Line} [ends]  the process to kill instead
 */
/** @typedef {{item: Item, score: number, places: number[]}} Found */
/** @typedef {{name: string, found: Found[]}} Group */

export const RECENT = "Recent";
const ORDER = ["Acts", "Pages", "Processes", "Operations", "Nodes", "This page", "Documentation"];
const FIRST = 6;
const MOST = 8;
/** How much better something is that was chosen before. */
const KNOWN = 12;
/** What stands beside a name has to have the words as they are typed, and is worth less. */
const BESIDE = 3;

/**
 * @param {Item} item
 * @param {string} question
 * @returns {Found|null}
 */
function find(item, question) {
  const own = fit(question, item.text);
  if (own) return { item, ...own };
  const wide = `${item.text} ${item.also ?? ""} ${item.more}`.toLowerCase();
  const words = question.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => wide.includes(word)) ? { item, score: BESIDE * words.join("").length, places: [] } : null;
}

/** A question that is an act: the verb, and whom. */
const ACT = /^\s*(?:kill|end)\s+(\S.*)$/i;

/** What a question is about: `kill robot` is about robot. @param {string} question */
export const subject = (question) => (ACT.exec(question)?.[1] ?? question).trim();

/** What a question asks to be done to a process, if it does. @param {readonly Item[]} items @param {string} question @returns {Item[]} */
function acts(items, question) {
  const whom = ACT.exec(question)?.[1];
  if (whom === undefined) return [];
  return items.filter((item) => item.line && find(item, whom.trim()))
    .map((item) => ({ id: `kill:${item.id}`, group: "Acts", icon: "crashed", text: `Kill ${item.text}`, more: item.more, also: `end ${item.also}`, ends: item.line }));
}

/**
 * Without a question: what was chosen last, then the pages. With one: groups, the best of each first, and the group with
 * the best of all first.
 * @param {readonly Item[]} items
 * @param {string} question
 * @param {readonly Item[]} recent  newest first
 * @returns {Group[]}
 */
export function rank(items, question, recent) {
  const asked = question.trim();
  if (!asked) {
    const shown = recent.slice(0, FIRST);
    const known = new Set(shown.map((item) => item.id));
    return [
      { name: RECENT, found: shown.map(plain) },
      ...["Pages", "Nodes", "This page"].map((name) => ({ name, found: items.filter((item) => item.group === name && !known.has(item.id)).map(plain) })),
    ].filter(({ found }) => found.length);
  }
  const known = new Set(recent.map((item) => item.id));
  /** @type {Map<string, Found>} */
  const all = new Map();
  for (const item of [...acts(items, asked), ...items]) {
    if (all.has(item.id)) continue;
    const found = find(item, asked);
    if (found) all.set(item.id, known.has(item.id) ? { ...found, score: found.score + KNOWN } : found);
  }
  const groups = ORDER.map((name) => ({
    name, found: [...all.values()].filter(({ item }) => item.group === name).sort((one, other) => other.score - one.score).slice(0, MOST),
  })).filter(({ found }) => found.length);
  return groups.sort((one, other) => (other.found[0]?.score ?? 0) - (one.found[0]?.score ?? 0));
}

/** @param {Item} item @returns {Found} */
const plain = (item) => ({ item, score: 0, places: [] });

/**
 * What was chosen goes to the front.
 * @param {readonly Item[]} recent
 * @param {Item} item
 * @param {number} [most]
 */
export const remembered = (recent, item, most = 12) => [item, ...recent.filter((one) => one.id !== item.id)].slice(0, most);

/**
 * What storage says, which anybody may have written: only items that lead to a page of this platform.
 * @param {unknown} stored
 * @param {string} origin
 * @returns {Item[]}
 */
export function trusted(stored, origin) {
  if (!Array.isArray(stored)) return [];
  return stored.filter((one) => {
    if (typeof one !== "object" || one === null) return false;
    if (![one.id, one.group, one.icon, one.text, one.more, one.href].every((field) => typeof field === "string" && field.length < 500)) return false;
    try {
      return new URL(one.href, origin).origin === origin;
    } catch {
      return false;
    }
  });
}
