/**
 * Pictures with the same as text.
 *
 * @module
 */

import { make, root } from "../base/dom.js";
import { placeOf } from "./lesson-model.js";
import { written } from "./lesson-text.js";

/** @typedef {import("./lesson-model.js").Block} Block */

/** @param {Block} block */
export function picture(block) {
  const text = written(block.text ?? "");
  if (block.title === "restart") return restart(block, text);
  return make("figure", { class: "block picture", "data-kind": block.title, id: placeOf(block.id ?? "") }, make("figcaption", { class: "which" }, PICTURES[block.title ?? ""] ?? "Picture"), text);
}

/** A recorded restart with its player. @param {Block} block @param {HTMLElement} text  the same in words */
function restart(block, text) {
  const image = make("img", { src: `${root()}/docs/pictures/restarts/${block.of}.webp`, alt: text.textContent?.trim() ?? "", loading: "lazy" });
  void import("../moment/clip.js").then(({ playInstead }) => playInstead(image));
  return make("figure", { class: "restart", id: placeOf(block.id ?? "") }, image, make("figcaption", {}, text));
}

/** @type {Record<string, string>} */
const PICTURES = { tree: "The tree, in words", sequence: "The messages, in words", timeline: "The timeline, in words", mailbox: "The mailbox, in words", state: "The state, in words", diff: "The difference, in words" };
