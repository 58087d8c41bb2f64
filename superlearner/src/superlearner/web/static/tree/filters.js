/**
 * The filter of the tree: search words and choices, to and from URL parameters. Pure.
 *
 * @module
 */

/** @import { Model, Row } from "../live/model.js" */
/**
 * @typedef {object} Wanted
 * @property {string} q  words that must all be found
 * @property {readonly string[]} state  names of `STATES_OF`
 * @property {readonly string[]} kind
 * @property {readonly string[]} strategy
 * @property {readonly string[]} class
 * @property {boolean} recent  restarted within the last minute
 * @property {number|null} mailbox  more messages than this are waiting
 */

/** The states of each choice. @type {Record<string, readonly string[]>} */
export const STATES_OF = {
  running: ["running"], crashed: ["crashed"], restarting: ["restarting", "starting", "exiting"],
  stopped: ["stopped"], gave_up: ["gave_up"], stuck: ["stuck"], suspended: ["suspended"],
};

/** The problem states. */
export const WRONG = Object.freeze(["crashed", "restarting", "gave_up", "stuck", "suspended"]);
const MINUTE_S = 60;

/** @type {Wanted} */
export const ALL = Object.freeze({ q: "", state: [], kind: [], strategy: [], class: [], recent: false, mailbox: null });

/** The filters with several choices. */
export const CHOICES = /** @type {const} */ (["state", "kind", "strategy", "class"]);

/** Return whether exactly the problem states are selected. @param {Wanted} wanted */
export const onlyWrong = (wanted) => wanted.state.length === WRONG.length && WRONG.every((state) => wanted.state.includes(state));

/** Return whether any filter besides the search is active. @param {Wanted} wanted */
export const filtered = (wanted) => CHOICES.some((name) => wanted[name].length) || wanted.recent || wanted.mailbox !== null;

/** @param {Row} row @param {number} now  server time */
const isRecent = (row, now) => (row.restarts > 0 || row.restarted_along > 0) && row.last !== null && now - row.last.at <= MINUTE_S;

/**
 * Return a predicate for the rows; null if all match.
 * @param {Wanted} wanted
 * @param {() => number} now  server time
 * @returns {((row: Row) => boolean)|null}
 */
export function fitting(wanted, now) {
  const words = wanted.q.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length && !filtered(wanted)) return null;
  const states = new Set(wanted.state.flatMap((name) => STATES_OF[name] ?? []));
  const kinds = new Set(wanted.kind), strategies = new Set(wanted.strategy), classes = new Set(wanted.class);
  return (row) => {
    if (!["supervisor", "worker"].includes(row.kind)) return false;
    if (states.size && !states.has(row.state)) return false;
    if (kinds.size && !kinds.has(row.kind)) return false;
    if (strategies.size && !strategies.has(row.strategy ?? "")) return false;
    if (classes.size && !classes.has(row.what)) return false;
    if (wanted.mailbox !== null && (row.mailbox ?? 0) <= wanted.mailbox) return false;
    if (wanted.recent && !isRecent(row, now())) return false;
    if (!words.length) return true;
    const text = `${row.id} ${row.name ?? ""} ${row.pid ?? ""} ${row.what} ${row.strategy ?? ""} ${row.state}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
}

/**
 * Count the matches of each single filter, without the processes of the platform.
 * @param {Model} model
 * @param {number} now  server time
 * @param {number} mailbox  counts rows with more messages than this
 */
export function counts(model, now, mailbox) {
  /** @type {Record<"state"|"kind"|"strategy"|"class", Map<string, number>>} */
  const found = { state: new Map(), kind: new Map(), strategy: new Map(), class: new Map() };
  let wrong = 0, recent = 0, full = 0;
  /** @param {Map<string, number>} map @param {string} name */
  const add = (map, name) => map.set(name, (map.get(name) ?? 0) + 1);
  for (const row of model.rows.values()) {
    if (row.critical || !["supervisor", "worker"].includes(row.kind)) continue;
    const state = row.state === "starting" || row.state === "exiting" ? "restarting" : row.state;
    add(found.state, state);
    add(found.kind, row.kind);
    if (row.strategy) add(found.strategy, row.strategy);
    if (row.what) add(found.class, row.what);
    if (WRONG.includes(state)) wrong += 1;
    if (isRecent(row, now)) recent += 1;
    if ((row.mailbox ?? 0) > mailbox) full += 1;
  }
  return { ...found, wrong, recent, mailbox: full };
}

/** @param {URLSearchParams} asked @returns {Wanted} */
export function fromAddress(asked) {
  /** @param {string} name */
  const several = (name) =>
    [...new Set(asked.getAll(name).flatMap((text) => (name === "class" ? [text] : text.split(","))).filter(Boolean))];
  const mailbox = asked.get("mailbox");
  return {
    q: asked.get("q") ?? "", state: several("state").filter((name) => name in STATES_OF), kind: several("kind"),
    strategy: several("strategy"), class: several("class"), recent: asked.get("recent") === "1",
    mailbox: mailbox !== null && /^\d{1,9}$/.test(mailbox) ? Number(mailbox) : null,
  };
}

/** @param {Wanted} wanted @returns {[string, string][]} */
export function toAddress(wanted) {
  /** @type {[string, string][]} */
  const told = wanted.q.trim() ? [["q", wanted.q.trim()]] : [];
  for (const name of CHOICES) {
    if (name === "class") told.push(...wanted.class.map((one) => /** @type {[string, string]} */ (["class", one])));
    else if (wanted[name].length) told.push([name, wanted[name].join(",")]);
  }
  if (wanted.recent) told.push(["recent", "1"]);
  if (wanted.mailbox !== null) told.push(["mailbox", String(wanted.mailbox)]);
  return told;
}
