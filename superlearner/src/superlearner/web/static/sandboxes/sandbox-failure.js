/**
 * A failure of code: the error in one sentence, the line that it is about, which leads to the editor, and what did not
 * happen because of it.
 *
 * @module
 */

import { sentence } from "../base/words.js";
import { html } from "../vendor/lit-html.js";
import { at, linesIn, raisedIn } from "./sandbox-words.js";

/**
 * Return a message whose places in the code are links.
 * @param {string} message
 * @param {(line: number, message: string) => void} go
 */
export const withLinks = (message, go) => linesIn(message).map((part, place, all) =>
  (typeof part === "number" ? link(part, message, go, place === 1 && !all[0]) : part));

/** @param {number} line @param {string} message @param {(line: number, message: string) => void} go @param {boolean} first  in its text */
const link = (line, message, go, first) => html`<button type="button" class="link" @click=${() => go(line, message)}>${first
  ? `Line ${line}` : at(line)}</button>`;

/**
 * Return a template of a message.
 * @param {string} message
 * @param {(line: number, message: string) => void} go
 */
export function failure(message, go) {
  const raised = raisedIn(message);
  if (!raised) return html`<p>${withLinks(message, go)}</p>`;
  const { says, error, line, place } = raised;
  return html`<p>${withLinks(sentence(error), go)}</p>
    <p class="at">${link(line, error, go, true)}${place
      ? ` in ${place}`
      : ""}${says ? ` · ${sentence(says)}` : ""}</p>`;
}
