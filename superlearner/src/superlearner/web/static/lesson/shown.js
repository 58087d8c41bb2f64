/**
 * Blocks that ask for nothing: a cell of code, a picture with the same as text, a claim that a run shows.
 *
 * @module
 */

import { confirm } from "../base/confirm.js";
import { copyButton } from "../base/copying.js";
import { make, root } from "../base/dom.js";
import { drafts } from "../sandboxes/draft-note.js";
import { programOf } from "./cell-program.js";
import { placeOf } from "./lesson-model.js";
import { listing, written } from "./lesson-text.js";

/** @typedef {import("./lesson-model.js").Block} Block */

/** The draft of an empty page in the Playground. */
const EMPTY = "new:empty";

/** Open code as a new sandbox of the Playground. @param {string} code @param {HTMLElement} said */
async function toPlayground(code, said) {
  try {
    const kept = await drafts(), before = kept.find(EMPTY);
    if (before && before.text !== code && !(await confirm("Replace your draft in the Playground?", "Its empty page has code of yours that has not run yet. This cell would replace it.", "Replace"))) return;
    kept.later(EMPTY, code);
    kept.flush();
    location.assign(`${root()}/sandboxes?new`);
  } catch {
    said.textContent = "The server does not answer. Copy the code instead.";
  }
}

/** @param {Block} block */
export function cell(block) {
  const code = block.code ?? "", said = make("span", { class: "hint", role: "status" });
  const open = make("button", { type: "button", class: "btn" }, "Open in the Playground");
  open.onclick = () => void toPlayground(programOf(code), said);
  return make("div", { role: "group", class: "block", "data-kind": "cell", id: placeOf(block.id ?? ""), "aria-label": "Code to try" }, listing(code, "Code to try"), make("div", { class: "acts" }, open, copyButton(() => code), said));
}

/** @param {Block} block */
export function picture(block) {
  const text = written(block.text ?? "");
  return make("figure", { class: "block picture", "data-kind": block.title, id: placeOf(block.id ?? "") }, make("figcaption", { class: "which" }, PICTURES[block.title ?? ""] ?? "Picture"), text);
}

/** @type {Record<string, string>} */
const PICTURES = { tree: "The tree, in words", sequence: "The messages, in words", timeline: "The timeline, in words", mailbox: "The mailbox, in words", state: "The state, in words", diff: "The difference, in words" };

/** @param {Block} block */
export const measure = (block) => make("div", { role: "group", class: "block", "data-kind": "measure", id: placeOf(block.id ?? ""), "aria-label": "A claim" }, make("p", { class: "which" }, "Measured"), written(block.text ?? ""));
