/**
 * The excerpt of a trace: a sequence diagram, and the same as a list for readers who do not see it.
 *
 * @module
 */

import { html, nothing, svg } from "../vendor/lit-html.js";
import { besideText, fitLanes, inTwoLines, isCalm, LEFT, LETTER, onArrow, roomOf, tableOf, told, waits } from "./lesson-rows.js";

/** @import { Row } from "./lesson-model.js" */

const ROW = 40, HEAD = 34, ROOMY = 92, MOST = 44;
/** Width of an excerpt in a card, of what is beside it in the window, and of windows in which cards have it, in px. */
const ROOM = 552, AROUND = 130, WIDE = 600;

/**
 * Return an excerpt, drawn and told; nothing without rows.
 * @param {Row[]} rows
 * @param {string} about
 */
export function trace(rows, about) {
  if (!rows.length) return nothing;
  const table = tableOf(rows);
  if (table) return compared(table, about);
  const room = innerWidth > WIDE ? Math.max(Math.min(ROOM, innerWidth - AROUND), roomOf(rows)) : undefined;
  return figure(rows, `${about}.`, rows, room);
}

/** @param {NonNullable<ReturnType<typeof tableOf>>} table @param {string} about */
const compared = ({ head: [first, ...others], lines }, about) =>
  html`<table class="runs" aria-label=${about}><thead><tr><th scope="col">${first}</th>${others.map((name) =>
    html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${lines.map(([of, ...cells]) => html`<tr><th
    scope="row"><code>${of}</code></th>${cells.map((text) =>
    html`<td data-is=${text.startsWith("same") ? "same" : nothing}>${text}</td>`)}</tr>`)}</tbody></table>`;

/**
 * Return rows with what they are about.
 * @param {Row[]} rows  those that are told
 * @param {string} about
 * @param {Row[]} shown  those that are drawn
 * @param {number} [room]
 * @param {boolean} [marks]  mark the row in question
 */
export function figure(rows, about, shown, room, marks = false) {
  const timed = rows.some(({ at }) => at > 0);
  return html`<figure class="trace" data-marks=${marks ? "yes" : nothing}>
    <div class="scroll" tabindex="0" role="img" aria-label=${`${about} ${rows.map(told).join(". ")}.`}>${drawing(shown, room)}</div>
    <figcaption>${about}${timed ? " Time in seconds of the run." : ""}</figcaption></figure>`;
}

/**
 * Return the diagram of rows.
 * @param {Row[]} rows
 * @param {number} [room]  px that it may take; its lanes have a usual width without it, and always a least one
 * @param {number} [now]  the row in question, after which nothing has happened yet
 * @param {(place: number) => void} [chosen]  called with a row that is clicked
 */
export function drawing(rows, room, now, chosen) {
  const { lanes, lane, left, width } = fitLanes(rows, room), height = HEAD + rows.length * ROW + 8;
  const x = (/** @type {string} */ name) => LEFT + lanes.indexOf(name) * lane + lane / 2;
  const y = (/** @type {number} */ place) => HEAD + place * ROW + ROW / 2;
  // Names of narrow lanes alternate between two lines
  const lines = lane < ROOMY ? [13, 26] : [16];
  return html`<svg viewBox=${`${left} 0 ${width - left} ${height}`} width=${width - left} height=${height} aria-hidden="true">
    ${lanes.map((name, place) =>
      svg`<g><text class="lane" x=${x(name)} y=${lines[place % lines.length] ?? 16}>${
        clip(name, Math.floor(lines.length * lane / 7.4))}</text><path class="life" d=${`M${x(name)} ${HEAD - 8}V${height}`}></path></g>`)}
    ${now === undefined
      ? nothing
      : waits(rows).map(({ of, first, last }) => first > now
        ? nothing
        : svg`<rect class="waits" x=${x(of) - 4} y=${y(first) + 6} width="8" height=${y(Math.min(last, now)) - y(first)} rx="3"></rect>`)}
    ${rows.map((row, place) =>
      svg`<g class="row" data-look=${row.kind} data-marked=${row.marked ? "yes" : "no"} data-when=${now === undefined ? nothing
        : place === now ? "now"
        : place < now ? "past"
        : "later"} @click=${chosen ? () => chosen(place) : nothing}>${line(row, y(place), x, width, left)}</g>`)}
  </svg>`;
}

/** @param {Row} row @param {number} y @param {(name: string) => number} x @param {number} width @param {number} left */
function line(row, y, x, width, left) {
  if (row.kind === "gap") return svg`<text x=${left + 12} y=${y + 4}>⋮ ${row.text}</text>`;
  const from = x(row.of), start = svg`${band(y, width, left)}<text class="at" x=${LEFT - 14} y=${y + 4}>${row.at}</text>`;
  const look = row.kind === "note" ? "noted" : isCalm(row) ? "calm" : "end";
  const mark = { noted: `M${from} ${y - 5}a5 5 0 1 0 .01 0`,
    calm: `M${from - 5} ${y - 5}h10v10h-10z`, end: `M${from} ${y - 7}l7 13h-14z` }[look];
  if (row.to === null)
    return svg`${start}<path class=${look} d=${mark}></path>${beside(besideText(row), from + 13, y, width)}`;
  const to = x(row.to), way = Math.sign(to - from);
  if (way === 0)
    return svg`${start}<path class="arrow" d=${`M${from} ${y - 8}h16v14h-10`}></path><text x=${from + 22}
      y=${y + 2}>${clip(onArrow(row), 20)}</text>`;
  // The label may cover other lanes, in which nothing happens in this row
  const middle = (from + to) / 2, most = Math.max(12, Math.floor(2 * (Math.min(middle - LEFT, width - middle) - 6) / LETTER));
  const lost = row.kind === "late", tip = lost ? to - way * 26 : to;
  return svg`${start}<path class="arrow" d=${`M${from} ${y + 6}H${tip - way * 7}`}></path>
    ${lost
      ? svg`<path class="lost" d=${`M${tip - 5} ${y + 1}l10 10m0 -10l-10 10`}></path>`
      : svg`<path class="tip" d=${`M${to} ${y + 6}l${-way * 8} -4.5v9z`}></path>`}
    <text class="middle" x=${middle} y=${y - 2}>${clip(onArrow(row), Math.min(MOST, most))}</text>`;
}

/** @param {string} text @param {number} x @param {number} y @param {number} width */
function beside(text, x, y, width) {
  const lines = inTwoLines(text, Math.max(22, Math.floor((width - x - 7) / LETTER))), top = y + 4 - (lines.length - 1) * 7;
  return lines.map((line, place) => svg`<text x=${x} y=${top + place * 14}>${line}</text>`);
}

/** @param {number} y @param {number} width @param {number} left */
const band = (y, width, left) =>
  svg`<rect class="band" x=${left + 4} y=${y - ROW / 2 + 2} width=${width - left - 8} height=${ROW - 4} rx="5"></rect>`;

/** @param {string} text @param {number} most */
const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
