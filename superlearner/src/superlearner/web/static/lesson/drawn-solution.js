/**
 * The solution of an exercise in which a tree is drawn: the tree, and the numbers with the labels of the form.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { countIn, drawingIn, KINDS, nodes, read } from "./drawing.js";

/** @import { Choice } from "./lesson-model.js" */
/** @import { DrawnNode } from "./drawing.js" */

/** @param {DrawnNode} node */
const words = ({ name, kind, strategy }) =>
  [make("b", {}, name), kind === "supervisor" ? ` ${strategy}` : kind === "dynamic" ? ` ${KINDS.dynamic}` : ""];

/** @param {readonly DrawnNode[]} all @returns {HTMLElement} */
const branch = (all) => make("ul", {}, ...all.map((node) =>
  make("li", {}, ...words(node), ...(node.children.length ? [branch(node.children)] : []))));

/** Return a drawn solution; null if its tree cannot be drawn. @param {string} source  Python @param {Choice} choice */
export function drawnSolution(source, choice) {
  const { roots } = read(drawingIn(source)?.text ?? "");
  if (!roots.length) return null;
  return make("div", { class: "drawn-solution" }, branch(roots),
    make("dl", {}, ...choice.keys.flatMap((key) =>
      [make("dt", {}, choice.labels[key] ?? key), make("dd", {}, countIn(source, key))])),
    make("p", { class: "hint" },
      `The numbers are for this tree of ${nodes(roots).length} processes. A tree of another shape has other numbers.`));
}
