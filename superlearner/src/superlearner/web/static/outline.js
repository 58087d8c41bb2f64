/**
 * The lines of the tree that are to be seen: model, collapsed branches and search words in, a flat list out. Pure.
 *
 * @module
 */

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Row} Row */

/**
 * @typedef {object} Line
 * @property {Row} row
 * @property {number} depth  1 for a root
 * @property {number} place  1 for the first child
 * @property {number} siblings
 * @property {boolean|null} open  null: has no children
 * @property {boolean} match  fits the search words itself (not only something below it)
 */

/**
 * @param {Model} model
 * @param {ReadonlySet<string>} collapsed
 * @param {string} query
 * @returns {Line[]}
 */
export function outline(model, collapsed, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = words.length ? matching(model, words) : null;
  /** @type {Line[]} */
  const lines = [];
  /** @param {string} parent @param {number} depth */
  const walk = (parent, depth) => {
    const keys = (model.kids.get(parent) ?? []).filter((key) => wanted === null || wanted.has(key));
    keys.forEach((key, index) => {
      const row = model.rows.get(key);
      if (!row) return;
      const open = model.kids.has(key) ? wanted !== null || !collapsed.has(key) : null;
      lines.push({ row, depth, place: index + 1, siblings: keys.length, open, match: wanted?.get(key) ?? true });
      if (open) walk(key, depth + 1);
    });
  };
  walk("", 1);
  return lines;
}

/**
 * The rows that fit all words, and those above them.
 * @param {Model} model
 * @param {string[]} words
 * @returns {Map<string, boolean>} key → fits itself
 */
function matching(model, words) {
  /** @type {Map<string, boolean>} */
  const found = new Map();
  for (const row of model.rows.values()) {
    const text = `${row.id} ${row.name ?? ""} ${row.pid ?? ""} ${row.what} ${row.strategy ?? ""} ${row.state}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    found.set(row.key, true);
    for (let up = row.parent; up !== null && !found.has(up); up = model.rows.get(up)?.parent ?? null) found.set(up, false);
  }
  return found;
}

/**
 * What a collapsed branch hides, so that trouble in it is still seen.
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
