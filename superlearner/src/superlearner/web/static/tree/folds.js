/**
 * The branches closed by hand, kept between visits.
 *
 * @module
 */

const STORE = "superlearner.collapsed";

/** Return the closed branches; null: none was opened or closed yet. @returns {Set<string>|null} */
export function recall() {
  try {
    const stored = localStorage.getItem(STORE);
    return stored === null ? null : new Set(JSON.parse(stored));
  } catch {
    return null;
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
