/**
 * Drawing of some rows of a sequence diagram as SVG, from a layout and a visible range.
 *
 * @module
 */

import { draw } from "../base/dom.js";
import { brief, fate, GAP_S, isMark, isSignal, lifeIn, short, spansIn } from "./sequence-layout.js";

/** @import { Layout, Row } from "./sequence-layout.js" */
/** @typedef {{x: (lane: number) => number, width: number, height: number, row: number, gutter: number, letter: number}} Grid */

/** Maximum length of a label; the chosen one may use all the space there is. */
const LONGEST = 56;

/** @param {string} text @param {number} room  in characters */
const clipped = (text, room) => (text.length <= room ? text : room < 2 ? "" : `${text.slice(0, room - 1)}…`);

/**
 * Return the elements of the rows from `first` to before `last`; y is relative to the first row of the diagram.
 * @param {Layout} layout
 * @param {number} first
 * @param {number} last
 * @param {Grid} grid
 * @param {number} chosen
 * @param {number} crash  the row at which the view stays; -1: none
 * @returns {SVGElement[]}
 */
export function drawRows(layout, first, last, grid, chosen, crash) {
  const { x, row: height } = grid;
  const found = [];
  const partner = partnerOf(layout, chosen);
  for (const [place, name] of /** @type {[number, string][]} */ ([[crash, "crash"], [chosen, "chosen"], [partner, "partner"]])) {
    if (place >= first && place < last)
      found.push(draw("rect", { x: 0, y: place * height, width: grid.width, height, class: `row ${name}` }));
  }
  layout.lanes.forEach((lane, number) => {
    for (const part of lifeIn(layout, number, first, last)) {
      found.push(
        draw("line", {
          x1: x(number), x2: x(number), y1: part.from * height, y2: part.to * height,
          class: part.alive ? (lane.folded ? "life folded" : "life") : "life down",
        }));
    }
  });
  for (const span of spansIn(layout, first, last)) {
    const top = Math.max(span.first, first - 1) + 0.7;
    const end = Math.min(span.last, last) + 0.7;
    found.push(
      draw("rect", {
        x: x(span.lane) - 3.5, y: top * height, width: 7, height: Math.max(2, (end - top) * height), rx: 2,
        class: span.first === chosen || span.last === chosen ? "bar now" : "bar",
      }));
  }
  for (let place = first; place < last; place++) {
    const row = layout.rows[place];
    if (row) found.push(...(isMark(row.item) ? mark(row, place, grid) : arrow(row, place, grid, place === chosen)));
    if (row && row.gap >= GAP_S && place > 0)
      found.push(draw("line", { x1: 0, x2: grid.width, y1: place * height + 0.5, y2: place * height + 0.5, class: "gap" }));
    if (row)
      found.push(
        draw("text", { x: grid.gutter - 12, y: place * height + height * 0.7 + 4, class: "at" }, (row.item.at - layout.begun).toFixed(3)));
  }
  return found;
}

/** Return the reply of a call, or the call of a reply. @param {Layout} layout @param {number} place */
export function partnerOf(layout, place) {
  const item = layout.rows[place]?.item;
  if (!item || isMark(item)) return -1;
  return layout.places.get(item.answer ?? item.answers ?? -1) ?? -1;
}

/**
 * @param {Row} row
 * @param {number} place
 * @param {Grid} grid
 */
function mark({ item, lane }, place, { x, row: height, width, letter }) {
  const at = x(lane);
  const y = place * height + height * 0.7;
  const room = Math.floor((width - at - 22) / letter);
  const words = item.kind === "started" ? "started" : item.text || item.kind;
  const left = room < Math.min(words.length, 12);
  const text = draw("text", { x: left ? at - 12 : at + 12, y: y + 4, class: `why ${item.kind}${left ? " left" : ""}` },
    clipped(words, left ? Math.floor((at - 20) / letter) : room));
  if (item.kind === "crashed" || item.kind === "exited")
    return [draw("path", { d: `M${at} ${y - 7}l7.5 13h-15Z`, class: `end ${item.kind}` }), text];
  return [draw("circle", { cx: at, cy: y, r: 4.5, class: "born" }), text];
}

/**
 * @param {Row} row
 * @param {number} place
 * @param {Grid} grid
 * @param {boolean} now
 */
function arrow(row, place, grid, now) {
  const { item, lane, to, latency } = row;
  const { x, row: height, width, letter } = grid;
  if (isMark(item)) return [];
  const y = place * height + height * 0.7;
  const [a, b] = [x(lane), x(to)];
  const kind = isSignal(item) ? "signal" : item.kind;
  const lost = item.dropped ? " dropped" : "";
  const found = [];
  const start = lane === to ? a : Math.min(a, b);
  const tail = item.kind === "reply" && latency !== null ? short(latency)
    : item.dropped ? "dropped"
    : item.timeout || (item.kind === "call" && !item.answer) ? fate(row)
    : "";
  if (lane === to)
    found.push(draw("path", { d: `M${a + 4} ${y - 6}h18v8h-12`, class: `line ${kind}${lost}` }),
      draw("path", { d: `M${a + 5} ${y + 2}l7 -3.6v7.2Z`, class: `head ${kind}${lost}` }));
  else {
    const way = Math.sign(b - a);
    found.push(draw("line", { x1: a + 4 * way, x2: b - 9 * way, y1: y, y2: y, class: `line ${kind}${lost}` }));
    if (item.dropped) found.push(draw("path", { d: `M${b - 13 * way} ${y - 4}l8 8m0-8l-8 8`, class: "cross" }));
    else if (item.kind === "cast" || item.kind === "info")
      found.push(
        draw("path", { d: `M${b - 12 * way} ${y - 4.2}L${b - 4.5 * way} ${y}L${b - 12 * way} ${y + 4.2}`, class: `open ${kind}` }));
    else found.push(draw("path", { d: `M${b - 4 * way} ${y}l${-8.5 * way} -4.2v8.4Z`, class: `head ${kind}` }));
  }
  const room = Math.floor((width - start - 24) / letter) - (tail ? tail.length + 2 : 0);
  const label = draw("text", { x: start + (lane === to ? 28 : 9), y: y - 5, class: `say ${kind}` });
  label.append(clipped(brief(item.text), Math.max(6, Math.min(room, now ? room : LONGEST))));
  if (tail) label.append(draw("tspan", { class: item.kind === "reply" ? "took" : "bad", dx: 9 }, tail));
  found.push(label);
  return found;
}
