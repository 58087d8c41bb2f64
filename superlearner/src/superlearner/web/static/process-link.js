/**
 * A pid as a link to its process, on the node that the page shows.
 *
 * @module
 */

import { chosen, make, root } from "./dom.js";

/** @param {string} pid @param {string} [text] @param {Record<string, string|number>} [attributes] */
export function processLink(pid, text = pid, attributes = {}) {
  const node = chosen() ? `&node=${encodeURIComponent(chosen())}` : "";
  return make("a", { href: `${root()}/supervisors?process=${encodeURIComponent(pid)}${node}`, ...attributes }, text);
}
