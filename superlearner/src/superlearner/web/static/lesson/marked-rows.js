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
 * @returns {Row[]}
 */
export function fitRows(rows, say, room) {
  return withGaps(rows, fitting(rows.filter(({ kind }) => kind !== "gap"), say, room));
}

/**
 * Return the rows that are drawn, and where some are left out, a row that says how many.
 * @param {Row[]} rows
 * @param {Row[]} shown
 */
function withGaps(rows, shown) {
  let left = 0;
  const drawn = rows.flatMap((row) => {
    if (!shown.includes(row)) {
      left += row.kind === "gap" ? parseInt(row.text, 10) : 1;
      return [];
    }
    const before = left ? [gap(left, row)] : [];
    left = 0;
    return [...before, row];
  });
  const last = shown.at(-1);
  return left && last ? [...drawn, gap(left, last)] : drawn;
}

/** @param {number} count @param {Row} beside  its lane is drawn @returns {Row} */
const gap = (count, { at, of }) => ({ at, of, to: null, kind: "gap", text: `${count} more`, marked: false });

/** @param {Row[]} rows @param {string} say @param {number} room @returns {Row[]} */
function fitting(rows, say, room) {
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
