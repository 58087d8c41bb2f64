/**
 * Drawing of one chart on a canvas: grid, areas, lines, limit, percentiles, marks. It is stateless.
 *
 * @module
 */

import { runs, ticks, timeLabel, timeTicks, withUnit } from "./chart-scale.js";
import { colour } from "../base/paint.js";

/** @import { Picture, Series } from "./chart.js" */
/** @import { Span } from "./chart-group.js" */

export const LEFT = 70;
export const RIGHT = 10;
export const TOP = 8;
export const BOTTOM = 20;
/** Marks are on the time axis; their texts are in the table and in the heading at the cursor. */
const MARK = 4;
const FONT = '11px "JetBrains Mono SL", ui-monospace, monospace';

/**
 * @typedef {{context: CanvasRenderingContext2D, width: number, height: number, ratio: number}} Sheet
 */

/**
 * Draw a chart and return the value at its upper edge.
 * @param {Sheet} sheet
 * @param {Picture} picture
 * @param {Span} span
 * @param {{p50: number, p99: number, most: number}|null} seen
 */
export function paint({ context: pen, width, height, ratio }, picture, span, seen) {
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const right = width - RIGHT;
  const floor = height - BOTTOM;
  const marks = ticks(Math.max(seen?.most ?? 0, picture.atLeast ?? 0), 3, picture.unit);
  const top = marks.at(-1) ?? 1;
  const x = (/** @type {number} */ at) => LEFT + ((at - span.from) / (span.to - span.from)) * (right - LEFT);
  const y = (/** @type {number} */ value) => floor - (value / top) * (floor - TOP);
  grid(pen, picture, span, { width, right, floor, marks, x, y });
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 0, right - LEFT, height);
  pen.clip();
  const columns = Math.max(1, Math.round(right - LEFT));
  for (const one of picture.series)
    series(pen, picture, one, runs(picture.times, one.values, span.from, span.to, columns), { floor, x, y });
  if (picture.percentiles && seen)
    for (const [value, dash] of /** @type {const} */ ([[seen.p50, [2, 3]], [seen.p99, [6, 3]]])) level(pen, y(value), right, "ink3", dash);
  if (picture.limit !== undefined && picture.limit <= top) level(pen, y(picture.limit), right, "restart", [1, 3]);
  pen.restore();
  triangles(pen, picture, span, { floor, x });
  return top;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Picture} picture
 * @param {Span} span
 * @param {{width: number, right: number, floor: number, marks: number[], x: (at: number) => number, y: (value: number) => number}} place
 */
function grid(pen, picture, span, { width, right, floor, marks, x, y }) {
  pen.font = FONT;
  pen.lineWidth = 1;
  pen.strokeStyle = colour("line");
  pen.fillStyle = colour("ink3");
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const value of marks) {
    const at = Math.round(y(value)) + 0.5;
    stroke(pen, LEFT, at, right, at);
    pen.fillText(withUnit(value, picture.unit), LEFT - 8, Math.max(at, 7));
  }
  pen.textBaseline = "alphabetic";
  pen.textAlign = "center";
  const length = span.to - span.from;
  const half = pen.measureText("00:00:00").width / 2;
  for (const at of timeTicks(span.from, span.to, Math.max(1, Math.floor((width - LEFT) / 92)))) {
    const place = Math.round(x(at)) + 0.5;
    stroke(pen, place, floor, place, floor + 4);
    if (place - half >= 0 && place + half <= width) pen.fillText(timeLabel(at, length), place, floor + 16);
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Picture} picture
 * @param {Series} one
 * @param {number[][]} parts
 * @param {{floor: number, x: (at: number) => number, y: (value: number) => number}} place
 */
function series(pen, picture, one, parts, { floor, x, y }) {
  const { at } = picture.times;
  pen.strokeStyle = pen.fillStyle = colour(one.colour ?? "accent");
  pen.lineJoin = "round";
  pen.lineWidth = 1.5;
  pen.setLineDash(one.dash ?? []);
  const X = (/** @type {number} */ one) => x(/** @type {number} */ (at[one]));
  for (const part of parts) {
    const line = new Path2D();
    part.forEach((place, number) => {
      const height = y(/** @type {number} */ (one.values[place]));
      if (number) line.lineTo(X(place), height);
      else line.moveTo(X(place), height);
    });
    const [first, last] = [/** @type {number} */ (part[0]), /** @type {number} */ (part.at(-1))];
    if (part.length === 1) line.arc(X(first), y(/** @type {number} */ (one.values[first])), 1.5, 0, 7); // isolated between gaps
    else if (one.area) {
      const area = new Path2D(line);
      area.lineTo(X(last), floor);
      area.lineTo(X(first), floor);
      pen.globalAlpha = 0.14;
      pen.fill(area);
      pen.globalAlpha = 1;
    }
    pen.stroke(line);
  }
  pen.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} height
 * @param {number} right
 * @param {string} token
 * @param {readonly number[]} dash
 */
function level(pen, height, right, token, dash) {
  pen.strokeStyle = colour(token);
  pen.lineWidth = 1;
  pen.setLineDash([...dash]);
  stroke(pen, LEFT, Math.round(height) + 0.5, right, Math.round(height) + 0.5);
  pen.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Picture} picture
 * @param {Span} span
 * @param {{floor: number, x: (at: number) => number}} place
 */
function triangles(pen, picture, span, { floor, x }) {
  let before = -Infinity;
  for (const mark of picture.marks ?? []) {
    if (mark.at < span.from || mark.at > span.to) continue;
    const place = x(mark.at);
    if (place - before < MARK) continue; // overlapping marks would merge
    before = place;
    pen.fillStyle = colour(mark.colour);
    pen.beginPath();
    pen.moveTo(place, floor - MARK * 1.6);
    pen.lineTo(place + MARK, floor);
    pen.lineTo(place - MARK, floor);
    pen.fill();
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
function stroke(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
