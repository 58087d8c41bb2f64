/**
 * A row of the event feed: an entry in the server's words, or a storm with its count and a bar for each second.
 *
 * @module
 */

import { chosen, nodeQuery, root, spoken } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { counted, number, time } from "../base/words.js";
import { nameIn, placeOf, reasonIn, spanOf, storedText, timeOf, verb } from "../live/storms.js";
import { html, nothing, svg } from "../vendor/lit-html.js";

/** @import { FeedEvent, Level } from "../live/model.js" */
/** @import { Line } from "../live/storms.js" */

/** @type {Record<Level, string>} */
const MARKS = { ok: "running", info: "stopped", warn: "restarting", bad: "crashed" };
/** Marks of kinds that have their own. @type {Record<string, string>} */
const SHAPES = { gave_up: "gave-up", suspended: "suspended", stuck: "stuck", answers_again: "stuck" };
/** Entries of a storm that are listed at most. */
const MOST = 50;
/** Width of a bar and its gap, and the height of the highest one. */
const [WIDE, HIGH] = [4, 16];

/** @param {Line} line @param {boolean} open  shows all its entries @param {boolean} there  whether the node is connected */
export function eventRow(line, open, there) {
  const { event, id } = line;
  const storm = line.bars.length > 0;
  const shape = SHAPES[event.kind] ?? MARKS[event.level] ?? "stopped";
  return html`<li data-id=${id} data-kind=${event.kind} data-level=${event.level} data-key=${event.key ?? nothing}
    data-count=${storm ? line.count : nothing}><svg class="glyph" aria-hidden="true"><use
    href="#i-${shape}"/></svg>${storm ? title(line) : html`<p>${sentence(event, there)}</p>`}<time
    datetime=${iso(storm ? line.from : event.at)}>${time(storm ? line.from : event.at)}</time>${storm ? more(line, open) : nothing}</li>`;
}

/** Return the row of an entry that was stored before. @param {Api.RestartLine} stored */
export function storedRow(stored) {
  const { ref, kept, count = 1, gave_up: gaveUp, reason, program, incident, crash, outage, node } = stored, at = timeOf(stored);
  const shape = gaveUp ? "gave-up" : incident && !crash ? "stuck" : reason && !program ? "crashed" : "stopped";
  const [to, text] = ref && (kept || count > 1 || (incident && !outage))
    ? [whyAddress(ref, node ?? chosen()), "Why?"]
    : [`${root()}/timeline${nodeQuery(node ?? chosen(), { at: placeOf(stored).toFixed(6) })}`, "Timeline"];
  return html`<li data-kind="stored"><svg class="glyph" aria-hidden="true"><use href="#i-${shape}"/></svg><p>${spoken(storedText(stored))}
    <a class="link act" href=${to} tabindex="-1">${text}</a></p><time datetime=${iso(at)}>${time(at)}</time></li>`;
}

/** @param {number} at */
const iso = (at) => new Date(at * 1000).toISOString();

/** @param {Line} line */
function title(line) {
  const { event, count } = line;
  const what = verb(event), reason = event.parts?.reason ?? "";
  if (!what) return html`<p>${event.text} <b>${number(count)}×</b> ${spanOf(line)}</p>`;
  return html`<p>${who(event, nameIn(event))} ${what} <b>${number(count)}×</b> ${spanOf(line)}${
    reason && reason !== "killed" && what !== "gave up"
      ? html` <code>${reasonIn(reason)}</code>`
      : nothing}</p>`;
}

/** @param {Line} line @param {boolean} open */
function more(line, open) {
  const { event, bars, events, id } = line;
  return html`<div class="storm">
    ${chart(bars)}<span>last at ${time(line.to)}</span>
    ${event.key && event.parts?.signals ? why(event) : nothing}
    <button type="button" class="link act" data-act="all" tabindex="-1" aria-expanded=${open ? "true" : "false"}
      aria-controls="each-${id}">${open ? "Show less" : "Show all"}</button>
  </div>${open
    ? html`<ol class="each" id="each-${id}">${events.slice(0, MOST)
      .map((one) => html`<li><time datetime=${iso(one.at)}>${time(one.at)}</time><p>${one.text}</p></li>`)}${rest(line)}</ol>`
    : nothing}`;
}

/** Return the number of entries that the page does not list. @param {Line} line */
function rest({ count, events }) {
  const listed = events.slice(0, MOST).reduce((sum, { parts }) => sum + (parts?.times ?? 1), 0);
  return count > listed ? html`<li><p>and ${counted(count - listed, "earlier one")}</p></li>` : nothing;
}

/** Return a bar for each second. @param {readonly number[]} bars */
function chart(bars) {
  const most = Math.max(...bars);
  return html`<svg class="bars" aria-hidden="true" width=${bars.length * WIDE} height=${HIGH}>${bars.map((count, place) => {
    const height = count ? Math.max(2, Math.round((count / most) * HIGH)) : 0;
    return svg`<rect x=${place * WIDE} y=${HIGH - height} width=${WIDE - 1} height=${height} rx="1"/>`;
  })}</svg>`;
}

/** Return a name as a link to its process. @param {FeedEvent} event @param {string} name */
const who = (event, name) => (event.key ? html`<button type="button" class="link" tabindex="-1">${name}</button>` : html`<b>${name}</b>`);

/**
 * Return the sentence with a link to its process and the reason highlighted; the words are unchanged.
 * @param {FeedEvent} event
 * @param {boolean} there  its signals can be shown in the tree
 */
function sentence(event, there) {
  const { text, parts, key } = event;
  const name = parts?.who && key && text.startsWith(parts.who) ? parts.who : "";
  const after = text.slice(name.length);
  const at = parts?.reason ? after.indexOf(parts.reason) : -1;
  const told = parts?.reason && at >= 0
    ? html`${after.slice(0, at)}<code>${parts.reason}</code>${after.slice(at + parts.reason.length)}`
    : after;
  const acts = key && event.kind !== "stopped" && (parts?.signals || event.kind === "start_failed")
    ? html` ${there && parts?.signals ? act("signals", "Show in the tree", event) : nothing} ${why(event)}`
    : nothing;
  return html`${name ? who(event, name) : nothing}${told}${acts}`;
}

/** @param {string} what @param {string} text @param {FeedEvent} event */
const act = (what, text, event) => html`<button type="button" class="link act" data-act=${what} tabindex="-1"
  aria-label=${`${text} ${event.parts?.who ?? ""}`.trim()}>${text}</button>`;

/** Return the link to the page of the restart, or the button that shows its causes here. @param {FeedEvent} event */
const why = (event) => (event.event
  ? html`<a class="link act" href=${whyAddress(event.ref ?? event.event)} tabindex="-1"
    aria-label=${`Why? ${event.parts?.who ?? ""}`.trim()}>Why?</a>`
  : act("why", "Why?", event));
