/**
 * Asks before something that may hurt.
 *
 * @module
 */

import { byId, write } from "./dom.js";

/** The question that is asked now: one that comes meanwhile waits, so that no text changes under the hand. */
let asked = Promise.resolve(false);

/**
 * @param {string} title
 * @param {string} text
 * @param {string} action  the words on the button that does it
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
    dialog.onclose = () => dialog.open || resolve(dialog.returnValue === "do"); // open: the end of the question before is told late
  });
}
