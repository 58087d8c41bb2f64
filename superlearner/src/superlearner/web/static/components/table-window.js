/**
 * The visible rows of a long table, and their positions. Pure.
 *
 * Browsers limit the height of elements; beyond `TALLEST` the scroll position is scaled.
 *
 * @module
 */

/** @typedef {{total: number, row: number, view: number}} Size  number of rows; pixels of a row; pixels of the visible part */

/** Pixels that every browser can scroll. */
const TALLEST = 8_000_000;
/** Rows drawn beyond each edge, so that short scrolls need no drawing. */
const SPARE = 12;

/** Return the height of the scrolled element. @param {Size} size */
export const height = ({ total, row }) => Math.min(total * row, TALLEST);

/**
 * Return the pixel position in the whole list for a scroll position.
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
 * Return the visible rows from `first` up to, and without, `end`.
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
 * Return the position of a row in the scrolled element.
 * @param {Size} size
 * @param {number} top
 * @param {number} index
 */
export const drawnAt = (size, top, index) => index * size.row - placeOf(size, top) + top;

/**
 * Return the scroll position at which a row is visible; unchanged if it already is.
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
