/**
 * The page's model for modules that are no part of the tree: the newest one, and a word whenever there is a newer.
 *
 * @module
 */

import { EMPTY } from "../live/model.js";

/** @typedef {import("../live/model.js").Model} Model */

/** @type {Model} */ let newest = EMPTY;

/** @type {Set<(model: Model) => void>} */
const hearing = new Set();

/** The model as the page shows it. */
export const model = () => newest;

/** Tells everybody of a newer model. @param {Model} next */
export function tell(next) {
  if (next === newest) return;
  newest = next;
  for (const hear of hearing) hear(next);
}

/**
 * Calls `hear` with every newer model until the answer is called.
 * @param {(model: Model) => void} hear
 */
export function watch(hear) {
  hearing.add(hear);
  return () => void hearing.delete(hear);
}
