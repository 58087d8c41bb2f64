/**
 * The state of the page as one value, and the only function that changes it.
 *
 * `reduce(model, message)` returns a new model and never changes the old one: unchanged rows are the same objects, so
 * views compare references to find what to repaint. This module does not depend on the page.
 *
 * @module
 */

import { counted, EVER, number } from "../base/words.js";

/** @typedef {"running"|"starting"|"restarting"|"exiting"|"stopped"|"crashed"|"stuck"|"suspended"|"gave_up"} State */
/** @typedef {{at: number, reason: string, crash: boolean, start?: boolean, where?: string|null}} LastExit  `start`: a failed start */
/** @typedef {{used: number, max: number, window_s: number, resets_at: number|null, expires?: number[]}} Budget */

/**
 * A child slot of the tree. Its key stays the same while processes in it come and go.
 * @typedef {object} Row
 * @property {string} key
 * @property {string|null} parent
 * @property {string} id
 * @property {string|null} name
 * @property {string|null} pid
 * @property {"supervisor"|"worker"|"group"} kind
 * @property {string} what
 * @property {string|null} strategy
 * @property {string|null} restart
 * @property {State} state
 * @property {number} since  wall clock, seconds
 * @property {string|null} [doing]
 * @property {number|null} [again_at]
 * @property {number} restarts  after it ended by itself
 * @property {number} restarted_along  with a sibling, because of the strategy
 * @property {boolean} [uncounted]  its restarts are not known: a row of an earlier moment
 * @property {LastExit|null} last
 * @property {Budget|null} budget
 * @property {number|null} mailbox
 * @property {number|null} [children]
 * @property {boolean} critical
 */

/** @typedef {"ok"|"info"|"warn"|"bad"} Level */
/**
 * @typedef {{who?: string, reason?: string, by?: string, strategy?: string, restarted?: string[], open?: boolean,
 *   signals?: import("./bursts.js").Wire, used?: number, max?: number, window_s?: number, times?: number, fatal?: number,
 *   since?: number, per_second?: number[], restart?: string, where?: string}} Parts
 */
/**
 * @typedef {{id: number, at: number, kind: string, level: Level, text: string, key?: string|null, pid?: string|null,
 *   sup?: string|null, event?: number, ref?: string, parts?: Parts|null}} FeedEvent
 */
/**
 * @typedef {{processes: number, platform?: number, restarts: number, events_per_s: number, events_per_min: number,
 *   loop_lag_ms: number|null, viewers: number}} Health
 */
/**
 * @typedef {{k: "s", epoch: string, seq: number, now: number, node?: string, version?: string, r?: number,
 *   nodes: Row[], feed: FeedEvent[], health: Health|null}} Snapshot
 */
/**
 * @typedef {{k: "d", seq: number, t?: number, r?: number, p?: [string, Partial<Row>][],
 *   n?: (Row & {after: string|null})[], x?: string[], e?: FeedEvent[], h?: Health}} Delta
 */
/** @typedef {Snapshot|Delta} Message */

/**
 * @typedef {object} Model
 * @property {string|null} epoch  identifies the server's run; null before the first snapshot
 * @property {number} seq  the last applied frame
 * @property {boolean} gap  a frame is missing: nothing is applied until the next snapshot
 * @property {number} snapshots  number of snapshots so far
 * @property {number} now  the server's clock at the last snapshot
 * @property {string} node
 * @property {ReadonlyMap<string, Row>} rows
 * @property {ReadonlyMap<string, readonly string[]>} kids  keys of children, in order; roots under ""
 * @property {readonly FeedEvent[]} feed  oldest first
 * @property {Health|null} health
 * @property {number} restarts  of all processes, including those before the page was opened; never decreases
 */

/** Events kept by the page. */
const FEED_LIMIT = 200;

/** @type {Model} */
export const EMPTY = Object.freeze({
  epoch: null, seq: 0, gap: false, snapshots: 0, now: 0, node: "",
  rows: new Map(), kids: new Map(), feed: [], health: null, restarts: 0,
});

