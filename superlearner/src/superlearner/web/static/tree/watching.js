/**
 * The page's current model for modules outside the tree, with notifications of updates.
 *
 * @module
 */

import { EMPTY } from "../live/model.js";

/** @import { Model } from "../live/model.js" */

/** @type {Model} */ let newest = EMPTY;

/** @type {Set<(model: Model) => void>} */
const hearing = new Set();

/** Return the displayed model. */
export const model = () => newest;

/** Publish a new model. @param {Model} next */
export function tell(next) {
  if (next === newest) return;
  newest = next;
  for (const hear of hearing) hear(next);
}

/**
 * Call `hear` with every new model; return a function that stops this.
 * @param {(model: Model) => void} hear
 */
export function watch(hear) {
  hearing.add(hear);
  return () => void hearing.delete(hear);
}
