/**
 * The words around the tree of a question: question, prediction and result.
 *
 * @module
 */

import { icon } from "../base/dom.js";
import { counted } from "../base/words.js";
import { quiet } from "../moment/schedule.js";
import { namer, victim } from "../moment/story.js";
import { html, nothing } from "../vendor/lit-html.js";
import { LEVELS } from "./record.js";

/** @import { Answer, Question } from "./predict-game.js" */
/** @import { MomentNode } from "../moment/schedule.js" */
/** @import { Record as Reached } from "./record.js" */

/** Why an answer to a question that was answered before changes neither streak nor levels. */
export const SECOND = "You have answered this question before, so it does not count towards the streak or the "
  + "level. Another one does.";
const WORDS = { missed: "Missed", wrong: "Wrong" };

/** @param {string[]} names */
const list = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

/** Return the names of the processes of a question by their ids. @param {Question|null} question @returns {(id: string) => string} */
export const namesOf = (question) => (question ? namer(quiet(0, question.tree)) : (id) => id);

/** @param {Question} question */
export const questionText = (question) => `${namesOf(question)(question.victim)} is killed. Which processes get a new pid?`;

/** @param {Reached} reached @param {boolean} withLevels */
export const streak = ({ streak: now, best, passed }, withLevels) => html`<p
  class="streak"><span><b>${now}</b> in a row</span>${
    best > now ? html`<span>best ${best}</span>` : nothing
  }${withLevels ? html`<span>${passed.length} of ${LEVELS} levels</span>` : nothing}</p>`;

/** @param {MomentNode} node @returns {boolean} */
const temporary = (node) => node.restart === "temporary" || node.children.some(temporary);

/** @param {Question} question @param {boolean} rows */
export const ask = (question, rows) => html`<p class="which">${question.line}</p>
  <h2><em>${namesOf(question)(question.victim)}</em> is killed. Which processes get a new pid?</h2>
  <p class="hint">${question.hint ?? ""} <span class="wide">A process that is restarted gets a new pid, its address. Pick every process
  that you expect to be restarted. </span>Children were started from ${rows ? "top to bottom" : "left to right"}.${question.links?.length
    ? " The dotted line is a link between two processes."
    : ""}${temporary(question.tree) ? html`<span class="wide"> A dashed circle is a temporary child:
      its supervisor never restarts it.</span>` : nothing}</p>`;

/** Return the result as one line. @param {Answer} answer @param {(id: string) => string} name */
export function verdict({ right, restarted, nodes }, name) {
  const of = (/** @type {string} */ wanted) => nodes.filter(({ verdict: one }) => one === wanted).length;
  if (right) return restarted.length ? `Right: ${list(restarted.map(name))}` : "Right: no process is restarted";
  if (!restarted.length) return `No process is restarted, and you picked ${of("wrong")}`;
  return `${of("right")} of ${restarted.length} found${of("wrong") ? `, ${of("wrong")} too many` : ""}`;
}

/** Return the processes that were predicted wrongly, those that were missed first. @param {Answer} answer */
const mistakes = ({ nodes }) =>
  (/** @type {const} */ (["missed", "wrong"])).flatMap((wanted) => nodes.filter((one) => one.verdict === wanted).map(
    (one) => ({ ...one, word: WORDS[wanted], shape: wanted === "missed" ? "plus" : "cross" })));

/** Return why the process that was killed was restarted, or why not. @param {Answer} answer */
const reason = ({ nodes, moment }) => nodes.find(({ id }) => id === victim(moment))?.text ?? "";

/**
 * Return the result and its reasons, for assistive technology.
 * @param {Answer} answer
 * @param {boolean} second
 * @param {(id: string) => string} name
 */
export const spoken = (answer, second, name) => [
  `${verdict(answer, name)}.`,
  ...mistakes(answer).map(({ word, text }) => `${word}: ${text}`),
  answer.right ? reason(answer) : "", answer.rule, second ? SECOND : "",
]
  .filter(Boolean)
  .join(" ");

/** @param {Answer} answer @param {boolean} second @param {(id: string) => string} name */
export const result = (answer, second, name) =>
  html`<div class="said" data-right=${answer.right ? "yes" : "no"} tabindex="0" role="group" aria-label="Result">
    <h3>${icon(answer.right ? "check" : "cross", "glyph")}${verdict(answer, name)}</h3>
    ${answer.right
      ? html`<p>${reason(answer)}</p>`
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
