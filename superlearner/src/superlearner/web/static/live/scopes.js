/**
 * The reader's own trees and the platform's: on the platform's node, the reader's come first. Pure.
 *
 * @module
 */

/** @import { Model, Row } from "./model.js" */

/** The supervisor of what runs on the platform's node. */
export const YOURS = "superlearner/playground";
/** The root of the platform's own tree. */
export const PLATFORM = "superlearner";

/** The children that each result was made of. @type {WeakMap<Model["kids"], Model["kids"]>} */
const of = new WeakMap();

/** Return whether a tree is shown with the reader's own first. @param {Model} model */
const isSorted = (model) => of.has(model.kids);

/** Return the root of the platform's own tree; null if nothing of the reader is shown before it. @param {Model} model */
export const platformRoot = (model) => (isSorted(model) ? model.rows.get(YOURS)?.parent ?? null : null);

/** Return the row above another one, as the tree is shown. @param {Model} model @param {Row|undefined} row @returns {string|null} */
export const above = (model, row) => (!row || (row.parent === YOURS && isSorted(model)) ? null : row.parent);

/**
 * Return the tree with the reader's own trees before the platform's. Models without them are returned unchanged.
 * @param {Model} model
 * @param {Model} [before]  the result for an earlier model, whose children are taken over if they are the same
 * @returns {Model}
 */
export function yoursFirst(model, before) {
  const own = model.kids.get(YOURS);
  if (!own?.length || !model.rows.get(YOURS)?.parent) return model;
  if (before && of.get(before.kids) === model.kids) return { ...model, kids: before.kids };
  const kids = new Map(model.kids);
  kids.set("", [...own, ...(kids.get("") ?? [])]).delete(YOURS);
  of.set(kids, model.kids);
  return { ...model, kids };
}

/** The trees without the platform's own rows, so that a view sees that nothing has changed. @type {WeakMap<Model, Model>} */
const without = new WeakMap();

/** Return the tree without the platform's own rows. @param {Model} model @returns {Model} */
export function yoursOnly(model) {
  const root = model.rows.get(YOURS)?.parent, known = without.get(model);
  if (!root || known) return known ?? model;
  const isShown = (/** @type {string} */ key) => key.startsWith(`${YOURS}/`) || !(key === root || key.startsWith(`${root}/`));
  const kids = new Map([...yoursFirst(model).kids].filter(([key]) => key === "" || isShown(key)));
  kids.set("", (kids.get("") ?? []).filter(isShown));
  const found = { ...model, kids, rows: new Map([...model.rows].filter(([key]) => isShown(key))) };
  without.set(model, found);
  return found;
}
