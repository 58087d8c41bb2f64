/**
 * A failure of code: the error in one sentence, the line that it is about, which leads to the editor, and what did not
 * happen because of it.
 *
 * @module
 */

import { sentence } from "../base/words.js";
import { html } from "../vendor/lit-html.js";
import { raisedIn } from "./sandbox-words.js";

/**
 * Return a template of a message; its text if it is not about a line of the code.
 * @param {string} message
 * @param {(line: number, message: string) => void} go
 */
export function failure(message, go) {
  const raised = raisedIn(message);
  if (!raised) return html`<p>${message}</p>`;
  const { says, error, line, place } = raised;
  return html`<p>${sentence(error)}</p>
    <p class="at"><button type="button" class="link" @click=${() => go(line, error)}>Line ${line}</button>${place
      ? ` in ${place}`
      : ""}${says ? ` · ${sentence(says)}` : ""}</p>`;
}
