/**
 * The rows of a failed check that its diagram draws.
 *
 * @module
 */

import { fitLanes, lanesOf } from "./lesson-rows.js";

/** @import { Row } from "./lesson-model.js" */

/** Width of a lane that can be read, in px. */
const READABLE = 90;

/**
 * Return the rows whose lanes are readable in a room: those of the marked row first (of the first row if none is marked),
 * then those that a sentence names.
 * @param {Row[]} rows
 * @param {string} say
 * @param {number} room  in px
 */
export function fitRows(rows, say, room) {
  const newest = rows.toReversed(), named = newest.filter(({ of, to }) => [of, to].some((one) => one && say.includes(one)));
  const marked = rows.filter((row) => row.marked);
  const order = [...(marked.length ? marked : rows.slice(0, 1)), ...named, ...newest];
  for (let most = lanesOf(rows).length; ; most -= 1) {
    /** @type {Row[]} */ let kept = [];
    for (const row of order) if (lanesOf([...kept, row]).length <= most) kept = [...kept, row];
    const shown = rows.filter((row) => kept.includes(row));
    if (most <= 2 || fitLanes(shown, room).lane >= READABLE) return shown;
  }
}