/**
 * @param {Model} model
 * @param {Message} message
 * @returns {Model}
 */
export function reduce(model, message) {
  if (message.k === "s") return fromSnapshot(model, message);
  if (message.k !== "d" || model.epoch === null || model.gap || message.seq <= model.seq) return model;
  if (message.seq !== model.seq + 1) return { ...model, gap: true };
  return applyDelta(model, message);
}

/**
 * @param {Model} model
 * @param {Snapshot} message
 * @returns {Model}
 */
function fromSnapshot(model, message) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {Map<string, string[]>} */
  const kids = new Map();
  for (const row of message.nodes) {
    rows.set(row.key, row);
    const siblings = kids.get(row.parent ?? "");
    if (siblings) siblings.push(row.key);
    else kids.set(row.parent ?? "", [row.key]);
  }
  return {
    epoch: message.epoch, seq: message.seq, gap: false, snapshots: model.snapshots + 1, now: message.now,
    node: message.node ?? "", rows, kids, feed: message.feed.slice(-FEED_LIMIT), health: message.health ?? null,
    restarts: message.r ?? message.health?.restarts ?? 0,
  };
}

/**
 * @param {Model} model
 * @param {Delta} delta
 * @returns {Model}
 */
function applyDelta(model, delta) {
  let { rows, kids, feed } = model;
  if (delta.x?.length || delta.n?.length) {
    const tree = { rows: new Map(rows), kids: new Map(kids) };
    for (const key of delta.x ?? []) remove(tree, key);
    for (const { after, ...row } of delta.n ?? []) insert(tree, row, after);
    ({ rows, kids } = tree);
  }
  if (delta.p?.length) {
    const patched = new Map(rows);
    for (const [key, changed] of delta.p) {
      const row = patched.get(key);
      if (row) patched.set(key, { ...row, ...changed });
    }
    rows = patched;
  }
  if (delta.e?.length) feed = merge(feed, delta.e);
  return {
    ...model, seq: delta.seq, rows, kids, feed, health: delta.h ?? model.health,
    restarts: Math.max(model.restarts, delta.r ?? delta.h?.restarts ?? 0),
  };
}

/** @typedef {{rows: Map<string, Row>, kids: Map<string, readonly string[]>}} Draft */

/**
 * Remove a row and all its descendants.
 * @param {Draft} tree
 * @param {string} key
 */
function remove(tree, key) {
  const row = tree.rows.get(key);
  if (!row) return;
  const siblings = (tree.kids.get(row.parent ?? "") ?? []).filter((other) => other !== key);
  if (siblings.length) tree.kids.set(row.parent ?? "", siblings);
  else tree.kids.delete(row.parent ?? "");
  const doomed = [key];
  for (let one = doomed.pop(); one !== undefined; one = doomed.pop()) {
    doomed.push(...(tree.kids.get(one) ?? []));
    tree.kids.delete(one);
    tree.rows.delete(one);
  }
}

/**
 * Insert a row after its sibling `after`; first if that is null, last if the sibling is unknown.
 * @param {Draft} tree
 * @param {Row} row
 * @param {string|null|undefined} after
 */
function insert(tree, row, after) {
  const place = row.parent ?? "";
  if (place !== "" && !tree.rows.has(place)) return;
  const siblings = (tree.kids.get(place) ?? []).filter((other) => other !== row.key);
  const before = after === null ? -1 : siblings.indexOf(after ?? "");
  if (after !== null && before < 0) siblings.push(row.key);
  else siblings.splice(before + 1, 0, row.key);
  tree.kids.set(place, siblings);
  tree.rows.set(row.key, row);
}

/**
 * Append new events; update existing ones in place.
 * @param {readonly FeedEvent[]} feed
 * @param {readonly FeedEvent[]} events
 * @returns {FeedEvent[]}
 */
