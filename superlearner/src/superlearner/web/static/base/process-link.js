/**
 * A pid as a link to its process, on the shown node or on another one; and an event as a link to its restart.
 *
 * @module
 */

import { chosen, make, nodeQuery, root } from "./dom.js";

/** @param {string} pid @param {string} [text] @param {Record<string, string|number>} [attributes] @param {string} [node] */
export function processLink(pid, text = pid, attributes = {}, node = chosen()) {
  const where = node ? `&node=${encodeURIComponent(node)}` : "";
  return make("a", { href: `${root()}/supervisors?process=${encodeURIComponent(pid)}${where}`, ...attributes }, text);
}

/**
 * Return the address of a restart, by its id, or by the number of one of its events and the time of that.
 * @param {string|number} event @param {string} [node] @param {number} [at]
 */
export const whyAddress = (event, node = chosen(), at = undefined) =>
  `${root()}/why/${encodeURIComponent(event)}${nodeQuery(node, at === undefined ? {} : { at: at.toFixed(0) })}`;
