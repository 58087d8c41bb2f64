/**
 * The branches that a person closed, kept from one visit to the next.
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
    // Storage may be forbidden; branches then open again with the next visit.
  }
}
