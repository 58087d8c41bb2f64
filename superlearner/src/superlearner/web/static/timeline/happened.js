/**
 * The list *What happened* around a moment, newest first. The row of the moment is in view.
 *
 * @module
 */

import { spoken } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { precise } from "../base/words.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { fold, loopText } from "./loops.js";
import { countUpTo, KEPT_TYPE, markOf, textOf } from "./past.js";

/** @import { Entry } from "./loops.js" */
/** @import { LogEvent } from "./past.js" */

const LATER = 60;
const EARLIER = 140;
/** Share of the list above the row of a moment that was not in view. */
const ABOVE = 0.3;
const GLYPHS = { crash: "crashed", restart: "restarting", change: "gear", start: "running", stop: "stopped" };
/** The shapes of changes. @type {Record<string, string>} */
const GLYPHS_OF = { suspended: "suspended", resumed: "running" };
const NAMES = new Intl.ListFormat("en-GB");
const RESTARTS = new Set(["child_restarted", "gave_up", "restart_failed", KEPT_TYPE]);

/**
 * @param {HTMLElement} place
 * @param {readonly LogEvent[]} events  oldest first
 * @param {number|null} at  null: live
 * @param {boolean} why  whether restarts have a page
 * @param {ReadonlySet<string>} open  the crash loops with a row for each event
 * @param {readonly LogEvent[]} all  also those that are not shown
 * @param {number} known  the time of the first event in memory
 */
export function showEventsAround(place, events, at, why, open, all, known) {
  const last = events[(at === null ? events.length : countUpTo(events, at)) - 1];
  const entries = fold(events, open, all), here = last ? entries.findIndex((entry) => entry.events.includes(last)) : -1;
  const shown = entries.slice(Math.max(0, here + 1 - EARLIER), here + 1 + LATER).reverse();
  const current = entries[here];
  const before = current && rowOf(place, current);
  const kept = before && isIn(place, before) ? before.offsetTop - place.scrollTop : null;
  const newestKept = shown.find(({ event }) => event.type === KEPT_TYPE && event.at < known);
  const ends = new Set(shown.filter(({ event }) => event.type === "child_terminated").map(({ event }) => event.pid));
  render(
    html`${repeat(shown, idOf, (entry) => row(entry, textOf(entry.event, ends), entry === current, at === null,
      at !== null && (entry.events[0]?.at ?? 0) > at, why, entry === newestKept))}`,
    place);
  const item = current && rowOf(place, current);
  if (at === null) place.scrollTop = 0;
  else if (!item) place.scrollTop = place.scrollHeight; // the moment is before all of them
  else if (kept !== null) place.scrollTop = item.offsetTop - kept; // a row does not move under the pointer that chose it
  else if (!isIn(place, item)) place.scrollTop = item.offsetTop - place.clientHeight * ABOVE; // scrollIntoView would also scroll the page
}

/** Return what identifies a row; a loop that goes on keeps its row. @param {Entry} entry */
const idOf = ({ event, loop }) => (loop && !loop.open ? loop.id : event.id);

/** @param {HTMLElement} place @param {Entry} entry */
const rowOf = (place, entry) => /** @type {HTMLElement|null} */ (place.querySelector(`[data-event="${CSS.escape(idOf(entry))}"]`));

/** Return whether a row is in view in the list. @param {HTMLElement} place @param {HTMLElement} item */
const isIn = (place, item) =>
  item.offsetTop >= place.scrollTop && item.offsetTop + item.offsetHeight <= place.scrollTop + place.clientHeight;

/**
 * @param {Entry} entry
 * @param {string} text
 * @param {boolean} current
 * @param {boolean} live
 * @param {boolean} later
 * @param {boolean} why
 * @param {boolean} begins  it is the newest one without events
 */
function row(entry, text, current, live, later, why, begins) {
  const { event, loop, above } = entry;
  const after = above.length ? `; ${NAMES.format(above)} gave up after it` : "";
  const mark = markOf(event), id = event.ref ?? event.seq, label = `Why: ${event.text}`;
  const gaveUp = event.type === "gave_up" || (event.type === KEPT_TYPE && event.text.endsWith("gave up"));
  return html`<li data-event=${idOf(entry)} data-mark=${mark} ?data-later=${later}>
    ${begins ? html`<p class="hint">Before the events in memory, only restarts and problems are kept.</p>` : nothing}
    <button type="button" data-at=${event.at} tabindex=${current ? 0 : -1} aria-current=${current && !live ? "step" : nothing}><svg
      class="glyph" aria-hidden="true"><use href="#i-${gaveUp ? "gave-up" : GLYPHS_OF[event.type] ?? GLYPHS[mark]}"></use></svg>
      <time datetime=${new Date(event.at * 1000).toISOString()}>${precise(event.at)}</time><span
        class="what">${spoken(text)}${after}${loop && !loop.open ? `, ${loopText(loop)}` : ""}</span></button>
    ${why && id !== null && (RESTARTS.has(event.type) || (mark === "crash" && (event.ref || event.type !== "start_failed")))
      ? html`<a class="link" tabindex="-1" href=${whyAddress(id, undefined, event.ref ? undefined : event.at)} aria-label=${label}>Why?</a>`
      : nothing}${loop
        ? html`<button type="button" class="link" data-loop=${loop.id} tabindex="-1" aria-expanded=${String(loop.open)}>${loop.open
          ? "Fold them"
          : "Show each"}</button>`
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
