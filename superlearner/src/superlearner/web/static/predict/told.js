/**
 * The words around the tree of the game: levels, question, prediction and result.
 *
 * @module
 */

import { icon } from "../base/dom.js";
import { counted } from "../base/words.js";
import { html, nothing } from "../vendor/lit-html.js";

/** @import { Answer, Question } from "./predict-game.js" */
/** @import { MomentNode } from "../moment/schedule.js" */
/** @import { Record as Reached } from "./record.js" */

export const LEVELS = 10;
/** Why an answer to a question that was answered before changes neither streak nor levels. */
export const SECOND = "You have answered this question before, so it does not count towards the streak or the "
  + "level. Another one like this does.";
const WORDS = { missed: "Missed", wrong: "Wrong" };

/** @param {string[]} names */
const list = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

/** @param {Question} question */
export const asked = (question) => `${question.victim} is killed. Which processes get a new pid?`;

/**
 * The buttons of the levels.
 * @param {number} level
 * @param {Reached} reached
 * @param {string[]} titles
 * @param {(level: number) => void} open
 */
export const levels = (level, reached, titles, open) =>
  html`<div class="levels" role="group" aria-label="Levels">${Array.from({ length: LEVELS }, (_, place) => {
    const number = place + 1, passed = reached.passed.includes(number), tried = !passed && reached.tried.includes(number);
    const label = [`Level ${number}`, titles[place], passed ? "passed" : tried ? "not passed yet" : ""].filter(Boolean).join(", ");
    return html`<button type="button" aria-label=${label} title=${label} aria-current=${number === level ? "step" : nothing}
      data-is=${passed ? "passed" : tried ? "tried" : "new"}
      @click=${() => open(number)}>${number}${passed ? icon("check", "glyph") : nothing}</button>`;
  })}</div>`;

/** @param {Reached} reached */
export const streak = ({ streak: now, best, passed }) => html`<p
  class="streak"><span><b>${now}</b> in a row</span>${
    best > now ? html`<span>best ${best}</span>` : nothing
  }<span>${passed.length} of ${LEVELS} levels</span></p>`;

/** @param {MomentNode} node @returns {boolean} */
const temporary = (node) => node.restart === "temporary" || node.children.some(temporary);

/** @param {Question} question @param {boolean} rows */
export const ask = (question, rows) => html`<p class="which">Level ${question.level} of ${LEVELS} · ${question.title}</p>
  <h2><em>${question.victim}</em> is killed. Which processes get a new pid?</h2>
  <p class="hint"><span class="wide">A process that is restarted gets a new pid, its address. Pick every process that you expect to be
  restarted. </span>Children were started from ${rows ? "top to bottom" : "left to right"}.${question.links.length
    ? " The dotted line is a link between two processes."
    : ""}${temporary(question.tree) ? html`<span class="wide"> A dashed circle is a temporary child.</span>` : nothing}</p>`;

/** Return the result as one line. @param {Answer} answer */
export function verdict({ right, restarted, nodes }) {
  const of = (/** @type {string} */ wanted) => nodes.filter(({ verdict: one }) => one === wanted).length;
  if (right) return restarted.length ? `Right: ${list(restarted)}` : "Right: no process is restarted";
  if (!restarted.length) return `No process is restarted, and you picked ${of("wrong")}`;
  return `${of("right")} of ${restarted.length} found${of("wrong") ? `, ${of("wrong")} too many` : ""}`;
}

/** Return the processes that were predicted wrongly, those that were missed first. @param {Answer} answer */
const mistakes = ({ nodes }) =>
  (/** @type {const} */ (["missed", "wrong"])).flatMap((wanted) => nodes.filter((one) => one.verdict === wanted).map(
    (one) => ({ ...one, word: WORDS[wanted], shape: wanted === "missed" ? "plus" : "cross" })));

/** Return the result and its reasons, for assistive technology. @param {Answer} answer @param {boolean} second */
export const spoken = (answer, second) => [
  `${verdict(answer)}.`,
  ...mistakes(answer).map(({ word, text }) => `${word}: ${text}`),
  answer.right ? answer.moment.summary : "", answer.rule, second ? SECOND : "",
]
  .filter(Boolean)
  .join(" ");

/** @param {Answer} answer @param {boolean} second */
export const result = (answer, second) =>
  html`<div class="said" data-right=${answer.right ? "yes" : "no"} tabindex="0" role="group" aria-label="Result">
    <h3>${icon(answer.right ? "check" : "cross", "glyph")}${verdict(answer)}</h3>
    ${answer.right
      ? html`<p>${answer.moment.summary}</p>`
      : html`<ul>${mistakes(answer).map(({ verdict: of, word, shape, text }) =>
        html`<li data-verdict=${of}>${icon(shape, "glyph")}<span><b>${word}:</b> ${text}</span></li>`)}</ul>`}
    <p class="rule">${answer.rule}</p>${second ? html`<p class="second">${SECOND}</p>` : nothing}</div>`;

/**
 * What is picked so far.
 * @param {string[]} picked
 * @param {boolean} none
 * @param {string} failed
 * @param {boolean} second
 */
export const prediction = (picked, none, failed, second) => html`<div class="said"><h3>Your prediction</h3>
  ${failed ? html`<p class="note" data-level="bad" role="alert">${failed}</p>` : html`<p class="picked" id="predict-picked">${picked.length
    ? picked.map((name) => html`<span class="tag">${name}</span>`)
    : none ? html`<span class="tag">none of them</span>`
    : "Nothing picked yet. If you expect no restart, choose None of them."}</p>`}${second ? html`<p
      class="second">${SECOND}</p>` : nothing}</div>`;

/** @param {number} count */
export const watching = (count) => html`<div class="said"><h3>Watch</h3><p class="picked">${count
  ? `Each start shows whether your prediction of ${counted(count, "process", "processes")} holds.`
  : "You expect no restart: any start proves the opposite."}</p></div>`;
