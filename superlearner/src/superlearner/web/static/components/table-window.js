/**
 * Which rows of a long table are on the screen, and where. Pure.
 *
 * A browser cannot make an element as high as it likes; beyond `TALLEST` the scroll bar stands for more than it is high.
 *
 * @module
 */

/** @typedef {{total: number, row: number, view: number}} Size  rows; pixels of one; pixels of the part that is seen */

/** Pixels that every browser can scroll. */
export const TALLEST = 8_000_000;
/** Rows that are kept beyond each edge, so that a short scroll finds them there. */
export const SPARE = 12;

/** How high the element is that is scrolled. @param {Size} size */
export const height = ({ total, row }) => Math.min(total * row, TALLEST);

/**
 * The place in the whole list, in pixels, that a scroll position stands for.
 * @param {Size} size
 * @param {number} top
 */
export function placeOf(size, top) {
  const whole = size.total * size.row;
  if (whole <= TALLEST) return top;
  const room = TALLEST - size.view;
  return room <= 0 ? 0 : (Math.min(Math.max(top, 0), room) / room) * (whole - size.view);
}

/**
 * The rows from `first` up to, and without, `end`.
 * @param {Size} size
 * @param {number} top
 * @param {number} [spare]
 */
export function visible(size, top, spare = SPARE) {
  const place = placeOf(size, top);
  const first = Math.max(0, Math.floor(place / size.row) - spare);
  return { first, end: Math.min(size.total, Math.ceil((place + size.view) / size.row) + spare) };
}

/**
 * Where a row is drawn in the element that is scrolled.
 * @param {Size} size
 * @param {number} top
 * @param {number} index
 */
export const drawnAt = (size, top, index) => index * size.row - placeOf(size, top) + top;

/**
 * The scroll position at which a row is seen: the same, if it is seen already.
 * @param {Size} size
 * @param {number} top
 * @param {number} index
 */
export function scrollTo(size, top, index) {
  const place = placeOf(size, top);
  const wanted = index * size.row < place ? index * size.row
    : (index + 1) * size.row > place + size.view ? (index + 1) * size.row - size.view : null;
  if (wanted === null) return top;
  const whole = size.total * size.row;
  if (whole <= TALLEST) return wanted;
  return (Math.max(0, wanted) / (whole - size.view)) * (TALLEST - size.view);
}
