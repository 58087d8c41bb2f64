/**
 * A failure of code as a sentence, the exception, and the line that raised, which leads to the editor.
 *
 * @module
 */

import { html, nothing } from "../vendor/lit-html.js";
import { raisedIn } from "./sandbox-words.js";

/**
 * Return a template of a message; its text if it is not about a line of the code.
 * @param {string} message
 * @param {(line: number, message: string) => void} go
 */
export function failure(message, go) {
  const raised = raisedIn(message);
  if (!raised) return html`<p>${message}</p>`;
  const { says, error, line, place, code } = raised;
  return html`${says ? html`<p>${says}.</p>` : nothing}<p><code>${error}</code></p>
    <p class="at"><button type="button" class="link"
      @click=${() => go(line, error)}>Line ${line}</button> <code>${code}</code> in ${place}</p>`;
}
