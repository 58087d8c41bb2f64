/**
 * A pid as a link to its process, on the shown node or on another one; and an event as a link to its restart.
 *
 * @module
 */

import { chosen, make, root } from "./dom.js";

/** @param {string} pid @param {string} [text] @param {Record<string, string|number>} [attributes] @param {string} [node] */
export function processLink(pid, text = pid, attributes = {}, node = chosen()) {
  const where = node ? `&node=${encodeURIComponent(node)}` : "";
  return make("a", { href: `${root()}/supervisors?process=${encodeURIComponent(pid)}${where}`, ...attributes }, text);
}

/** Return the address of the restart that an event is part of. @param {number} event @param {string} [node] */
export const whyAddress = (event, node = chosen()) => `${root()}/why/${event}${node ? `?node=${encodeURIComponent(node)}` : ""}`;
