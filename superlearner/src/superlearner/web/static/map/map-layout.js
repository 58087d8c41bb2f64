/**
 * The layout of the map: a box for each supervisor, a cell for each of its children. Pure: structure, width and level
 * in, positions out. It does not depend on states, so no state change moves a cell.
 *
 * @module
 */

import { label } from "../live/model.js";

/** @import { Model, Row } from "../live/model.js" */
/** @import { Room } from "../tree/room.js" */

/**
 * The sizes of drawn elements.
 * @typedef {object} Level
 * @property {number} w  width of a cell, unless its box has long names
 * @property {number} h  height of a cell
 * @property {number} glyph  size of a shape
 * @property {number} head  height of a box's title; 0: none
 * @property {number} pad
 * @property {boolean} names  whether cells have room for a name
 */

/** @param {number} pitch @param {boolean} [named]  whether boxes have a title @returns {Level} */
const dots = (pitch, named = true) => ({
  w: pitch, h: pitch, glyph: pitch >= 10 ? Math.min(12, pitch - 6) : Math.max(3, pitch - 2), names: false,
  head: !named ? 0 : pitch >= 14 ? 22 : pitch >= 7 ? 17 : 16, pad: pitch >= 14 ? 7 : pitch >= 7 ? 5 : named ? 4 : 2,
});

/** From the closest level to the one that shows the most. @type {readonly Level[]} */
export const LEVELS = [
  { w: 132, h: 22, glyph: 11, head: 24, pad: 8, names: true },
  { w: 132, h: 18, glyph: 10, head: 21, pad: 6, names: true },
  { w: 104, h: 18, glyph: 10, head: 21, pad: 6, names: true },
  ...[22, 18, 15, 13, 11, 9, 8, 7, 6, 5].map((pitch) => dots(pitch)),
  dots(6, false), dots(5, false), dots(4), dots(4, false),
];

/** Width of what is between the shape and the name of a cell, and after them. */
export const BESIDE = 16;
/** Widths of cells with names, as multiples of the level's: with few of them, a restart that changes a name moves no cell. */
const WIDTHS = [1, 1.5, 2];

/**
 * @typedef {object} Branch
 * @property {string} key
 * @property {Row} row
 * @property {string[]} cells  children without descendants; a key without a row is an empty place
 * @property {string} longest  the longest name of a cell
 * @property {Branch[]} branches
 * @property {number} more  children that are counted, not shown
 */

/**
 * @typedef {object} Box
 * @property {string} key
 * @property {Row} row
 * @property {number} x
 * @property {number} y
 * @property {number} w
 * @property {number} h
 * @property {number} depth  0 for a root
 * @property {number} head  height of its title; 0: none
 * @property {boolean} folded
 * @property {number} more
 * @property {{x: number, y: number, w: number, columns: number, keys: readonly string[]}} grid  `w`: width of a cell
 */

/** The upper left corner and the width of a cell or a title. @typedef {{x: number, y: number, w: number, box: Box}} Place */

/**
 * @typedef {object} Layout
 * @property {Level} level
 * @property {number} width
 * @property {number} height
 * @property {Box[]} boxes  outer before inner
 * @property {Map<string, Place>} places
 */

/**
 * Return the tree as input for the layout.
 * @param {Model} model
 * @param {Room} [room]
 * @returns {Branch[]}
 */
export function branches(model, room) {
  /** @param {string} key @returns {Branch|null} */
  const branch = (key) => {
    const row = model.rows.get(key);
    if (!row) return null;
    const kids = model.kids.get(key) ?? [];
    /** @type {Branch} */
    const made = { key, row, cells: [], longest: "", branches: [], more: Math.max(0, (row.children ?? 0) - kids.length) };
    for (const kid of room?.order(key, kids) ?? kids) {
      const found = model.rows.get(kid);
      if (found && (found.kind !== "worker" || model.kids.has(kid))) {
        const below = branch(kid);
        if (below) made.branches.push(below);
      } else {
        made.cells.push(kid);
        const name = found ? label(found) : "";
        if (name.length > made.longest.length) made.longest = name;
      }
    }
    return made;
  };
  return (model.kids.get("") ?? []).flatMap((key) => branch(key) ?? []);
}

/**
 * @typedef {{branch: Branch, folded: boolean, w: number, h: number, head: number, cell: number, columns: number,
 *   at: {x: number, y: number}, parts: {block: Block, x: number, y: number}[]}} Block
 */

/**
 * @param {Branch[]} roots
 * @param {number} width
 * @param {Level} level
 * @param {ReadonlySet<string>} folded  boxes that show only their totals
 * @param {(text: string) => number} measure  returns the width of a name
 * @returns {Layout}
 */
export function layout(roots, width, level, folded, measure) {
  const blocks = roots.map((root) => block(root, width - 2 * level.pad, level, folded, measure));
  /** @type {Layout} */
  const found = { level, width, height: level.pad, boxes: [], places: new Map() };
  for (const one of blocks) {
    place(found, one, level.pad, found.height, 0);
    found.height += one.h + level.pad;
  }
  return found;
}

/**
 * Measure a box and place its parts: cells first, then the boxes below it, in lines.
 * @param {Branch} branch
 * @param {number} most  maximum width
 * @param {Level} level
 * @param {ReadonlySet<string>} folded
 * @param {(text: string) => number} measure
 * @returns {Block}
 */
