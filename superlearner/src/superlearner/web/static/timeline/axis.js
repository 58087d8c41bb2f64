/**
 * `<sl-axis>`: the time axis, a slider. The right edge is now; going back, the moment stays in view with what came
 * after it. Events: `sl-moment` (detail: seconds, null for live), `sl-step` (detail: -1 or 1).
 *
 * @module
 */

import { attribute, make } from "../base/dom.js";
import { colour, onTheme } from "../base/paint.js";
import { time } from "../base/words.js";
import { FIRST_SPAN, firstSpan, LONGEST_SPAN, marksOf, newestBefore } from "./past.js";

/** @import { LogEvent, Mark } from "./past.js" */

/**
 * `first`: the time of the oldest event or kept restart; `whole`: the server has no older one; `known`: the time of the
 * oldest event; `marks`: those of the filter; `said`: the moment in words.
 * @typedef {{events: readonly LogEvent[], at: number|null, now: number, first: number, known: number, whole: boolean,
 *   marks: ReadonlySet<Mark>, said: string}} Shown
 */

/** @type {[Mark, string, string][]} */
const LANES = [["crash", "Failures", "crash"], ["restart", "Restarts", "restart"], ["start", "Starts", "run"], ["stop", "Stops", "stop"]];
/** Changes of a strategy are in the lane of the restarts. @param {Mark} mark @returns {Mark} */
const laneOf = (mark) => (mark === "change" ? "restart" : mark);
const LANE = 24;
const TICKS = 22;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
/** Share of the width after the moment. */
const AFTER = 0.25;
const NEAR = 9;
/** Width of what is shown before the first event, in pixels. */
const MARGIN = 14;
const SHORTEST = 5;

export class SlAxis extends HTMLElement {
  #canvas = make("canvas", { "aria-hidden": "true" });
  /** @type {Shown} */ #shown = { events: [], at: null, now: 0, first: 0, known: 0, whole: false, marks: new Set(), said: "" };
  #span = 0;
  #zoomed = false;
  #left = 110;
  /** @type {{x: number, at: number, moved: boolean}|null} */ #drag = null;

