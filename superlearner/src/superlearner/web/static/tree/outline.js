/**
 * The visible lines of the tree: model, collapsed branches and search in, a flat list out. Pure.
 *
 * @module
 */

import { above } from "../live/scopes.js";

/** @import { Model, Row } from "../live/model.js" */
/**
 * @typedef {object} Line
 * @property {Row} row
 * @property {number} depth  1 for a root
 * @property {number} place  1 for the first child
 * @property {number} siblings
 * @property {boolean|null} open  null: has no children
 * @property {boolean} match  matches the search itself, not only through a descendant
 * @property {boolean} startable  it is stopped, and its supervisor can start it
 * @property {boolean} ended  the process has ended; only the line is still there
 */

/**
 * @param {Model} model
 * @param {ReadonlySet<string>} collapsed
 * @param {((row: Row) => boolean)|null} fits  null: all
 * @param {import("./room.js").Room} [room]  lines of children that ended
 * @returns {Line[]}
 */
export function outline(model, collapsed, fits, room) {
  const wanted = fits ? matching(model, fits) : null;
  /** @type {Line[]} */
  const lines = [];
  /** @param {string} parent @param {number} depth */
  const walk = (parent, depth) => {
    const all = model.kids.get(parent) ?? [];
    const keys = (room?.order(parent, all) ?? all).filter((key) => wanted === null || wanted.has(key));
    const siblings = keys.filter((key) => model.rows.has(key)).length;
    let place = 0;
    for (const key of keys) {
      const row = model.rows.get(key);
      const gone = row ? undefined : room?.ended(key);
      if (gone) lines.push({ row: gone, depth, place: 0, siblings, open: null, match: true, startable: false, ended: true });
      if (!row) continue;
      const full = model.kids.has(key) || room?.order(key, []).length;
      const open = full ? wanted !== null || !collapsed.has(key) : null;
      place += 1;
      lines.push({ row, depth, place, siblings, open, match: wanted?.get(key) ?? true, startable: startable(model, row), ended: false });
      if (open) walk(key, depth + 1);
    }
  };
  walk("", 1);
  return lines;
}

/**
 * Return whether a child is permanently stopped and can be started by hand.
 * @param {Model} model
 * @param {Row} row
 */
export function startable(model, row) {
  const supervisor = model.rows.get(row.parent ?? "");
  return startableState(row) && Boolean(supervisor?.pid) && !["dynamic", "simple_one_for_one"].includes(supervisor?.strategy ?? "");
}

/**
 * Return whether a child stays stopped in its slot, whatever its supervisor does.
 * @param {Row} row
 */
export const startableState = (row) => row.pid === null && row.parent !== null && row.restart !== "temporary"
  && (row.state === "stopped" || row.state === "crashed");

/**
 * Return the matching rows and their ancestors.
 * @param {Model} model
 * @param {(row: Row) => boolean} fits
 * @returns {Map<string, boolean>}  key → matches itself
 */
function matching(model, fits) {
  /** @type {Map<string, boolean>} */
  const found = new Map();
  for (const row of model.rows.values()) {
    if (!fits(row)) continue;
    found.set(row.key, true);
    for (let up = above(model, row); up !== null && !found.has(up); up = above(model, model.rows.get(up))) found.set(up, false);
  }
  return found;
}

/**
 * Summarise a collapsed branch, so that problems in it stay visible.
 * @param {Model} model
 * @param {string} key
 */
export function hidden(model, key) {
  let all = 0, bad = 0;
  const open = [...(model.kids.get(key) ?? [])];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const row = model.rows.get(one);
    if (!row) continue;
    all += 1;
    if (row.state !== "running" && row.state !== "stopped") bad += 1;
    open.push(...(model.kids.get(one) ?? []));
  }
  return { all, bad };
}
