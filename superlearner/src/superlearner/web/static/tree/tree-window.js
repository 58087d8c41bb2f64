/**
 * The lines of a long tree that are in the page: up to a limit all of them, otherwise those near the view, at their
 * normal positions. Pure, except for `place`.
 *
 * @module
 */

/** Up to this number all lines are in the page, and the browser's search finds them. Beyond it, each crash would lay them all out. */
export const ALL = 150;
/** Lines above and below the view that are in the page, for short scrolls. */
const MARGIN = 24;

/**
 * @param {number} count  number of lines
 * @param {number} top  distance of the first line above the upper edge of the view, in pixels
 * @param {number} height  of the view
 * @param {number} line  height of a line
 * @returns {{from: number, to: number}}
 */
export function range(count, top, height, line) {
  const first = Math.floor(top / line) - MARGIN, last = Math.ceil((top + height) / line) + MARGIN;
  const to = Math.max(0, Math.min(count, last));
  return { from: Math.max(0, Math.min(to, first)), to };
}

/**
 * Return whether the lines in the page cover the view with some margin.
 * @param {{from: number, to: number}} has
 * @param {{from: number, to: number}} wants
 * @param {number} count
 */
export const covers = (has, wants, count) =>
  (has.from <= wants.from + MARGIN / 2 || has.from === 0) && (has.to >= wants.to - MARGIN / 2 || has.to === count);

/**
 * Return the scroll distance that makes a line visible; null if it is.
 * @param {number} at  index of the line
 * @param {number} line  height of a line
 * @param {{top: number, height: number, above: number, below: number}} view  `above`, `below`: sizes of the covered edges
 * @returns {number|null}
 */
export function scrollTo(at, line, { top, height, above, below }) {
  const begin = at * line;
  if (begin < top + above) return begin - above;
  if (begin + line > top + height - below) return begin + line - height + below;
  return null;
}

/**
 * Set the position of a line.
 * @param {HTMLElement} element
 * @param {number|null} at  its index; null: it follows the previous one in the page
 */
export function place(element, at) {
  if (at === null) {
    if (element.style.getPropertyValue("--at")) element.style.removeProperty("--at");
  } else if (element.style.getPropertyValue("--at") !== String(at)) element.style.setProperty("--at", String(at));
}
