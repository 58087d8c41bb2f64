/**
 * Blocks that ask for nothing: a picture with the same as text, a claim that a run shows.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { placeOf } from "./lesson-model.js";
import { written } from "./lesson-text.js";

/** @typedef {import("./lesson-model.js").Block} Block */

/** @param {Block} block */
export function picture(block) {
  const text = written(block.text ?? "");
  return make("figure", { class: "block picture", "data-kind": block.title, id: placeOf(block.id ?? "") }, make("figcaption", { class: "which" }, PICTURES[block.title ?? ""] ?? "Picture"), text);
}

/** @type {Record<string, string>} */
const PICTURES = { tree: "The tree, in words", sequence: "The messages, in words", timeline: "The timeline, in words", mailbox: "The mailbox, in words", state: "The state, in words", diff: "The difference, in words" };

/** @param {Block} block */
export const measure = (block) => make("div", { role: "group", class: "block", "data-kind": "measure", id: placeOf(block.id ?? ""), "aria-label": "A claim" }, make("p", { class: "which" }, "Measured"), written(block.text ?? ""));
