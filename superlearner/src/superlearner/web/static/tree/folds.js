/**
 * The branches closed by hand, kept between visits.
 *
 * @module
 */

const STORE = "superlearner.collapsed";

/** @returns {Set<string>} */
export function recall() {
  try {
    return new Set(JSON.parse(localStorage.getItem(STORE) ?? "[]"));
  } catch {
    return new Set();
  }
}

/** @param {Set<string>} collapsed */
export function remember(collapsed) {
  try {
    localStorage.setItem(STORE, JSON.stringify([...collapsed]));
  } catch {
    // storage may be forbidden; branches are open on the next visit then
  }
}
