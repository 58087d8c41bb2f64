/**
 * `<sl-chart>`: one chart of a group (`ChartGroup`), with lines over time and a common cursor.
 *
 *     const chart = make("sl-chart");
 *     chart.group = group;
 *     chart.show({ title: "Loop lag", unit: "ms", times, series: [{ name: "Loop lag", values }] });
 *
 * Pointer and arrow keys move the cursor, a click or Enter pins the moment, Escape releases it. A drag selects a
 * range, as does Shift+Enter from the pinned moment to the cursor. It draws at most once per frame, and only after a
 * change.
 *
 * @module
 */

import { ChartGroup } from "./chart-group.js";
import { BOTTOM, LEFT, paint, RIGHT, TOP } from "./chart-paint.js";
import { nearest, placeOf, summary, withUnit } from "./chart-scale.js";
import { ChartTable } from "./chart-table.js";
import { attribute, make, write } from "../base/dom.js";
import { onTheme } from "../base/paint.js";
import { time } from "../base/words.js";

/** @import { Times, Unit, Values } from "./chart-scale.js" */
/** @typedef {{name: string, values: Values, colour?: string, area?: boolean, dash?: number[]}} Series  colour: a token */
/** @typedef {{at: number, text: string, colour: string}} Mark */
/**
 * @typedef {object} Picture
 * @property {string} title
 * @property {Unit} unit
 * @property {Times} times
 * @property {Series[]} series
 * @property {string} [hint]  explanation of the figure
 * @property {Mark[]} [marks]  in time order
 * @property {boolean} [percentiles]  draw p50 and p99 of the range
 * @property {number} [atLeast]  minimum upper end of the axis
 * @property {number} [limit]  threshold
 */

/** Maximum movement of the pointer in a click. */
const CLICK = 5;

export class SlChart extends HTMLElement {
  /** @type {ChartGroup} */ #group = new ChartGroup();
  /** @type {Picture|null} */ #picture = null;
  #title = make("h2");
  #now = make("output", { class: "chart-now", "aria-live": "off" });
  #meta = make("span", { class: "chart-meta" });
  #toggle = make("button", { type: "button", class: "link chart-toggle", "aria-pressed": "false" }, "Show as table");
  #canvas = make("canvas", { "aria-hidden": "true" });
  #line = make("i", { class: "chart-line", hidden: true });
  #tag = make("span", { class: "chart-tag", "aria-hidden": "true" });
  #band = make("i", { class: "chart-band", hidden: true });
  #void = make("p", { class: "chart-void" });
  #plot = make("div", { class: "chart-plot", tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 100 },
    this.#canvas, this.#band, this.#line, this.#void);
  #table = new ChartTable();
  #dirty = false;
  #top = 1;
  /** @type {number|null} */ #from = null;
  /** @type {(() => void)|null} */ #unpainted = null;
  #sizes = new ResizeObserver(() => this.#change());

