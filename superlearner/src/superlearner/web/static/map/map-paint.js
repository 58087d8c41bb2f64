/**
 * Painting of the map: theme colours, shapes of states, boxes with titles. Everything is drawn at the positions of a
 * layout; invisible parts are not drawn.
 *
 * @module
 */

import { shapeOf as markOf } from "../base/marks.js";
import { budgetAt, label } from "../live/model.js";
import { counted, number, unlimited } from "../base/words.js";
import { BESIDE } from "./map-layout.js";

/** @import { Box, Layout, Place } from "./map-layout.js" */
/** @import { Row } from "../live/model.js" */

/** Tokens and the probe's properties; a canvas does not support `light-dark()`, but a computed style resolves it. */
const TOKENS = [
  "bg", "panel", "raise", "line", "ink", "ink2", "ink3", "accent", "accent-bg", "run", "crash", "crash-bg", "restart", "stop", "sup",
];

/** The colour token of each shape. @type {Record<string, string>} */
const COLOURS = {
  running: "run", restarting: "restart", stopped: "stop", crashed: "crash", stuck: "restart", suspended: "restart",
  "gave-up": "crash", supervisor: "sup", empty: "line",
};

const MOST_PIPS = 6;

/**
 * Return the shape of a row for its state and kind.
 * @param {Row|undefined} row
 * @param {string} [look]
 */
export function shapeOf(row, look = row?.state ?? "empty") {
  return !row || row.kind === "group" ? "empty" : markOf(row, look);
}

export class Brush {
  /** @type {Record<string, string>} */ colours = {};
  /** @type {Map<string, HTMLCanvasElement>} */ #shapes = new Map();
  /** @type {Map<string, string>} */ #cut = new Map();
  #made = "";
  #sans = "sans-serif";
  #mono = "monospace";

  /** @param {HTMLElement} probe  an element that takes colours of the theme */
  constructor(probe) {
    this.probe = probe;
    this.pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  }

  /** Read the theme's colours again. */
  mix() {
    const style = getComputedStyle(this.probe);
    for (const token of TOKENS) {
      this.probe.style.color = `var(--${token})`;
      this.colours[token] = style.color;
    }
    this.#sans = style.fontFamily;
    this.#mono = getComputedStyle(document.documentElement).getPropertyValue("--mono") || "monospace";
    this.#made = "";
    this.#cut.clear();
  }

  /** Return the width of a text on the map. @param {string} text */
  width = (text) => {
    this.pen.font = `600 11.5px ${this.#sans}`;
    return this.pen.measureText(text.length > 60 ? text.slice(0, 60) : text).width;
  };

