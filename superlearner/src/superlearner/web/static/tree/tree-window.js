/**
 * Which lines of a long tree are in the page. A thousand can all be; of ten thousand only those near the view are, at
 * the place that they would have. Pure, but for `place`.
 *
 * @module
 */

/** Up to so many lines all are in the page: the browser's own search finds them, and nothing has to be moved. */
export const ALL = 1500;
/** Lines above and below the view that are in the page, so that a turn of the wheel finds them. */
const MARGIN = 24;

/**
 * @param {number} count  of lines
 * @param {number} top  how far the first line is above the upper edge of the view, in pixels
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
 * Whether the lines that are in the page still cover the view with something to spare.
 * @param {{from: number, to: number}} has
 * @param {{from: number, to: number}} wants
 * @param {number} count
 */
export const covers = (has, wants, count) =>
  (has.from <= wants.from + MARGIN / 2 || has.from === 0) && (has.to >= wants.to - MARGIN / 2 || has.to === count);

/**
 * How far to scroll so that a line is in view; null when it is.
 * @param {number} at  number of the line
 * @param {number} line  height of a line
 * @param {{top: number, height: number, above: number, below: number}} view  `above`, `below`: what covers its edges
 * @returns {number|null}
 */
export function scrollTo(at, line, { top, height, above, below }) {
  const begin = at * line;
  if (begin < top + above) return begin - above;
  if (begin + line > top + height - below) return begin + line - height + below;
  return null;
}

/**
 * Says where a line stands.
 * @param {HTMLElement} element
 * @param {number|null} at  its number; null: the page puts it behind the one before
 */
export function place(element, at) {
  if (at === null) {
    if (element.style.getPropertyValue("--at")) element.style.removeProperty("--at");
  } else if (element.style.getPropertyValue("--at") !== String(at)) element.style.setProperty("--at", String(at));
}
