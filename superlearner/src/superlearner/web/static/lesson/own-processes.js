/**
 * The processes of a workbench that the learner's code has started, without those that run it.
 *
 * @module
 */

/** @import { Model } from "../live/model.js" */

const ENDS = new Set(["crashed", "killed", "restarted", "restart_failed", "gave_up"]);

/** The end of a whole tree that failed or was killed, which no supervisor reports. @param {string} kind @param {string} level */
const isRootsEnd = (kind, level) => kind === "ended" && level === "bad";

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

/** Processes that are shown without a choice between those of this run and earlier ones. */
const FEW = 6;

/**
 * Leave out what earlier runs have started, if all of it is too much to read.
 * @param {ReadonlyMap<string, readonly string[]>} kids  as `ownKids` returns them
 * @param {Pick<Model, "rows">} model
 * @param {number} since  start of the run, by the clock of the rows
 * @returns {{kids: Map<string, readonly string[]>, hidden: number}}  hidden: the number of processes left out
 */
export function ofThisRun(kids, { rows }, since) {
  const isGroup = (/** @type {string} */ key) => rows.get(key)?.kind === "group";
  /** @type {(key: string) => number} */
  const count = (key) => (kids.get(key) ?? []).reduce((sum, one) => sum + count(one), isGroup(key) ? 0 : 1);
  const tops = kids.get("") ?? [], all = tops.reduce((sum, one) => sum + count(one), 0), found = new Map(kids);
  if (all <= FEW) return { kids: found, hidden: 0 };
  // What has ended has no row any more, and is what one looks at
  const isNew = (/** @type {string} */ key) => (rows.get(key)?.since ?? since) >= since;
  for (const key of tops.filter(isGroup)) found.set(key, (kids.get(key) ?? []).filter(isNew));
  const shown = tops.filter((key) => (isGroup(key) ? found.get(key)?.length : isNew(key)));
  const left = shown.reduce((sum, key) => sum + (isGroup(key) ? found.get(key)?.length ?? 0 : count(key)), 0);
  return { kids: found.set("", shown), hidden: all - left };
}

/**
 * Return the learner's supervisors that have ended, and all processes below them, with the states in which they ended.
 * @param {Pick<Model, "kids"|"rows">} before
 * @param {Pick<Model, "feed"|"rows">} model
 * @returns {Pick<Model, "kids"|"rows">}
 */
export function fallenOf(before, { feed, rows }) {
  const found = { rows: new Map(), kids: new Map() };
  // By pid: an earlier process of the same name may have given up
  const gaveUp = (/** @type {string|null} */ pid) => feed.some((entry) => entry.kind === "gave_up" && entry.pid === pid);
  const walk = (/** @type {string} */ key) => {
    const row = before.rows.get(key), kids = before.kids.get(key);
    if (!row) return;
    const state = row.kind === "supervisor" && gaveUp(row.pid) ? "gave_up" : row.state === "crashed" ? "crashed" : "stopped";
    found.rows.set(key, { ...row, state, pid: null, budget: null, mailbox: null });
    if (kids) found.kids.set(key, kids);
    for (const kid of kids ?? []) walk(kid);
  };
  for (const key of ownKids(before).get("") ?? []) if (before.rows.get(key)?.kind === "supervisor" && !rows.has(key)) walk(key);
  return found;
}

/**
 * Return a model that still has the fallen supervisors, at the top, with all below them.
 * @param {Model} model
 * @param {Pick<Model, "kids"|"rows">} fallen
 * @returns {Model}
 */
export function withFallen(model, fallen) {
  const tops = [...fallen.rows.keys()].filter((key) => fallen.rows.get(key)?.parent === null && !model.rows.has(key));
  if (!tops.length) return model;
  /** @type {(key: string) => string[]} */
  const below = (key) => [key, ...(fallen.kids.get(key) ?? []).flatMap(below)];
  const rows = new Map(model.rows), kids = new Map(model.kids);
  for (const key of tops.flatMap(below)) {
    const row = fallen.rows.get(key), under = fallen.kids.get(key);
    if (row) rows.set(key, row);
    if (under) kids.set(key, under);
  }
  return { ...model, rows, kids: kids.set("", [...(model.kids.get("") ?? []), ...tops]) };
}

/**
 * Describe the last failure and how its supervisor responded; return "" if nothing failed.
 * @param {Pick<Model, "feed"|"rows">} model
 * @param {{only?: string, since?: number}} [about]  the only process that is shown, with all below it, and the start of the run
 */
export function lastEnd({ feed, rows }, { only = "", since = 0 } = {}) {
  const topOf = (/** @type {string} */ key) => {
    for (let up = rows.get(key)?.parent; up; up = rows.get(key)?.parent) key = up;
    return key;
  };
  const fell = new Set(feed.map((entry) => (entry.kind === "gave_up" ? entry.pid : "")));
  const end = feed.findLast(({ kind, key, sup, at, parts, pid, level }) => {
    if (at < since || !(ENDS.has(kind) || isRootsEnd(kind, level)) || OF_THE_SANDBOX.has(parts?.who ?? "")) return false;
    if (kind === "ended" && (rows.get(key ?? "")?.pid || fell.has(pid))) return false;
    const top = topOf(sup ?? key ?? ""), name = rows.get(top)?.name ?? top;
    return only ? name === only || top === only : !OF_THE_SANDBOX.has(name);
  });
  if (!end) return "";
  const { who, by, restarted = [] } = end.parts ?? {}, again = Boolean(by && restarted.length);
  const next = only ? "Start it again" : "Run its cell again"; // the button of a drawing, or that of a cell
  if (end.kind === "gave_up" && !again)
    return rows.get(end.key ?? "")?.pid ? ""
      : `${end.text}. Its other children have ended with it, and nothing starts it again. ${next}.`;
  if (!again && (end.kind === "ended" || rows.get(end.key ?? "")?.kind === "supervisor"))
    return `${end.text}. Its children have ended with it. ${next}.`;
  if (!again) return `${end.text}.`;
  const along = restarted.filter((one) => one !== who), [ended = ""] = end.text.split(`; ${by}`);
  return `${ended}; ${by} restarted it${along.length ? `, and with it ${listed(along)}` : ""}.`;
}

/** @param {string[]} all */
const listed = (all) => all.length > 1 ? `${all.slice(0, -1).join(", ")} and ${all.at(-1)}` : all.join("");