  connectedCallback() {
    if (this.#canvas.isConnected) return;
    attribute(this, "role", "slider");
    attribute(this, "tabindex", 0);
    attribute(this, "aria-label", "Moment");
    this.append(this.#canvas);
    new ResizeObserver(() => this.#paint()).observe(this);
    onTheme(() => this.#paint());
    this.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.addEventListener("keydown", (event) => this.#pressed(event));
    this.#canvas.addEventListener("pointerdown", (event) => this.#grab(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.#canvas.addEventListener("pointerup", (event) => this.#drop(event));
    this.#canvas.addEventListener("pointercancel", () => (this.#drag = null));
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    const { events, at, now, first, said } = shown;
    if (first && (!this.#span || (!this.#zoomed && at === null)))
      this.#span = Math.min(firstSpan(events, now), this.#longest());
    attribute(this, "aria-valuemin", Math.floor(first));
    attribute(this, "aria-valuemax", Math.ceil(now));
    attribute(this, "aria-valuenow", Math.round(at ?? now));
    attribute(this, "aria-valuetext", said);
    this.#paint();
  }

  /** @param {number} factor  more than 1: a longer range */
  zoom(factor) {
    this.#span = Math.min(this.#longest(), Math.max(SHORTEST, this.#span * factor));
    this.#zoomed = !this.widest || this.#span > FIRST_SPAN;
    this.#paint();
    this.dispatchEvent(new CustomEvent("sl-zoom"));
  }

  /** Whether a longer range would show more. */
  get widest() {
    return this.#span >= this.#longest() * 0.99;
  }

  /** What is recorded, with a margin. */
  #longest() {
    const { now, first, whole } = this.#shown;
    if (!whole) return LONGEST_SPAN; // older events are loaded
    const room = Math.max(1, this.clientWidth - this.#left - 12);
    return Math.min(LONGEST_SPAN, Math.max(SHORTEST * 2, ((now - first) * room) / Math.max(1, room - MARGIN)));
  }

  #lanes() {
    const { marks } = this.#shown;
    return LANES.filter(([mark]) => marks.has(mark));
  }

  /** The start of the visible range, in seconds. */
  get begin() {
    return this.#edge() - this.#span;
  }

  #edge() {
    const { at, now, first, whole } = this.#shown;
    if (at === null) return now;
    const least = whole ? first - MARGIN * this.#scale() + this.#span : 0; // nothing is recorded before
    return Math.min(now, Math.max(least, at + this.#span * AFTER));
  }

  /** Seconds a pixel. */
  #scale() {
    return this.#span / Math.max(1, this.clientWidth - this.#left - 12);
  }

  /** @param {number} at */
  #x(at) {
    return this.#left + (at - this.begin) / this.#scale();
  }

  /** @param {number} at */
  #emitMoment(at) {
    const { now, first } = this.#shown;
    this.dispatchEvent(new CustomEvent("sl-moment", { detail: at >= now ? null : Math.max(first, at) }));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (event.ctrlKey) {
      event.preventDefault();
      return this.zoom(event.deltaY > 0 ? 1.25 : 0.8);
    }
    const { at, now } = this.#shown;
    const by = (event.deltaX + event.deltaY) * (event.deltaMode === 1 ? 16 : 1);
    if (at === null && by > 0) return; // there is nothing later: the page scrolls
    event.preventDefault();
    this.#emitMoment((at ?? now) + by * this.#scale());
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { at, now, first } = this.#shown;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const to = { Home: first, End: now, PageUp: (at ?? now) - this.#span / 4, PageDown: (at ?? now) + this.#span / 4 }[event.key];
    if (step) this.dispatchEvent(new CustomEvent("sl-step", { detail: step }));
    else if (to !== undefined) this.#emitMoment(to);
    else if (event.key === "+" || event.key === "-") this.zoom(event.key === "-" ? 1.5 : 1 / 1.5);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#drag = { x: event.clientX, at: this.#shown.at ?? this.#shown.now, moved: false };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const drag = this.#drag;
    if (!drag) return;
    const by = event.clientX - drag.x;
    drag.moved ||= Math.abs(by) > 3;
    if (drag.moved) this.#emitMoment(drag.at - by * this.#scale());
  }

  /** @param {PointerEvent} event */
  #drop(event) {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag || drag.moved) return;
    const box = this.#canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    if (x < this.#left) return;
    const lane = this.#lanes()[Math.floor((event.clientY - box.top) / LANE)]?.[0];
    const there = this.begin + (x - this.#left) * this.#scale();
    const near = NEAR * this.#scale();
    /** @type {LogEvent|null} */ let found = null;
    for (const one of this.#shown.events) {
      if (Math.abs(one.at - there) <= near && marksOf(one).some((mark) => laneOf(mark) === lane)
        && (!found || Math.abs(one.at - there) < Math.abs(found.at - there)))
        found = one;
    }
    this.#emitMoment(found?.at ?? there);
  }

  #paint() {
    const lanes = this.#lanes();
    const bottom = Math.max(1, lanes.length) * LANE;
    const height = bottom + TICKS;
    this.#canvas.style.height = `${height}px`; // also before there is anything to draw
    const g = this.#canvas.getContext("2d");
    const width = this.clientWidth;
    if (!g || !width || !this.#span) return;
    const { events, at, now, first, known, whole } = this.#shown;
    if (whole) this.#span = Math.min(this.#span, this.#longest());
    this.#left = width < 600 ? 92 : 118;
    this.#canvas.width = width * devicePixelRatio;
    this.#canvas.height = height * devicePixelRatio;
    g.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    const style = getComputedStyle(this);
    lanes.forEach(([mark, words, ink], lane) => {
      g.fillStyle = colour(ink);
      shape(g, mark, 14, (lane + 0.5) * LANE, 4);
      g.fillStyle = colour("ink2");
      g.font = `12px ${style.getPropertyValue("--sans")}`;
      g.textBaseline = "middle";
      g.fillText(words, 25, (lane + 0.5) * LANE + 0.5);
      g.fillStyle = colour("line");
      g.fillRect(this.#left, (lane + 1) * LANE - 1, width, 1);
    });
    g.save();
    g.beginPath();
    g.rect(this.#left, 0, width, height);
    g.clip();
    const begun = this.#x(known), restartsOnly = first < known;
    if (known && begun > this.#left) {
      g.fillStyle = colour("stop-bg");
      g.fillRect(this.#left, 0, begun - this.#left, bottom - 1);
    }
    g.font = `11px ${style.getPropertyValue("--mono")}`;
    let [taken, free] = [0, this.#left + 28];
    if (known && (whole || restartsOnly) && begun >= this.#left - 1 && begun <= width) {
      g.fillStyle = colour("ink2");
      g.fillRect(begun - 1, 0, 1, bottom + 4);
      const words = `${restartsOnly ? "Only restarts kept" : "Nothing recorded"} before ${time(known).slice(-8)}`;
      const start = Math.max(this.#left + 4, Math.min(begun, width - g.measureText(words).width - 8));
      g.textAlign = "left";
      g.fillText(words, start, bottom + 14);
      [taken, free] = [start - 36, start + g.measureText(words).width + 36];
    }
    g.textAlign = "center";
    const step = STEPS.find((one) => one / this.#scale() > 84) ?? 7200;
    for (let tick = Math.ceil(this.begin / step) * step; tick <= this.#edge(); tick += step) {
      g.fillStyle = colour("line");
      g.fillRect(Math.round(this.#x(tick)), 0, 1, bottom + 4);
      g.fillStyle = colour("ink2");
      const x = this.#x(tick);
      if ((x > free || (x > this.#left + 28 && x < taken)) && x < width - 28) g.fillText(time(tick).slice(-8), this.#x(tick), bottom + 14);
    }
    if (at !== null) {
      g.fillStyle = colour("accent-bg");
      g.fillRect(this.#x(at), 0, this.#x(now) - this.#x(at), bottom - 1);
    }
    const before = newestBefore(events, this.begin, this.#edge());
    if (before !== null) {
      g.fillStyle = colour("ink2");
      g.textAlign = "left";
      g.fillText(`← last event at ${time(before)}`, this.#left + 8, bottom / 2);
    }
    /** @type {Map<string, number>} */ const drawn = new Map();
    for (const event of events) {
      if (event.at < this.begin - 5) continue;
      const x = this.#x(event.at);
      if (x > width + 5) break;
      const chosen = event.at === at;
      for (const mark of marksOf(event)) {
        const lane = lanes.findIndex(([one]) => one === laneOf(mark));
        if (lane < 0 || (!chosen && x - (drawn.get(mark) ?? -9) < 2)) continue; // one mark a place, in a storm
        drawn.set(mark, x);
        g.fillStyle = colour(mark === "change" ? "sup" : lanes[lane]?.[2] ?? "ink2");
        shape(g, mark, x, (lane + 0.5) * LANE, chosen ? 6.5 : 4.5);
      }
    }
    g.fillStyle = colour(at === null ? "run" : "accent");
    const x = this.#x(at ?? now);
    g.fillRect(x - 1, 0, 2, bottom);
    g.beginPath();
    g.arc(x, bottom, 4, 0, 7);
    g.fill();
    g.restore();
  }
}

/** @param {CanvasRenderingContext2D} g @param {Mark} mark @param {number} x @param {number} y @param {number} r */
function shape(g, mark, x, y, r) {
  g.beginPath();
  g.strokeStyle = g.fillStyle;
  g.lineWidth = 1.7;
  if (mark === "crash") {
    g.moveTo(x, y - r);
    g.lineTo(x + r, y + r * 0.85);
    g.lineTo(x - r, y + r * 0.85);
    g.fill();
  } else if (mark === "change") {
    g.moveTo(x, y - r);
    g.lineTo(x + r, y);
    g.lineTo(x, y + r);
    g.lineTo(x - r, y);
    g.fill();
  } else if (mark === "start") {
    g.arc(x, y, r * 0.9, 0, 7);
    g.fill();
  } else if (mark === "restart") {
    g.setLineDash([r * 0.95, r * 0.55]);
    g.arc(x, y, r * 0.85, 0, 7);
    g.stroke();
    g.setLineDash([]);
  } else {
    g.rect(x - r * 0.75, y - r * 0.75, r * 1.5, r * 1.5);
    g.stroke();
  }
}

customElements.define("sl-axis", SlAxis);
