/**
 * Confirmation before destructive actions.
 *
 * @module
 */

import { byId, write } from "./dom.js";

/** The question that is shown; later ones wait, so that the text does not change under the pointer. */
let asked = Promise.resolve(false);

/**
 * @param {string} title
 * @param {string} text
 * @param {string} action  the label of the confirming button
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, action) {
  const next = () => ask(title, text, action);
  return (asked = asked.then(next, next));
}

/** @param {string} title @param {string} text @param {string} action @returns {Promise<boolean>} */
function ask(title, text, action) {
  const dialog = byId("confirm", HTMLDialogElement);
  write(byId("confirm-title", HTMLElement), title);
  write(byId("confirm-text", HTMLElement), text);
  write(byId("confirm-do", HTMLButtonElement), action);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    // Still open: the close event of the previous question comes late
    dialog.onclose = () => dialog.open || resolve(dialog.returnValue === "do");
  });
}