function merge(feed, events) {
  const all = [...feed];
  const places = new Map(all.map((event, place) => [event.id, place]));
  for (const event of events) {
    const place = places.get(event.id);
    if (place === undefined) places.set(event.id, all.push(event) - 1);
    else all[place] = event;
  }
  return all.length > FEED_LIMIT ? all.slice(-FEED_LIMIT) : all;
}

/**
 * Return whether a row has a new process.
 * @param {Row} before
 * @param {Row} row
 */
export const ranAgain = (before, row) =>
  row.restarts > before.restarts || (row.pid !== null && before.pid !== null && row.pid !== before.pid);

/**
 * Return the remaining restarts of a supervisor at a time. The server sends when each restart expires, so the rest
 * depends only on the clock.
 * @param {Budget} budget
 * @param {number} now  server time in seconds
 * @returns {{left: number, next: number|null}}  `next`: when the next restart expires; null for never
 */
export function budgetAt(budget, now) {
  const times = budget.expires?.length ? budget.expires
    : budget.resets_at === null ? [] : Array(budget.used).fill(budget.resets_at);
  const open = times.filter((time) => time > now);
  const older = now < (budget.expires?.[0] ?? 0) ? Math.max(0, budget.used - times.length) : 0;
  return { left: Math.max(0, budget.max - open.length - older), next: open.length && budget.window_s !== EVER ? Math.min(...open) : null };
}

/**
 * Return the display name of a process.
 * @param {Row} row
 */
export const label = (row) => row.name ?? row.id;

/**
 * Return how often a process was restarted: `2 restarts + 1 with siblings`; "" for never.
 * @param {Pick<Row, "restarts"|"restarted_along">} row
 */
export const restartsText = ({ restarts, restarted_along: along }) =>
  [restarts ? counted(restarts, "restart") : "", along ? `${number(along)} with siblings` : ""].filter(Boolean).join(" + ");

/** @type {WeakMap<ReadonlyMap<string, Row>, Map<string, Row>>} */
const pids = new WeakMap();

/**
 * Return the row of a pid.
 * @param {Model} model
 * @param {string} pid
 * @returns {Row|undefined}
 */
export function rowOf(model, pid) {
  let found = pids.get(model.rows);
  if (!found) pids.set(model.rows, (found = new Map([...model.rows.values()].flatMap((row) => (row.pid ? [[row.pid, row]] : [])))));
  return found.get(pid);
}

/** Return how many processes a group counts but does not list. @param {Model} model @param {Row} row */
const countUnlisted = (model, row) => row.kind === "group" ? Math.max(0, (row.children ?? 0) - (model.kids.get(row.key)?.length ?? 0)) : 0;

/** @typedef {{row: Row, more: number, depth: number}} TreeLine  more: instead of the row, how many its group does not list below it */

/**
 * Return the lines of a tree from top to bottom; a group that counts more than it lists ends with a line about the others.
 * @param {Model} model
 */
export function linesOf(model) {
  /** @type {TreeLine[]} */ const lines = [];
  const walk = (/** @type {string} */ place, /** @type {number} */ depth) => {
    for (const key of model.kids.get(place) ?? []) {
      const row = model.rows.get(key);
      if (!row) continue;
      lines.push({ row, more: 0, depth });
      walk(key, depth + 1);
      const more = countUnlisted(model, row);
      if (more) lines.push({ row, more, depth: depth + 1 });
    }
  };
  walk("", 0);
  return lines;
}

/**
 * Count processes by state, including those that a group counts but does not list, and without the platform's own.
 * @param {Model} model
 */
export function tally(model) {
  const count = { running: 0, restarting: 0, stuck: 0, suspended: 0, crashed: 0, stopped: 0 };
  for (const row of model.rows.values()) {
    count.running += countUnlisted(model, row);
    if (row.kind === "group" || row.critical) continue;
    const { state } = row;
    if (state === "running" || state === "stuck" || state === "suspended" || state === "stopped") count[state] += 1;
    else count[row.state === "crashed" || row.state === "gave_up" ? "crashed" : "restarting"] += 1;
  }
  return count;
}
