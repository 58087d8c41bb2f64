/**
 * What is written around a restart: its sentence, the line that raised, the choice of the speed.
 *
 * @module
 */

import { attribute } from "../base/dom.js";
import { html } from "../vendor/lit-html.js";
import { sentenceParts } from "./story.js";

/** @import { Moment, WhyLine } from "./schedule.js" */

/** Return the sentence of a stage with the names of processes in bold. @param {Moment} moment @param {number} stage */
export const withNames = (moment, stage) =>
  sentenceParts(moment, stage).map((part, place) => (place % 2 ? html`<b>${part}</b>` : part));

/**
 * Let the keyboard scroll a text that is longer than its place, once it is complete.
 * @param {Element|null} text
 * @param {boolean} complete
 */
export const reachable = (text, complete) =>
  text && attribute(text, "tabindex", complete && text.scrollHeight > text.clientHeight + 1 ? 0 : null);

/** The line that raised. @param {WhyLine} line @param {boolean} told */
export const raised = (line, told = true) =>
  html`<figure class="raised" data-told=${told ? "yes" : "no"} aria-hidden=${told ? "false" : "true"}>
  <figcaption><span>${line.file}:${line.line}</span><span>${line.function}</span></figcaption>
  <pre tabindex=${told ? "0" : "-1"} aria-label="The line that raised"><span class="no"
    aria-hidden="true">${line.line}</span>${line.source ?? ""}</pre></figure>`;

/** The lines around the one that raised, and the places in the program that called it. @param {WhyLine} line */
export const around = (line) => {
  const { around: lines = [], callers = [] } = line;
  if (lines.length < 2 && !callers.length) return "";
  return html`<details class="around"><summary>The code around it${callers.length ? ", and its callers" : ""}</summary>
    <pre tabindex="0">${lines.map((one) => html`<span class="code-line" aria-current=${one.line === line.line ? "true" : "false"}><span
      class="no" aria-hidden="true">${one.line}</span>${one.code}
</span>`)}</pre>
    ${callers.map((place) => html`<p>called by <code>${place}</code></p>`)}</details>`;
};

/** The choice of the speed. @param {number} chosen @param {(speed: number) => void} choose */
export const speeds = (chosen, choose) => html`<div class="segmented" role="group" aria-label="Speed">${[1, 0.25].map((speed) => html`
  <button type="button" aria-pressed=${String(chosen === speed)} aria-label=${speed === 1 ? "Normal speed" : "Quarter speed"}
    @click=${() => choose(speed)}>${speed === 1 ? "1×" : "¼×"}</button>`)}</div>`;
