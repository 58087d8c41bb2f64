/**
 * The items of the command palette and their order. Pure: items in, groups out.
 *
 * @module
 */

import { reasonIn } from "../live/storms.js";
import { fit } from "./fuzzy.js";

/**
 * @typedef {object} Item
 * @property {string} id  stable across visits
 * @property {string} group  one of ORDER
 * @property {string} icon
 * @property {string} text
 * @property {string} more  text beside it
 * @property {string} [also]  further search words
 * @property {string} [href]
 * @property {string} [act]  an action on this page instead of a link
 * @property {import("../processes/process-list.js").Line} [line]  the process that it stands for
 * @property {string} [fill]  a query that replaces the present one
 * @property {import("./palette-commands.js").Deed} [deed]  an operation, run after a confirmation
 * @property {number} [from]  when it began, in seconds since 1970
 * @property {number} [until]  when it was over
 */
/** @typedef {{item: Item, score: number, places: number[]}} Found */
/** @typedef {{name: string, found: Found[]}} Group */

const RECENT = "Recent";
/** The group that the server fills while one types: it comes last, so that no other result moves. */
const LATE = "Documentation";
const ORDER = ["Pages", "Processes", "Restarts", "Operations", "Nodes", "This page", "Documentation"];
const FIRST = 6;
const MOST = 8;
/** The most results for a time of day. */
const MOST_THEN = 40;
/** Bonus for earlier choices. */
const KNOWN = 12;
/** The text beside a name must contain the words literally, and counts less. */
const BESIDE = 3;

/** A time of day, which stands for its minute or second. */
const CLOCK = /(?:^|\s)([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?=\s|$)/;

/**
 * Return the minute or second that a query names, the last one that has begun, and the rest of the query; null without a time of day.
 * @param {string} question
 * @param {number} now  seconds since 1970
 * @returns {{from: number, until: number, rest: string}|null}
 */
export function timeIn(question, now) {
  const found = CLOCK.exec(question);
  if (!found) return null;
  const [text, hour, minute, second] = found, day = new Date(now * 1000);
  day.setHours(Number(hour), Number(minute), Number(second ?? 0), 0);
  if (day.getTime() / 1000 > now) day.setDate(day.getDate() - 1);
  const from = day.getTime() / 1000;
  return { from, until: from + (second === undefined ? 60 : 1), rest: question.replace(text, " ").trim() };
}

/** Return whether an item happened in a period, at least in part. @param {Item} item @param {{from: number, until: number}} then */
const overlaps = ({ from, until }, then) => from !== undefined && from < then.until && (until ?? from) >= then.from;

/**
 * @param {Item} item
 * @param {string} question
 * @param {number} now
 * @returns {Found|null}
 */
function find(item, question, now) {
  const then = timeIn(question, now);
  if (then && !overlaps(item, then)) return null;
  if (then) return then.rest ? find(item, then.rest, now) : { item, score: BESIDE, places: [] };
  const own = fit(question, item.text);
  if (own) return { item, ...own };
  const wide = `${item.text} ${item.also ?? ""} ${item.more}`.toLowerCase();
  const words = question.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => wide.includes(word)) ? { item, score: BESIDE * words.join("").length, places: [] } : null;
}

/**
 * Return the results. Without a query: recent choices, then pages. With one: groups, sorted inside, the group with
 * the best item first.
 * @param {readonly Item[]} items
 * @param {string} question
 * @param {readonly Item[]} recent  newest first
 * @param {readonly Item[]} [acts]  what the query commands, best first; they come before all else, and mere verbs after the best group
 * @param {number} [now]  seconds since 1970
 * @returns {Group[]}
 */