function block(branch, most, level, folded, measure) {
  const { pad } = level;
  const shut = folded.has(branch.key);
  const head = shut ? Math.max(level.head, 17) : level.head;
  const inner = Math.max(level.w, most - 2 * pad);
  const name = head ? Math.min(inner, titleWidth(branch, measure)) : 0;
  // without a title, the supervisor itself is the first cell
  const count = shut ? 0 : branch.cells.length + (head ? 0 : 1);
  const cell = Math.min(inner, level.names ? cellWidth(branch.longest, level, measure) : level.w);
  const fits = Math.max(1, Math.floor(inner / cell));
  const square = Math.ceil(Math.sqrt((count * 1.5 * level.h) / cell));
  const columns = Math.min(fits, Math.max(1, count), Math.max(square, Math.floor(name / cell)));
  /** @type {Block} */
  const made = { branch, folded: shut, head, cell, columns, w: 0, h: 0, at: { x: pad, y: head || pad }, parts: [] };
  let x = 0, y = 0, tall = 0, wide = 0;
  /** @param {number} w @param {number} h */
  const put = (w, h) => {
    // start a new line for boxes that do not fit or differ much in height: a small box beside a tall one wastes room
    const unlike = x > 0 && Math.max(h, tall) > 60 && (h > 3 * tall || tall > 3 * h);
    if (unlike || (x > 0 && x + w > inner)) {
      y += tall + pad;
      x = tall = 0;
    }
    const spot = { x: pad + x, y: (head || pad) + y };
    x += w + pad;
    tall = Math.max(tall, h);
    wide = Math.max(wide, x - pad);
    return spot;
  };
  if (count) made.at = put(columns * cell, Math.ceil(count / columns) * level.h);
  if (!shut) for (const one of branch.branches) {
    const part = block(one, inner, level, folded, measure);
    made.parts.push({ block: part, ...put(part.w, part.h) });
  }
  made.w = Math.max(wide, name) + 2 * pad;
  made.h = (head || pad) + y + tall + (y + tall || !head ? pad : shut ? 8 : 3);
  return made;
}

/** @param {string} name @param {Level} level @param {(text: string) => number} measure */
function cellWidth(name, { w, glyph }, measure) {
  const wide = measure(name) + glyph + BESIDE;
  return w * (WIDTHS.find((times) => times * w >= wide) ?? WIDTHS.at(-1) ?? 1);
}

/**
 * Return the desired width of a box's title, including its strategy and the pips of its budget.
 * @param {Branch} branch
 * @param {(text: string) => number} measure
 */
function titleWidth({ row }, measure) {
  const marks = row.budget ? Math.min(6, row.budget.max) * 6 + 8 : 0;
  return Math.ceil(measure(label(row)) + (row.strategy ? measure(row.strategy) : 0) + marks + 34);
}

/**
 * @param {Layout} found
 * @param {Block} one
 * @param {number} x
 * @param {number} y
 * @param {number} depth
 */
function place(found, one, x, y, depth) {
  const { branch, head, folded, cell: w, columns } = one;
  const { h } = found.level;
  const keys = folded ? [] : head ? branch.cells : [branch.key, ...branch.cells];
  /** @type {Box} */
  const box = { key: branch.key, row: branch.row, x, y, w: one.w, h: one.h, depth, head, folded, more: branch.more,
    grid: { x: x + one.at.x, y: y + one.at.y, w, columns, keys } };
  found.boxes.push(box);
  if (head) found.places.set(branch.key, { x: x + 2, y: y + (head - h) / 2, w: one.w - 4, box });
  keys.forEach((key, at) =>
    found.places.set(key, { x: box.grid.x + (at % columns) * w, y: box.grid.y + Math.floor(at / columns) * h, w, box }));
  for (const part of one.parts) place(found, part.block, x + part.x, y + part.y, depth + 1);
}

/**
 * Return the closest level at which everything is visible; the last one if nothing fits.
 * @param {Branch[]} roots
 * @param {number} width
 * @param {number} height
 * @param {ReadonlySet<string>} folded
 * @param {(text: string) => number} measure
 * @returns {number}
 */
export function fitting(roots, width, height, folded, measure) {
  const found = LEVELS.findIndex((level) => heightAt(roots, width, level, folded, measure) <= height);
  return found < 0 ? LEVELS.length - 1 : found;
}

/**
 * @param {Branch[]} roots
 * @param {number} width
 * @param {Level} level
 * @param {ReadonlySet<string>} folded
 * @param {(text: string) => number} measure
 */
export const heightAt = (roots, width, level, folded, measure) =>
  roots.reduce((sum, root) => sum + block(root, width - 2 * level.pad, level, folded, measure).h + level.pad, level.pad);

/**
 * Return what is at a point: a cell, or a box (at its title), else nothing.
 * @param {Layout} found
 * @param {number} x
 * @param {number} y
 * @returns {{key: string, head: boolean}|null}
 */
export function hit(found, x, y) {
  const { h } = found.level;
  for (let at = found.boxes.length - 1; at >= 0; at -= 1) {
    const box = found.boxes[at];
    if (!box || x < box.x || y < box.y || x >= box.x + box.w || y >= box.y + box.h) continue;
    if (box.folded || y < box.y + box.head) return { key: box.key, head: true };
    const { grid } = box;
    const column = Math.floor((x - grid.x) / grid.w), line = Math.floor((y - grid.y) / h);
    const key = column >= 0 && column < grid.columns && line >= 0 ? grid.keys[line * grid.columns + column] : undefined;
    return key === undefined ? null : { key, head: false };
  }
  return null;
}
