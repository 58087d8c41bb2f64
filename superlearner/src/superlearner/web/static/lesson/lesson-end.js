/**
 * The end of the core path: what is left of it; once it is done, what was missed, and what to do next.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { root, spoken } from "../base/dom.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { countOf, nameOf, nextOf, placeOf } from "./lesson-model.js";
import { sentence } from "./lesson-rows.js";
import { goTo } from "./reading-place.js";

/** @import { Lesson } from "./lesson-model.js" */

/** @param {string} id @param {string} text */
const linkTo = (id, text) => html`<a href="#${placeOf(id)}" @click=${(/** @type {MouseEvent} */ event) => {
  event.preventDefault();
  goTo(placeOf(id));
  document.getElementById(placeOf(id))?.focus({ preventScroll: true });
}}>${spoken(text)}</a>`;

/** @param {Lesson["missed"][number]} one */
const describeMissed = (one) => html`<li>${linkTo(one.id, one.title)}: ${one.why}. ${one.fact ? sentence(one.fact) : nothing}</li>`;

/** Return a link to the session that follows, or nothing after the last. @param {string} [look] */
export function following(look = "") {
  const { next, nextTitle } = document.getElementById("lesson")?.dataset ?? {};
  return next ? html`<a class=${look} href="${root()}/learn/${next}">Go on with session ${next}, ${nextTitle}</a>` : nothing;
}

/** Return what to practise: what goes with the parts that were difficult, else the first that is left. @param {Lesson} lesson */
function practice(lesson) {
  const next = nextOf(lesson), missed = new Map(lesson.missed.map(({ practise, practise_title }) => [practise, practise_title ?? ""]));
  missed.delete(null);
  return [...missed.size || !next?.id ? missed : [[next.id, nameOf(next)]]].map(([id, name]) =>
    html`<li>${linkTo(id ?? "", `Practise ${name}`)}</li>`);
}

/** Return the end of the core path as a template. @param {Lesson} lesson */
function endOf(lesson) {
  const { core, coreDone } = countOf(lesson), next = nextOf(lesson);
  if (coreDone < core)
    return html`<p class="which">Core path</p><h3>${core - coreDone} of ${core} parts are left</h3>
      ${next?.id ? html`<p class="next">${linkTo(next.id, `Go on with ${nameOf(next)}`)}</p>` : nothing}`;
  return html`<p class="which">Core path</p><h3>The core path is done</h3>
    ${lesson.missed.length
      ? html`<p>These parts were difficult for you:</p><ul class="missed">${lesson.missed.map(describeMissed)}</ul>`
      : html`<p>You passed every part without help, and your first predictions were right.</p>`}
    <p>${following("btn primary")}</p>
    <h4>On another day</h4>
    <ul>${practice(lesson)}
      <li><a href="${root()}/sandboxes">Write your own tree in the Playground</a>, and kill in it</li>
      <li><a href="${root()}/learn#review">Your review</a> asks some of this once more</li></ul>`;
}

/**
 * Show the end of the core path.
 * @param {HTMLElement} place
 * @param {Lesson} lesson
 */
export function showEnd(place, lesson) {
  render(endOf(lesson), place);
}

/**
 * Show what follows at the end of the page, below the practice.
 * @param {HTMLElement} place
 * @param {Lesson} lesson
 */
export function showPageEnd(place, lesson) {
  const next = nextOf(lesson), { all, done } = countOf(lesson);
  render(html`<h3>The end of the session</h3>
    <p>${done} of ${all} parts are done.${next?.id ? html` ${linkTo(next.id, `Continue with ${nameOf(next)}`)}.` : nothing}</p>
    <p>${following("btn")}</p>`, place);
}

/** Take over what was missed, which the platform derives from all answers. @param {Lesson} lesson */
export async function learnMissed(lesson) {
  const { core, coreDone } = countOf(lesson);
  if (coreDone < core) return;
  try {
    lesson.missed = (await platform("GET", `/course/sessions/${lesson.number}`)).missed;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // what was known stays
  }
}