export function rank(items, question, recent, acts = [], now = Date.now() / 1000) {
  const asked = question.trim();
  if (!asked) {
    const shown = recent.slice(0, FIRST);
    const known = new Set(shown.map((item) => item.id));
    return [
      { name: RECENT, found: shown.map(plain) },
      { name: "Commands", found: acts.map(plain) },
      ...["Pages", "Nodes", "This page"].map((name) =>
        ({ name, found: items.filter((item) => item.group === name && !known.has(item.id)).map(plain) })),
    ].filter(({ found }) => found.length);
  }
  const known = new Set(recent.map((item) => item.id));
  /** @type {Map<string, Found>} */
  const all = new Map();
  for (const item of items) {
    if (all.has(item.id)) continue;
    const found = find(item, asked, now);
    if (found) all.set(item.id, known.has(item.id) ? { ...found, score: found.score + KNOWN } : found);
  }
  const most = timeIn(asked, now) ? MOST_THEN : MOST;
  const groups = ORDER.map((name) => ({
    name, found: [...all.values()].filter(({ item }) => item.group === name).sort((one, other) => other.score - one.score).slice(0, most),
  })).filter(({ found }) => found.length);
  const score = (/** @type {typeof groups[number]} */ group) => (group.name === LATE ? -1 : group.found[0]?.score ?? 0);
  groups.sort((one, other) => score(other) - score(one));
  if (!acts.length) return groups;
  const commands = { name: "Commands", found: acts.map((item) => ({ ...plain(item), places: fit(asked, item.text)?.places ?? [] })) };
  // A page called Settings comes before the verb set
  return acts[0]?.id.startsWith("verb:") ? groups.toSpliced(1, 0, commands) : [commands, ...groups];
}

/** @param {Item} item @returns {Found} */
const plain = (item) => ({ item, score: 0, places: [] });

/**
 * Return the item of a process. Commands act on the shown node, so a process of another node is only a link.
 * @param {Record<string, any>} line  of the operation process.list
 * @param {string} node  its node, "" for the default one
 * @param {string} href
 * @param {string} [beside]  the name of its node, if that is not the shown one
 * @returns {Item}
 */
export function processItem(line, node, href, beside = "") {
  const name = line.name === null ? "" : String(line.name), facts = name ? [line.what, line.pid] : [line.type];
  return {
    id: `process:${node}:${name || line.pid}`, group: "Processes", icon: line.type === "supervisor" ? "supervisor" : "running",
    text: name || `${line.what} ${line.pid}`, more: [...facts, ...(beside ? [beside] : [])].join(" · "), also: String(line.pid), href,
    ...(beside ? {} : { line: /** @type {any} */ (line) }),
  };
}

/** Words that find every restart. */
const ABOUT_RESTARTS = "last restarts why did was what happened of crash crashed restart restarted failed";
/** Those among them that no restart has in its own texts. */
const ASKING = new Set("last restarts why did was what happened of restart".split(" "));

/** Return the words by which the server finds restarts: none if the query only asks for restarts. @param {string} question */
export const wordsOfRestarts = (question) =>
  question.trim().split(/\s+/).filter((word) => !ASKING.has(word.toLowerCase())).join(" ");

/**
 * Return the item of a restart or give-up; null if it has no page.
 * @param {Api.RestartLine} line
 * @param {string} text
 * @param {string} when
 * @param {string} href
 * @param {string} [asked]  the query by which the server found it
 * @returns {Item|null}
 */
export function restartItem({ ref, kept, count = 1, gave_up, node, line = "", at, until, ...facts }, text, when, href, asked = "") {
  if (!ref || !(kept || count > 1)) return null;
  const gaveUp = gave_up || line.includes("gave up"), { name, reason, where, supervisor, request, story } = facts;
  return {
    id: `restart:${ref}`, group: "Restarts", icon: gaveUp ? "gave-up" : "crashed", text,
    more: [when, ...(reason && !text.includes(reasonIn(reason)) ? [reasonIn(reason)] : []), ...(node ? [node] : [])].join(" · "),
    also: [ABOUT_RESTARTS, gaveUp && "give-up", name, reason, where, supervisor, request, story, asked].filter(Boolean).join(" "),
    href, from: at, until: until ?? at,
  };
}

/**
 * Move a choice to the front.
 * @param {readonly Item[]} recent
 * @param {Item} item
 * @param {number} [most]
 */
export const remembered = (recent, item, most = 12) => [item, ...recent.filter((one) => one.id !== item.id)].slice(0, most);

/**
 * Validate stored items, which may have been tampered with: only links to pages of this platform.
 * @param {unknown} stored
 * @param {string} origin
 * @returns {Item[]}
 */
export function trusted(stored, origin) {
  if (!Array.isArray(stored)) return [];
  return stored.filter((one) => {
    if (typeof one !== "object" || one === null) return false;
    if (![one.id, one.group, one.icon, one.text, one.more, one.href].every((field) => typeof field === "string" && field.length < 500))
      return false;
    try {
      return new URL(one.href, origin).origin === origin;
    } catch {
      return false;
    }
  });
}