  connectedCallback() {
    if (!this.#plot.isConnected) {
      this.#line.append(this.#tag);
      this.append(make("div", { class: "chart-head" }, this.#title, this.#now, this.#meta, this.#toggle), this.#plot, this.#table.element);
      this.#toggle.onclick = () => this.#tabulate(!this.#plot.hidden);
      this.#plot.onpointermove = (event) => this.#moved(event);
      this.#plot.onpointerleave = () => this.#from === null && this.#group.point(null);
      this.#plot.onpointerdown = (event) => this.#pressed(event);
      this.#plot.onpointerup = (event) => this.#released(event);
      this.#plot.onpointercancel = () => this.#dropped();
      this.#plot.onkeydown = (event) => this.#key(event);
      this.#plot.onblur = () => this.#group.point(null);
    }
    this.#sizes.observe(this.#plot);
    this.#unpainted = onTheme(() => this.#change());
    this.#group.add(this);
  }

  disconnectedCallback() {
    this.#sizes.disconnect();
    this.#unpainted?.();
    this.#group.remove(this);
  }

  /** @param {ChartGroup} group */
  set group(group) {
    this.#group.remove(this);
    this.#group = group;
    if (this.isConnected) group.add(this);
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#picture = picture;
    write(this.#title, picture.title);
    attribute(this.#title, "title", picture.hint);
    attribute(this.#plot, "aria-label", `${picture.title}, moment`);
    attribute(this.#toggle, "aria-label", `Show ${picture.title} as table`);
    this.#change();
  }

  /** React to a new range of the group. */
  spanChanged() {
    this.#change();
  }

  /** React to a move of the group's cursor. */
  cursorMoved() {
    this.#point();
  }

  /** Show the table instead of the lines. @param {boolean} open */
  #tabulate(open) {
    this.#table.element.hidden = !open;
    this.#plot.hidden = open;
    attribute(this.#toggle, "aria-pressed", String(open));
    write(this.#toggle, open ? "Show as lines" : "Show as table");
    attribute(this.#toggle, "aria-label", `Show ${this.#picture?.title ?? ""} as ${open ? "lines" : "table"}`);
    this.#change();
  }

  #change() {
    if (this.#dirty) return;
    this.#dirty = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#dirty = false;
    const picture = this.#picture;
    if (!picture || !this.isConnected) return;
    const { from, to } = this.#group.span;
    const seen = picture.series.map((one) => summary(picture.times, one.values, from, to)).filter((one) => one !== null);
    const first = seen[0] ?? null;
    write(this.#meta, picture.percentiles && first && first.count > 1
      ? `p50 ${withUnit(first.p50, picture.unit)} · p99 ${withUnit(first.p99, picture.unit)}` : "");
    write(this.#void, first ? "" : picture.times.at.length ? "Nothing was sampled in this time." : "");
    this.#table.show(picture, this.#group.span);
    const width = this.#plot.clientWidth;
    const height = this.#plot.clientHeight;
    if (width && height) {
      const ratio = window.devicePixelRatio || 1;
      const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (this.#canvas.width !== w) this.#canvas.width = w;
      if (this.#canvas.height !== h) this.#canvas.height = h;
      const context = this.#canvas.getContext("2d");
      const most = Math.max(0, ...seen.map((one) => one.most));
      if (context) this.#top = paint({ context, width, height, ratio }, picture, this.#group.span, first && { ...first, most });
    }
    this.#point();
  }

  /** Update the positions of cursor and figures. */
  #point() {
    const picture = this.#picture;
    if (!picture) return;
    const { at } = picture.times;
    const { from, to } = this.#group.span;
    const cursor = this.#group.cursor;
    const last = Math.min(at.length, placeOf(at, to + 1e-6)) - 1;
    const place = cursor === null ? last : nearest(at, cursor);
    const moment = at[place];
    const inside = cursor !== null && moment !== undefined && moment >= from && moment <= to;
    const values = picture.series.map((one) => (moment === undefined ? null : one.values[place] ?? null));
    const figures = values.map((value, number) =>
      (values.length > 1 ? `${picture.series[number]?.name} ` : "") + withUnit(value, picture.unit));
    const near = (to - from) / 150; // a few pixels
    const marks = inside
      ? (picture.marks ?? []).filter((mark) => mark.at > Math.min(at[place - 1] ?? 0, moment - near) && mark.at <= moment + near)
      : [];
    write(this.#now, figures.join(" · "));
    attribute(this.#now, "data-at", inside ? moment : null);
    attribute(this.#plot, "aria-valuenow",
      moment === undefined ? 100 : Math.round(Math.min(1, Math.max(0, (moment - from) / (to - from))) * 100));
    attribute(this.#plot, "aria-valuetext",
      moment === undefined ? "nothing sampled yet" : [time(moment), ...figures, ...marks.map((mark) => mark.text)].join(", "));
    this.#line.hidden = !inside;
    if (!inside) return;
    const width = this.#plot.clientWidth;
    const x = LEFT + ((moment - from) / (to - from)) * (width - LEFT - RIGHT);
    this.#line.style.translate = `${x.toFixed(1)}px 0`;
    attribute(this.#line, "data-end", x > width * 0.6);
    attribute(this.#line, "data-held", this.#group.held !== null && this.#group.held === cursor);
    const value = values[0];
    this.#line.style.setProperty("--dot",
      `${(this.#plot.clientHeight - BOTTOM - ((value ?? 0) / this.#top) * (this.#plot.clientHeight - BOTTOM - TOP)).toFixed(1)}px`);
    attribute(this.#line, "data-known", value !== null);
    write(this.#tag, [time(moment), ...marks.slice(0, 2).map((mark) => mark.text)].join(" · "));
  }

  /** Return the time at the pointer. @param {PointerEvent} event */
  #at(event) {
    const box = this.#plot.getBoundingClientRect();
    const { from, to } = this.#group.span;
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    return from + Math.min(1, Math.max(0, share)) * (to - from);
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    this.#group.point(this.#at(event));
    if (this.#from === null) return;
    const box = this.#plot.getBoundingClientRect();
    const [left, right] = [Math.min(this.#from, event.clientX), Math.max(this.#from, event.clientX)];
    this.#band.hidden = right - left < CLICK;
    this.#band.style.left = `${Math.max(LEFT, left - box.left)}px`;
    this.#band.style.width = `${Math.min(right - box.left, box.width - RIGHT) - Math.max(LEFT, left - box.left)}px`;
  }

  /** @param {PointerEvent} event */
  #pressed(event) {
    if (event.button !== 0) return;
    this.#from = event.clientX;
    this.#plot.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #released(event) {
    const begun = this.#from;
    this.#dropped();
    if (begun === null) return;
    const to = this.#at(event);
    if (Math.abs(event.clientX - begun) < CLICK) {
      this.#group.hold(this.#snapped(to));
      return;
    }
    const from = this.#at(new PointerEvent("pointermove", { clientX: begun }));
    this.#group.choose(Math.min(from, to), Math.max(from, to));
  }

  #dropped() {
    this.#from = null;
    this.#band.hidden = true;
  }

  /** Return the time of the nearest sample. @param {number} at */
  #snapped(at) {
    const times = this.#picture?.times.at ?? [];
    return times[nearest(times, at)] ?? null;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const times = this.#picture?.times.at ?? [];
    const { from, to } = this.#group.span;
    const first = placeOf(times, from);
    const last = placeOf(times, to + 1e-6) - 1;
    if (event.ctrlKey || event.metaKey || event.altKey || last < first) return;
    const { cursor, held } = this.#group;
    const here = cursor === null ? last + 1 : nearest(times, cursor);
    const step = event.shiftKey ? 10 : 1;
    const place = {
      ArrowLeft: here - step, ArrowDown: here - step, ArrowRight: here + step, ArrowUp: here + step, PageUp: here - 10, PageDown: here + 10,
      Home: first, End: last,
    }[event.key];
    if (place !== undefined) this.#group.point(times[Math.min(last, Math.max(first, place))] ?? null);
    else if (event.key === "Enter" && event.shiftKey && cursor !== null && held !== null && cursor !== held)
      this.#group.choose(Math.min(held, cursor), Math.max(held, cursor));
    else if (event.key === "Enter" || event.key === " ") this.#group.hold(cursor === null ? null : this.#snapped(cursor));
    else if (event.key === "Escape") {
      this.#group.point(null);
      this.#group.hold(null);
    } else return;
    event.preventDefault();
  }
}

customElements.define("sl-chart", SlChart);
