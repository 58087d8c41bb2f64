/**
 * The excerpt of a trace: a sequence diagram, and the same as a list for readers who do not see it.
 *
 * @module
 */

import { html, nothing, svg } from "../vendor/lit-html.js";

/** @typedef {import("./lesson-model.js").Row} Row */

const ROW = 40, HEAD = 34, LEFT = 58, LANE = 132, ASIDE = 100, MOST = 44;

/**
 * Return an excerpt, drawn and told; nothing without rows.
 * @param {Row[]} rows
 * @param {string} about
 * @param {boolean} [marks]  mark the row in question
 */
export function trace(rows, about, marks = false) {
  if (!rows.length) return nothing;
  const lanes = lanesOf(rows), height = HEAD + rows.length * ROW + 8;
  const aside = rows.some(({ of, to }) => of === lanes.at(-1) && (to === null || to === of)); // its text stands beside the last lane
  const timed = rows.some(({ at }) => at > 0), left = timed ? 0 : LEFT - 8; // without times their column is cut off
  const width = LEFT + lanes.length * LANE + (aside ? ASIDE : 0);
  return html`<figure class="trace" data-marks=${marks ? "yes" : nothing}>
    <div class="scroll" tabindex="0" role="img" aria-label=${`${about}. ${rows.map(told).join(". ")}.`}>
      <svg viewBox=${`${left} 0 ${width - left} ${height}`} width=${width - left} height=${height} aria-hidden="true">
        ${lanes.map((lane, place) => svg`<g><text class="lane" x=${x(place)} y="16">${clip(lane, 17)}</text><path class="life" d=${`M${x(place)} ${HEAD - 8}V${height}`}></path></g>`)}
        ${rows.map((row, place) => line(row, HEAD + place * ROW + ROW / 2, lanes, width, left))}
      </svg>
    </div>
    <figcaption>${about}.${timed ? " Time in seconds of the run." : ""}</figcaption></figure>`;
}

/** @param {number} lane */
const x = (lane) => LEFT + lane * LANE + LANE / 2;

/** Return who takes part, in order of appearance. @param {Row[]} rows */
const lanesOf = (rows) => [...new Set(rows.flatMap(({ of, to }) => (to === null ? [of] : [of, to])))];

/** @param {Row} row @param {number} y @param {string[]} lanes @param {number} width @param {number} left */
function line(row, y, lanes, width, left) {
  const from = x(lanes.indexOf(row.of)), look = row.kind === "exit" ? "exit" : row.kind, mark = row.marked ? "yes" : "no";
  const time = svg`<text class="at" x=${LEFT - 14} y=${y + 4}>${row.at}</text>`;
  if (row.to === null) return svg`<g class="row" data-look=${look} data-marked=${mark}>${band(y, width, left)}${time}<path class="end" d=${`M${from} ${y - 7}l7 13h-14z`}></path><text x=${from + 13} y=${y + 4}>${clip(row.text, 22)}</text></g>`;
  const to = x(lanes.indexOf(row.to)), way = Math.sign(to - from);
  if (way === 0) return svg`<g class="row" data-look=${look} data-marked=${mark}>${band(y, width, left)}${time}<path class="arrow" d=${`M${from} ${y - 8}h16v14h-10`}></path><text x=${from + 22} y=${y + 2}>${clip(row.text, 20)}</text></g>`;
  const most = Math.max(16, Math.floor((Math.abs(to - from) - 16) / 6.6));
  return svg`<g class="row" data-look=${look} data-marked=${mark}>${band(y, width, left)}${time}
    <path class="arrow" d=${`M${from} ${y + 6}H${to - way * 7}`}></path><path class="tip" d=${`M${to} ${y + 6}l${-way * 8} -4.5v9z`}></path>
    <text class="middle" x=${(from + to) / 2} y=${y - 2}>${clip(row.text, Math.min(MOST, most))}</text></g>`;
}

/** @param {number} y @param {number} width @param {number} left */
const band = (y, width, left) => svg`<rect class="band" x=${left + 4} y=${y - ROW / 2 + 2} width=${width - left - 8} height=${ROW - 4} rx="5"></rect>`;

/** @param {string} text @param {number} most */
const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Return a row as a sentence. @param {Row} row */
export const told = (row) => row.to === null ? `${row.at} s: ${row.of} ends with ${row.text}` : `${row.at} s: ${row.of} sends ${row.text} to ${row.to}`;
