/**
 * Pictures with the same as text.
 *
 * @module
 */

import { make, root } from "../base/dom.js";
import { whenNear } from "../base/late.js";
import { placeOf } from "./lesson-model.js";
import { written } from "./lesson-text.js";
import { RunPicture } from "./run-picture.js";

/** @import { Block } from "./lesson-model.js" */

/** @param {Block} block */
export function picture(block) {
  const text = written(block.text ?? "");
  if (block.title === "restart") return restart(block, text);
  if (block.title === "sequence" || block.title === "state" || block.title === "mailbox") return run(block, block.title, text);
  return make("figure", { class: "block picture", "data-kind": block.title, id: placeOf(block.id ?? "") },
    make("figcaption", { class: "which" }, PICTURES[block.title ?? ""] ?? "Picture"),
    text);
}

/** A recorded restart with its player. @param {Block} block @param {HTMLElement} text  the same in words */
function restart(block, text) {
  const image = make("img", {
    src: `${root()}/docs/pictures/restarts/${block.of}.webp`, alt: text.textContent?.trim() ?? "", loading: "lazy",
  });
  const play = () => import("../moment/clip.js").then(({ playInstead }) => playInstead(image));
  whenNear(image, () => void play().catch(() => {})); // the picture stays
  return make("figure", { class: "restart", id: placeOf(block.id ?? "") }, image, make("figcaption", {}, text));
}

/** A run to step through. @param {Block} block @param {"sequence"|"state"|"mailbox"} kind @param {HTMLElement} text  the same in words */
const run = (block, kind, text) =>
  make("figure", { class: "run-figure", id: placeOf(block.id ?? "") }, new RunPicture(block.id ?? "", kind), make("figcaption", {}, text));

/** @type {Record<string, string>} */
const PICTURES = { tree: "The tree, in words", timeline: "The timeline, in words", diff: "The difference, in words" };