  /**
   * Return a shape as a bitmap.
   * @param {string} shape
   * @param {number} size
   * @param {number} dense  device pixels per CSS pixel
   */
  stamp(shape, size, dense) {
    const kind = `${size} ${dense}`;
    if (this.#made !== kind) this.#shapes.clear();
    this.#made = kind;
    let found = this.#shapes.get(shape);
    if (!found) {
      found = document.createElement("canvas");
      found.width = found.height = Math.ceil(size * dense);
      const pen = found.getContext("2d");
      if (pen) {
        pen.scale(found.width / 12, found.height / 12);
        this.draw(pen, shape, size);
      }
      this.#shapes.set(shape, found);
    }
    return found;
  }

  /**
   * Draw a shape as in the sprite of the page, in a square of 12. Small ones are filled: a hollow square of three
   * pixels is a dot.
   * @param {CanvasRenderingContext2D} pen
   * @param {string} shape
   * @param {number} size
   */
  draw(pen, shape, size) {
    const colour = this.colours[COLOURS[shape] ?? "stop"] ?? "";
    const small = size < 7;
    pen.fillStyle = pen.strokeStyle = colour;
    pen.lineJoin = "round";
    pen.beginPath();
    switch (shape) {
      case "running":
        pen.globalAlpha = 0.72; // healthy processes are unobtrusive
        pen.arc(6, 6, small ? 5 : 4.4, 0, 7);
        pen.fill();
        break;
      case "supervisor":
        pen.lineWidth = small ? 3 : 1.8;
        pen.roundRect(1.5, 1.5, 9, 9, 2);
        pen.stroke();
        pen.beginPath();
        pen.arc(6, 6, 1.7, 0, 7);
        pen.fill();
        break;
      case "restarting":
        pen.lineWidth = small ? 4 : 2.2;
        pen.setLineDash([4.2, 2.083]);
        pen.arc(6, 6, 4, 0, Math.PI * 2);
        pen.stroke();
        break;
      case "crashed":
        pen.moveTo(6, 0.2);
        pen.lineTo(12, 11.4);
        pen.lineTo(0, 11.4);
        pen.fill();
        break;
      case "gave-up":
        pen.lineWidth = small ? 3 : 2;
        pen.moveTo(6, 1.6);
        pen.lineTo(11, 10.6);
        pen.lineTo(1, 10.6);
        pen.closePath();
        pen.stroke();
        break;
      case "stuck":
        pen.moveTo(6, 0);
        pen.lineTo(12, 6);
        pen.lineTo(6, 12);
        pen.lineTo(0, 6);
        pen.fill();
        break;
      case "suspended":
        pen.fillRect(1.6, 1, 3, 10);
        pen.fillRect(7.4, 1, 3, 10);
        break;
      case "stopped":
        pen.lineWidth = small ? 2.5 : 1.7;
        pen.strokeRect(2.2, 2.2, 7.6, 7.6);
        break;
      default:
        pen.arc(6, 6, 1.2, 0, 7);
        pen.fill();
    }
  }

  /**
   * Cut a text to the available width, with an ellipsis.
   * @param {CanvasRenderingContext2D} pen  with its font set
   * @param {string} text
   * @param {number} room
   */
  cut(pen, text, room) {
    const name = `${pen.font} ${Math.round(room)} ${text}`;
    let found = this.#cut.get(name);
    if (found !== undefined) return found;
    const clean = text.slice(0, 200).replace(/[\s\u202a-\u202e\u2066-\u2069]+/g, " ");
    found = clean;
    if (pen.measureText(clean).width > room) {
      let low = 0, high = clean.length;
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (pen.measureText(`${clean.slice(0, middle)}…`).width <= room) low = middle;
        else high = middle - 1;
      }
      found = low ? `${clean.slice(0, low)}…` : "";
    }
    if (this.#cut.size > 4000) this.#cut.clear();
    this.#cut.set(name, found);
    return found;
  }

  /** Return the fill of a box. @param {number} depth */
  ground(depth) {
    return this.colours[depth % 2 ? "bg" : "panel"] ?? "";
  }

  /**
   * Draw a box: frame and title.
   * @param {CanvasRenderingContext2D} pen
   * @param {Box} box
   * @param {boolean} quiet  nothing in it matches the filter
   */
  box(pen, box, quiet) {
    pen.globalAlpha = 1;
    pen.fillStyle = this.ground(box.depth);
    pen.strokeStyle = this.colours.line ?? "";
    pen.lineWidth = 1;
    pen.beginPath();
    pen.roundRect(Math.round(box.x) + 0.5, Math.round(box.y) + 0.5, Math.round(box.w) - 1, Math.round(box.h) - 1, box.head ? 5 : 2);
    pen.fill();
    pen.stroke();
    if (quiet) pen.globalAlpha = 0.35;
  }

  /**
   * Draw the title of a box: shape, name, strategy, and the remaining restarts if some are used.
   * @param {CanvasRenderingContext2D} pen
   * @param {Box} box
   * @param {Row} row
   * @param {{look: string, glyph: number, dense: number, now: number, inside: {all: number, bad: number}|null, dim: boolean}} how
   * @returns {number|null}  when it has to be drawn again without an event
   */
  head(pen, box, row, { look, glyph, dense, now, inside, dim }) {
    const { colours } = this;
    const middle = box.y + box.head / 2;
    pen.globalAlpha = 1;
    pen.fillStyle = this.ground(box.depth);
    pen.fillRect(box.x + 2, box.y + 2, box.w - 4, box.head - 3);
    pen.globalAlpha = dim ? 0.35 : 1;
    const size = Math.max(7, Math.min(11, glyph));
    pen.drawImage(this.stamp(shapeOf(row, look), glyph, dense), box.x + 7, middle - size / 2, size, size);
    pen.textBaseline = "middle";
    let end = box.x + box.w - 8, next = null;
    if (row.budget && !unlimited(row.budget)) {
      const { left, next: then } = budgetAt(row.budget, now);
      next = then;
      if (left < row.budget.max) end = this.#pips(pen, end, middle, left, row.budget.max);
    }
    const count = inside ? counted(inside.all, "process", "processes") + (inside.bad ? `, ${inside.bad} not running` : "")
      : box.more ? `+ ${number(box.more)}`
      : "";
    const start = box.x + 12 + size;
    pen.font = `600 11.5px ${this.#sans}`;
    pen.fillStyle = (look === "running" ? colours.ink
      : look === "stopped" ? colours.ink2
      : look === "crashed" || look === "gave_up" ? colours.crash
      : colours.restart)
      ?? "";
    const name = this.cut(pen, label(row), end - start);
    pen.fillText(name, start, middle + 0.5);
    let at = start + pen.measureText(name).width + 7;
    pen.font = `400 11.5px ${this.#sans}`;
    pen.fillStyle = colours.ink2 ?? "";
    for (const text of [row.strategy ?? "", count]) {
      if (!text || at + pen.measureText(text).width > end) continue;
      pen.fillText(text, at, middle + 0.5);
      at += pen.measureText(text).width + 9;
    }
    pen.globalAlpha = 1;
    return next;
  }

  /**
   * @param {CanvasRenderingContext2D} pen @param {number} end @param {number} middle @param {number} left @param {number} max
   * @returns {number}  their start
   */
  #pips(pen, end, middle, left, max) {
    pen.fillStyle = pen.strokeStyle = this.colours[left ? "ink" : "crash"] ?? "";
    pen.lineWidth = 1;
    if (max > MOST_PIPS) {
      pen.font = `500 10.5px ${this.#mono}`;
      const text = `${number(left)} of ${number(max)} left`;
      const begin = end - pen.measureText(text).width;
      pen.fillText(text, begin, middle + 0.5);
      return begin - 8;
    }
    let x = Math.round(end - max * 10 + 4);
    const begin = x - 8;
    for (let one = 0; one < max; one += 1, x += 10) {
      pen.beginPath();
      pen.arc(x + 3, Math.round(middle) + 0.5, one < left ? 3.6 : 3.2, 0, 2 * Math.PI);
      if (one < left) pen.fill();
      else pen.stroke();
    }
    return begin;
  }

