/**
 * The list *What happened* around a moment, newest first. The row of the moment is in view.
 *
 * @module
 */

import { whyAddress } from "../base/process-link.js";
import { precise } from "../base/words.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { countUpTo, KEPT_TYPE, markOf, textOf } from "./past.js";

/** @import { LogEvent } from "./past.js" */

const LATER = 60;
const EARLIER = 140;
/** Share of the list above the row of a moment that was not in view. */
const ABOVE = 0.3;
const GLYPHS = { crash: "crashed", restart: "restarting", change: "gear", start: "running", stop: "stopped" };
const RESTARTS = new Set(["child_restarted", "gave_up", "restart_failed", KEPT_TYPE]);

/**
 * @param {HTMLElement} place
 * @param {readonly LogEvent[]} events  oldest first
 * @param {number|null} at  null: live
 * @param {boolean} why  whether restarts have a page
 */
export function showEventsAround(place, events, at, why) {
  const count = at === null ? events.length : countUpTo(events, at);
  const shown = events.slice(Math.max(0, count - EARLIER), count + LATER).reverse();
  const current = events[count - 1];
  const before = current && rowOf(place, current);
  const kept = before && isIn(place, before) ? before.offsetTop - place.scrollTop : null;
  const newestKept = shown.find(({ type }) => type === KEPT_TYPE);
  const ends = new Set(shown.filter(({ type }) => type === "child_terminated").map(({ pid }) => pid));
  render(
    html`${repeat(shown, ({ id }) => id, (event) =>
      row(event, textOf(event, ends), event === current, at === null, at !== null && event.at > at, why, event === newestKept))}`,
    place);
  const item = current && rowOf(place, current);
  if (at === null) place.scrollTop = 0;
  else if (!item) place.scrollTop = place.scrollHeight; // the moment is before all of them
  else if (kept !== null) place.scrollTop = item.offsetTop - kept; // a row does not move under the pointer that chose it
  else if (!isIn(place, item)) place.scrollTop = item.offsetTop - place.clientHeight * ABOVE; // scrollIntoView would also scroll the page
}

/** @param {HTMLElement} place @param {LogEvent} event */
const rowOf = (place, { id }) => /** @type {HTMLElement|null} */ (place.querySelector(`[data-event="${CSS.escape(id)}"]`));

/** Return whether a row is in view in the list. @param {HTMLElement} place @param {HTMLElement} item */
const isIn = (place, item) =>
  item.offsetTop >= place.scrollTop && item.offsetTop + item.offsetHeight <= place.scrollTop + place.clientHeight;

/**
 * @param {LogEvent} event
 * @param {string} text
 * @param {boolean} current
 * @param {boolean} live
 * @param {boolean} later
 * @param {boolean} why
 * @param {boolean} begins  it is the newest one without events
 */
function row(event, text, current, live, later, why, begins) {
  const mark = markOf(event), id = event.ref ?? event.seq, label = `Why: ${event.text}`;
  const gaveUp = event.type === "gave_up" || (event.type === KEPT_TYPE && event.text.endsWith("gave up"));
  return html`<li data-event=${event.id} data-mark=${mark} ?data-later=${later}>
    ${begins ? html`<p class="hint">Before the events in memory, only restarts are kept.</p>` : nothing}
    <button type="button" data-at=${event.at} tabindex=${current ? 0 : -1} aria-current=${current && !live ? "step" : nothing}><svg
      class="glyph" aria-hidden="true"><use href="#i-${gaveUp ? "gave-up" : GLYPHS[mark]}"></use></svg>
      <time datetime=${new Date(event.at * 1000).toISOString()}>${precise(event.at)}</time><span class="what">${text}</span></button>
    ${why && id !== null && (RESTARTS.has(event.type) || mark === "crash")
      ? html`<a class="link" tabindex="-1" href=${whyAddress(id, undefined, event.ref ? undefined : event.at)} aria-label=${label}>Why?</a>`
      : nothing}</li>`;
}

/** Move among the rows with the arrow keys, so that the list is one Tab stop. @param {HTMLElement} place @param {KeyboardEvent} event */
export function walk(place, event) {
  const stops = /** @type {HTMLElement[]} */ ([...place.querySelectorAll("button, a")]);
  const here = stops.findIndex((one) => one === document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: Math.max(0, here - 1), Home: 0, End: stops.length - 1 }[event.key];
  const stop = to === undefined || here < 0 ? undefined : stops[to];
  if (!stop) return;
  event.preventDefault();
  event.stopPropagation();
  stop.focus();
}
