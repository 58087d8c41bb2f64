/**
 * `<sl-stage>`: the lanes of a replay on a canvas, with their names beside it. It paints the result of `picture`.
 * Events: `sl-lane` (detail: pid), `sl-seek` (detail: place).
 *
 * @module
 */

import { attribute, breakable, closest, icon, make, renew, reshape } from "../base/dom.js";
import { still } from "../base/motion.js";
import { colour, onTheme } from "../base/paint.js";
import { cast, picture, within, withRoom } from "./reel-lanes.js";
import { placeAt } from "./reel.js";
import { brief, MOST_LANES, short } from "../traces/sequence-layout.js";

/** @import { Reel } from "./reel.js" */
/** @import { Picture } from "./reel-lanes.js" */

const TOP = 30;

export class SlStage extends HTMLElement {
  #canvas = make("canvas", {
    role: "img", "aria-label": "Processes as lanes, messages as arrows between them. The list of events tells the same.",
  });
  #names = make("div", { class: "names" });
  /** @type {Reel|null} */ #reel = null;
  /** @type {Float64Array} */ #times = new Float64Array(1);
  /** @type {import("./reel-lanes.js").Cast|null} */ #cast = null;
  /** @type {Picture|null} */ #picture = null;
  #opened = new Set();
  #only = "";
  #at = 0;
  #view = 2400;
  #height = 40;
  #left = 150;
  #pointed = 0;

  connectedCallback() {
    if (this.#canvas.isConnected) return;
    this.append(this.#canvas, this.#names);
    new ResizeObserver(() => this.#arrange()).observe(this);
    onTheme(() => this.paint(this.#at));
    this.#canvas.onpointermove = (event) => this.#point(this.#near(event));
    this.#canvas.onpointerleave = () => this.#point(0);
    this.#canvas.onclick = (event) => {
      const place = this.#near(event);
      if (place) this.dispatchEvent(new CustomEvent("sl-seek", { detail: place, bubbles: true }));
    };
    this.#names.onclick = (event) => {
      const { group, pid } = closest(event.target, "button")?.dataset ?? {};
      if (group !== undefined) {
        if (!this.#opened.delete(group)) this.#opened.add(group);
        this.recast();
      } else if (pid) this.dispatchEvent(new CustomEvent("sl-lane", { detail: pid, bubbles: true }));
    };
  }

  /** @param {Reel} reel @param {Float64Array} times */
  show(reel, times) {
    this.#reel = reel;
    this.#times = times;
  }

  /** Compute the lanes again for more events or other lanes. @param {string} [only] */
  recast(only = this.#only) {
    this.#only = only;
    if (!this.#reel) return;
    this.#cast = cast(this.#reel, { opened: this.#opened, most: MOST_LANES, only });
    this.#arrange();
  }

  /** @param {number} factor  more than 1: a longer range */
  zoom(factor) {
    this.#view = Math.min(120_000, Math.max(120, this.#view * factor));
    this.paint(this.#at);
  }

  #arrange() {
    const lanes = this.#cast?.lanes ?? [];
    this.#left = this.clientWidth < 600 ? 112 : 168;
    this.#height = Math.max(34, Math.min(84, (this.clientHeight - TOP - 12) / Math.max(1, lanes.length)));
    const height = Math.max(this.clientHeight, TOP + lanes.length * this.#height + 8);
    const scale = devicePixelRatio;
    this.#canvas.style.height = `${height}px`;
    this.#canvas.width = this.clientWidth * scale;
    this.#canvas.height = height * scale;
    this.#names.style.width = `${this.#left}px`;
    renew(this.#names, lanes.map((lane, number) => {
      const button = make("button", {
        type: "button", "data-group": lane.group,
        "data-pid": lane.group === null ? lane.pids.at(-1) ?? "" : null,
        "aria-expanded": lane.group === null ? null : String(!lane.folded),
        title: lane.pids.slice(0, 20).join(", "), disabled: !lane.pids.length,
      },
        icon("running", "glyph"), make("span", {}, ...breakable(lane.label)));
      button.style.top = `${this.#y(number) - 15}px`;
      return button;
    }));
    this.paint(this.#at);
  }

  /** @param {number} lane */
  #y(lane) {
    return TOP + (lane + 0.5) * this.#height;
  }

  /** Paint a moment; equal moments give equal pictures. @param {number} at */
  paint(at) {
    this.#at = at;
    if (!this.#reel || !this.#cast) return;
    const g = this.#canvas.getContext("2d");
    if (!g) return;
    const width = this.clientWidth;
    const seen = (this.#picture = picture(this.#reel, this.#cast,
      { times: this.#times, at, view: this.#view, left: this.#left, width, still: still() }));
    g.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    g.clearRect(0, 0, width, this.#canvas.height);
    g.save();
    g.beginPath();
    g.rect(this.#left - 2, 0, width, this.#canvas.height);
    g.clip();
    const mono = getComputedStyle(this).getPropertyValue("--mono");
    g.font = `11px ${mono}`;
    this.#paintTicks(g, seen);
    for (const life of seen.lives) {
      g.strokeStyle = colour(life.alive ? "run" : "crash");
      g.globalAlpha = life.alive ? 0.5 : 1;
      g.lineWidth = life.alive ? 3 : 2;
      g.setLineDash(life.alive ? [] : [2, 5]);
      line(g, life.x1, this.#y(life.lane), life.x2, this.#y(life.lane));
    }
    g.setLineDash([]);
    g.globalAlpha = 1;
    const labels = within([...this.#paintMarks(g, seen), ...this.#paintArrows(g, seen)], this.#left + 4, width - 6);
    g.font = `11px ${mono}`;
    for (const label of withRoom(labels, 12)) {
      g.globalAlpha = Math.max(0.75, label.alpha);
      g.fillStyle = colour(label.ink);
      g.strokeStyle = colour("bg");
      g.lineWidth = 4;
      g.lineJoin = "round";
      g.strokeText(label.text, label.x, label.y);
      g.fillText(label.text, label.x, label.y);
    }
    g.globalAlpha = 1;
    g.strokeStyle = colour("ink");
    g.lineWidth = 1.5;
    line(g, seen.playhead, TOP - 10, seen.playhead, this.#canvas.height);
    g.restore();
    this.#names.childNodes.forEach((node, number) => this.#paintName(/** @type {HTMLElement} */ (node), seen, number));
  }

  /** @param {HTMLElement} node @param {Picture} seen @param {number} number */
  #paintName(node, seen, number) {
    const life = seen.lives.findLast((one) => one.lane === number);
    const mark = seen.marks.findLast((one) => one.lane === number);
    const folded = this.#cast?.lanes[number]?.folded;
    const state = folded ? "supervisor" : !life ? "none" : life.alive ? "running" : mark?.kind === "crash" ? "crashed" : "stopped";
    attribute(node, "data-state", state);
    const glyph = node.querySelector("svg");
    if (glyph) reshape(glyph, state === "none" ? "stopped" : state);
  }

  /** @param {CanvasRenderingContext2D} g @param {Picture} seen */
  #paintTicks(g, seen) {
    g.strokeStyle = colour("line");
    g.lineWidth = 1;
    g.fillStyle = colour("ink3");
    g.textAlign = "center";
    let before = -Infinity;
    for (const { x, ms } of seen.ticks) {
      line(g, x, TOP - 8, x, this.#canvas.height);
      const text = `${(ms / 1000).toFixed(3)} s`;
      if (x - before < 64 || x < this.#left + 30) continue;
      before = x;
      g.fillText(text, x, 14);
    }
    g.textAlign = "start";
  }

  /** @param {CanvasRenderingContext2D} g @param {Picture} seen */
  #paintMarks(g, seen) {
    return seen.marks.flatMap((mark) => {
      const y = this.#y(mark.lane);
      if (mark.kind === "start") {
        g.fillStyle = colour("bg");
        g.strokeStyle = colour("run");
        g.lineWidth = 2;
        g.beginPath();
        g.arc(mark.x, y, 4.5, 0, 7);
        g.fill();
        g.stroke();
        return [];
      }
      const crash = mark.kind === "crash";
      g.fillStyle = g.strokeStyle = colour(crash ? "crash" : "stop");
      g.lineWidth = 1.7;
      g.beginPath();
      g.moveTo(mark.x, y - 9);
      g.lineTo(mark.x + 9, y + 7);
      g.lineTo(mark.x - 9, y + 7);
      g.closePath();
      if (crash) g.fill();
      else g.stroke();
      const text = clip(mark.text, 40);
      return [{ x: mark.x + 13, y: y - 7, width: text.length * 6.6, text, ink: crash ? "crash" : "ink2", alpha: 1 }];
    });
  }

  /** @param {CanvasRenderingContext2D} g @param {Picture} seen */
  #paintArrows(g, seen) {
    const labels = [];
    for (const arrow of seen.arrows.toReversed()) {
      const pointed = arrow.place === this.#pointed;
      const [y1, y2] = [this.#y(arrow.y1), this.#y(arrow.y2)];
      const way = Math.sign(y2 - y1);
      const fade = pointed ? 1 : Math.max(0.3, 1 - Math.max(0, arrow.age) / (this.#view * 0.6));
      const ink = arrow.way === "dropped" ? "crash" : arrow.way === "call" || arrow.way === "reply" ? "accent" : "ink2";
      g.globalAlpha = fade;
      g.strokeStyle = g.fillStyle = colour(ink);
      g.lineWidth = pointed ? 2.4 : 1.5;
      g.setLineDash(arrow.way === "reply" ? [5, 4] : arrow.way === "system" ? [2, 3] : []);
      if (way === 0) {
        g.beginPath();
        g.arc(arrow.x1, y1 - 8, 6, 0, 7);
        g.stroke();
      } else {
        line(g, arrow.x1, y1 + 4 * way, arrow.x2, y2 - (arrow.flying ? 0 : 7) * way);
        g.setLineDash([]);
        if (arrow.flying) {
          g.beginPath();
          g.arc(arrow.x2, y2 - (arrow.x1 === arrow.x2 ? 7 * way : 0), 4, 0, 7);
          g.fill();
        } else head(g, arrow.x1, y1, arrow.x2, y2, way);
      }
      g.setLineDash([]);
      const text = clip(arrow.took === null ? brief(arrow.text) : `${clip(arrow.text, 26)} · ${short(arrow.took / 1000)}`, 40);
      const label = {
        x: (arrow.x1 + arrow.x2) / 2 + 8, y: (y1 + y2) / 2 + (way > 0 ? 10 : -3), width: text.length * 6.6, text,
        ink: ink === "accent" ? "ink" : ink, alpha: fade,
      };
      if (pointed) labels.unshift(label);
      else labels.push(label);
    }
    g.globalAlpha = 1;
    return labels;
  }

  /** Return the index of the message near the pointer, 0 for none. @param {MouseEvent} event */
  #near(event) {
    const box = this.#canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let found = 0;
    let near = 9;
    for (const arrow of this.#picture?.arrows ?? []) {
      const away = distance(px, py, arrow.x1, this.#y(arrow.y1), arrow.x2, this.#y(arrow.y2));
      if (away < near) [near, found] = [away, arrow.place];
    }
    for (const mark of this.#picture?.marks ?? []) if (Math.hypot(px - mark.x, py - this.#y(mark.lane)) < 10) found = mark.place;
    return found;
  }

  /** @param {number} place */
  #point(place) {
    if (place === this.#pointed) return;
    this.#pointed = place;
    this.#canvas.style.cursor = place ? "pointer" : "";
    this.paint(this.#at);
  }

  /** The number of events up to the painted moment. */
  get place() {
    return this.#reel ? placeAt(this.#times, this.#reel.events.length, this.#at) : 0;
  }
}

/** @param {string} text @param {number} most */
const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** @param {CanvasRenderingContext2D} g @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
function line(g, x1, y1, x2, y2) {
  g.beginPath();
  g.moveTo(x1, y1);
  g.lineTo(x2, y2);
  g.stroke();
}

/** @param {CanvasRenderingContext2D} g @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {number} way */
function head(g, x1, y1, x2, y2, way) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const [tip, x] = [y2 - 3 * way, x2];
  g.beginPath();
  g.moveTo(x, tip);
  g.lineTo(x - 9 * Math.cos(angle - 0.42), tip - 9 * Math.sin(angle - 0.42));
  g.lineTo(x - 9 * Math.cos(angle + 0.42), tip - 9 * Math.sin(angle + 0.42));
  g.closePath();
  g.fill();
}

/**
 * Return the distance from a point to a line segment.
 * @param {number} px
 * @param {number} py
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
function distance(px, py, x1, y1, x2, y2) {
  const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  const along = length ? Math.max(0, Math.min(1, ((px - x1) * (x2 - x1) + (py - y1) * (y2 - y1)) / length)) : 0;
  return Math.hypot(px - x1 - along * (x2 - x1), py - y1 - along * (y2 - y1));
}

customElements.define("sl-stage", SlStage);