  /**
   * Draw a cell.
   * @param {CanvasRenderingContext2D} pen
   * @param {Layout} layout
   * @param {Place} place
   * @param {Row|undefined} row
   * @param {string} look
   * @param {number} dense
   * @param {boolean} dim
   * @param {boolean} clear  whether the place has been drawn on
   */
  cell(pen, { level }, place, row, look, dense, dim, clear) {
    const { x, y, w, box } = place;
    const { h, glyph } = level;
    if (clear) {
      pen.globalAlpha = 1;
      pen.fillStyle = this.ground(box.depth);
      pen.fillRect(x, y, w, h);
    }
    pen.globalAlpha = dim ? 0.22 : 1;
    const image = this.stamp(shapeOf(row, look), glyph, dense);
    if (!level.names) {
      pen.drawImage(image, x + (w - glyph) / 2, y + (h - glyph) / 2, glyph, glyph);
      return;
    }
    pen.drawImage(image, x + 2, y + (h - glyph) / 2, glyph, glyph);
    if (!row) return;
    const loud = look !== "running" && look !== "stopped";
    pen.font = `${loud ? 600 : 400} 11.5px ${this.#sans}`;
    pen.fillStyle = (look === "crashed" || look === "gave_up" ? this.colours.crash
      : loud ? this.colours.restart
      : this.colours[look === "stopped" ? "ink2" : "ink"])
      ?? "";
    pen.textBaseline = "middle";
    pen.fillText(this.cut(pen, label(row), w - glyph - BESIDE), x + glyph + 8, y + h / 2 + 0.5);
  }
}
