/**
 * Asks before something that may hurt.
 *
 * @module
 */

import { byId, write } from "./dom.js";

/**
 * @param {string} title
 * @param {string} text
 * @param {string} action  the words on the button that does it
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, action) {
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
