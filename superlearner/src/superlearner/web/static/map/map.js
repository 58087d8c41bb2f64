/**
 * `<sl-map>`: all processes at once, a box for each supervisor and a cell for each child, on a canvas.
 *
 * It shows the same model as the tree; keyboard users move in the tree, and the map follows. Clicks send the event
 * `sl-pick` ({key, add}). Only changed cells are painted again; positions change only with the structure.
 *
 * Other parts of the page may add to it: `placeOf(key)`, and the empty element `layer` above it for their own drawings;
 * `sl-laid` reports changed positions.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { branches, fitting, heightAt, hit, layout, LEVELS } from "./map-layout.js";
import { Brush } from "./map-paint.js";
import { Rings } from "./map-rings.js";
import { MapTip } from "./map-tip.js";
import { EMPTY, tally } from "../live/model.js";
import { hidden } from "../tree/outline.js";
import { Room } from "../tree/room.js";
import { counted, number } from "../base/words.js";

/** @import { Model, Row } from "../live/model.js" */
/** @import { Box, Branch, Layout, Level, Place } from "./map-layout.js" */

/** With more cells than this, changes of the structure are laid out at this interval. */
const MANY = 3000;
const MANY_MS = 200;
/** Part of the height that may be empty before the map zooms in by itself. */
const SLACK = 0.45;

export class SlMap extends HTMLElement {
  /** @type {Model} */ #model = EMPTY;
  /** @type {Layout} */ #layout = layout([], 0, /** @type {Level} */ (LEVELS[0]), new Set(), () => 0);
  /** @type {Branch[]} */ #roots = [];
  #room = new Room();
  /** @type {Set<string>} */ #folded = new Set();
  /** @type {ReadonlySet<string>} */ #selected = new Set();
  /** @type {((row: Row) => boolean)|null} */ #fits = null;
  /** The level chosen by hand; null: the closest that shows everything. @type {number|null} */ #chosen = null;
  #level = 0;
  #skew = 0;
  #width = 0;
  #height = 0;
  #dense = 1;
  #late = 0;
  #clock = 0;
  /** The scroll position: asking the element would trigger a layout in the middle of a frame. */
  #top = 0;
  /** The cells to paint in the next frame, or "all". @type {Set<string>|"all"} */ #stale = new Set();
  #frame = 0;
  /** @type {string|null} */ #aimed = null;

  #base = make("canvas", { role: "img", "aria-details": "tree" });
  #over = make("canvas", { "aria-hidden": "true" });
  #motion = make("canvas", { "aria-hidden": "true" });
  #probe = make("i", { class: "probe", "aria-hidden": "true" });
  #tip = new MapTip();
  /** For drawings of other parts of the page; it scrolls along. */
  layer = make("div", { class: "layer" });
  #stage = make("div", { class: "stage" }, this.#base, this.#over, this.#motion);
  #space = make("div", { class: "space" }, this.#stage, this.layer, this.#tip.aim);
  #scroll = make("div", { class: "map-scroll" }, this.#space);
  #closer = make("button", { type: "button", class: "btn quiet square", "aria-label": "Closer", title: "Closer" }, "+");
  #farther = make("button", { type: "button", class: "btn quiet square", "aria-label": "Farther", title: "Farther" }, "−");
  #fit = make("button", { type: "button", class: "btn quiet", title: "As close as shows all processes" }, "Fit");
  #brush = new Brush(this.#probe);
  #rings = new Rings((keys) => this.#repaint(keys), (rings) => this.#drawRings(rings));

  connectedCallback() {
    if (this.#scroll.isConnected) return;
    this.append(this.#scroll,
      make("div", { class: "map-tools", role: "group", "aria-label": "Size of the map" }, this.#farther, this.#closer, this.#fit),
      this.#tip.words, this.#probe);
    new ResizeObserver(() => this.#resized()).observe(this.#scroll);
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#space.addEventListener("pointermove", (event) => this.#moved(event), { passive: true });
    this.#space.addEventListener("pointerleave", () => this.#point(null));
    this.#space.addEventListener("click", (event) => this.#clicked(event));
    this.#space.addEventListener("dblclick", (event) => this.#clickedTwice(event));
    this.#closer.onclick = () => this.#zoom(-1);
    this.#farther.onclick = () => this.#zoom(1);
    this.#fit.onclick = () => this.#zoom(0);
    const redraw = () => requestAnimationFrame(() => {
      this.#brush.mix();
      this.#draw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    void document.fonts.ready.then(redraw);
    this.#brush.mix();
  }

  /**
   * Show a model.
   * @param {Model} model
   * @param {number} skew  server time minus local time, in seconds
   * @param {ReadonlySet<string>|null} touched  keys of rows that may have changed; null: all
   */
  show(model, skew, touched) {
    const before = this.#model;
    this.#model = model;
    this.#skew = skew;
    const fresh = before.snapshots !== model.snapshots;
    if (fresh) {
      this.#room.clear();
      this.#rings.clear();
    } else {
      if (before.kids !== model.kids) this.#room.follow(before, model, Date.now());
      for (const key of touched ?? []) {
        const row = model.rows.get(key);
        if (row && row !== before.rows.get(key)) this.#rings.notice(before.rows.get(key), row);
      }
    }
    if (!this.#width) return;
    if (fresh || before.kids !== model.kids) this.#structured(fresh);
    else if (before.rows !== model.rows) this.#repaint(touched);
    if (this.#aimed !== null && (touched === null || touched.has(this.#aimed))) this.#showTip();
  }

  /** Draw rows that do not match faintly; null: all match. @param {((row: Row) => boolean)|null} fits */
  filter(fits) {
    this.#fits = fits;
    this.#draw();
  }

  /** @param {ReadonlySet<string>} keys */
  select(keys) {
    this.#selected = new Set(keys);
    this.#drawMarks();
  }

  /** Scroll a process into view. @param {string|null} key */
  bring(key) {
    const place = this.#layout.places.get(key ?? "");
    if (!place || this.#layout.height <= this.#height) return;
    const { scrollTop } = this.#scroll;
    if (place.y < scrollTop + 8) this.#scroll.scrollTop = place.y - this.#height / 3;
    else if (place.y + this.#layout.level.h > scrollTop + this.#height - 8) this.#scroll.scrollTop = place.y - this.#height * 0.6;
  }

  /**
   * Return the middle of a cell, in pixels of the whole map (and of `layer`); null if it does not exist or is folded.
   * @param {string} key
   * @returns {import("../teaching/signal-lanes.js").Spot|null}
   */
  placeOf(key) {
    const place = this.#layout.places.get(key);
    if (!place) return null;
    const { h, glyph, names } = this.#layout.level;
    return { x: place.x + (names ? glyph / 2 + 2 : place.w / 2), y: place.y + h / 2, size: glyph, name: names ? place.w - glyph : 0 };
  }

  // Positions

  #resized() {
    const { clientWidth: width, clientHeight: height } = this.#scroll;
    const dense = Math.min(3, devicePixelRatio || 1);
    if (width === this.#width && height === this.#height && dense === this.#dense) return;
    const first = !this.#width;
    Object.assign(this.#stage.style, { height: `${height}px` });
    this.#width = width;
    this.#height = height;
    this.#dense = dense;
    if (!width || !height) {
      this.#width = 0;
      return;
    }
    for (const canvas of [this.#base, this.#over, this.#motion]) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    if (first) this.#brush.mix();
    this.#structured(true);
  }

  /** React to a changed structure. @param {boolean} rechoose  also choose the level again */
  #structured(rechoose) {
    if (this.#model.rows.size > MANY && !rechoose) {
      this.#late ||= setTimeout(() => {
        this.#late = 0;
        this.#lay(false);
      }, MANY_MS);
      return;
    }
    this.#lay(rechoose);
  }

  /** @param {boolean} rechoose */
  #lay(rechoose) {
    this.#roots = branches(this.#model, this.#room);
    if (this.#chosen !== null) this.#level = this.#chosen;
    else {
      const tall = heightAt(this.#roots, this.#width, this.#size(), this.#folded, this.#brush.width);
      if (rechoose || tall > this.#height || tall < this.#height * SLACK)
        this.#level = fitting(this.#roots, this.#width, this.#height, this.#folded, this.#brush.width);
    }
    this.#layout = layout(this.#roots, this.#width, this.#size(), this.#folded, this.#brush.width);
    this.#space.style.height = `${Math.max(this.#layout.height, this.#height)}px`;
    this.dataset.level = String(this.#level);
    this.dataset.cells = String(this.#layout.places.size);
    this.#closer.disabled = this.#level === 0;
    this.#farther.disabled = this.#level === LEVELS.length - 1;
    this.#fit.disabled = this.#chosen === null;
    const count = tally(this.#model);
    const all = Object.values(count).reduce((sum, some) => sum + some, 0);
    this.#base.setAttribute("aria-label", `Map of ${counted(all, "process", "processes")}, ${number(count.running)} running; the tree `
      + `beside it says the same in words.`);
    this.#draw();
    this.dispatchEvent(new CustomEvent("sl-laid"));
  }

  #size() {
    return /** @type {Level} */ (LEVELS[this.#level]);
  }

  /** @param {-1|0|1} step  zoom in, fit, zoom out */
  #zoom(step) {
    this.#chosen = step === 0 ? null : Math.max(0, Math.min(LEVELS.length - 1, this.#level + step));
    this.#lay(true);
  }

  #scrolled() {
    this.#top = this.#scroll.scrollTop;
    this.#draw();
  }

  // Painting

  /** Paint in the next frame, after the lines of the tree. @param {Iterable<string>|null} keys  null: all */
  #repaint(keys) {
    if (keys === null) this.#stale = "all";
    else if (this.#stale !== "all") for (const key of keys) this.#stale.add(key);
    this.#frame ||= requestAnimationFrame(() => {
      const stale = this.#stale;
      this.#frame = 0;
      this.#stale = new Set();
      if (stale === "all") this.#draw();
      else this.#paint(stale);
    });
  }

  /** Return a context with its origin at the upper left of the whole map. @param {HTMLCanvasElement} canvas @param {boolean} [clear] */
  #pen(canvas, clear = true) {
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    pen.setTransform(this.#dense, 0, 0, this.#dense, 0, 0);
    if (clear) pen.clearRect(0, 0, this.#width, this.#height);
    pen.translate(0, -this.#top);
    pen.globalAlpha = 1;
    return pen;
  }

  /** Paint everything in view. */
  #draw() {
    if (!this.#width) return;
    const pen = this.#pen(this.#base);
    const { boxes, places, level } = this.#layout;
    const top = this.#top, end = top + this.#height;
    for (const box of boxes) {
      if (box.y > end || box.y + box.h < top) continue;
      this.#brush.box(pen, box, false);
      if (box.head) this.#head(pen, box);
      for (const key of box.grid.keys) {
        const place = places.get(key);
        if (place && place.y <= end && place.y + level.h >= top) this.#cell(pen, key, place, false);
      }
    }
    pen.globalAlpha = 1;
    this.#drawMarks();
  }

  /** Paint only these, at their positions. @param {Iterable<string>} keys */
  #paint(keys) {
    if (!this.#width) return;
    const pen = this.#pen(this.#base, false);
    const { places, level } = this.#layout;
    const top = this.#top, end = top + this.#height;
    for (const key of keys) {
      const place = places.get(key);
      if (place) {
        if (place.y > end || place.y + level.h < top) continue;
        if (place.box.key === key && place.box.head) this.#head(pen, place.box);
        else this.#cell(pen, key, place, true);
      } else this.#above(pen, key);
    }
    pen.globalAlpha = 1;
  }

  /** Update the title of the folded box that counts an invisible row. @param {CanvasRenderingContext2D} pen @param {string} key */
  #above(pen, key) {
    for (let up = this.#model.rows.get(key)?.parent ?? null; up !== null; up = this.#model.rows.get(up)?.parent ?? null) {
      const place = this.#layout.places.get(up);
      if (!place) continue;
      if (place.box.folded) this.#head(pen, place.box);
      return;
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {string} key @param {Place} place @param {boolean} clear */
  #cell(pen, key, place, clear) {
    const row = this.#model.rows.get(key);
    const dim = row !== undefined && this.#fits !== null && !this.#fits(row);
    this.#brush.cell(pen, this.#layout, place, row, this.#rings.look(key, row) ?? "empty", this.#dense, dim, clear);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Box} box */
  #head(pen, box) {
    const row = this.#model.rows.get(box.key);
    if (!row) return;
    const next = this.#brush.head(pen, box, row, {
      look: this.#rings.look(box.key, row) ?? row.state, glyph: this.#layout.level.glyph, dense: this.#dense,
      now: Date.now() / 1000 + this.#skew, inside: box.folded ? hidden(this.#model, box.key) : null,
      dim: this.#fits !== null && !this.#fits(row),
    });
    if (next === null) return;
    // restarts expire with time, without a message from the server
    clearTimeout(this.#clock);
    this.#clock = setTimeout(() => this.#repaint(this.#layout.boxes.filter((one) => one.head).map((one) => one.key)),
      Math.min(2 ** 30, Math.max(50, (next - this.#skew) * 1000 - Date.now() + 10))); // a longer timer would fire at once
  }

  /** Frame the selected processes. */
  #drawMarks() {
    if (!this.#width) return;
    const pen = this.#pen(this.#over), { level: { w, h }, places } = this.#layout, out = w < 12 ? 0 : -0.5;
    pen.strokeStyle = this.#brush.colours.accent ?? "";
    pen.lineWidth = w < 8 ? 1.5 : 2;
    for (const key of this.#selected) {
      const place = places.get(key);
      if (!place) continue;
      pen.beginPath();
      pen.roundRect(place.x - out, place.y - out, place.w + 2 * out, h + 2 * out, 4);
      pen.stroke();
    }
  }

  /** @param {{key: string, grown: number, alpha: number, colour: string}[]} rings */
  #drawRings(rings) {
    if (!this.#width) return;
    const pen = this.#pen(this.#motion);
    pen.lineWidth = 1.6;
    for (const { key, grown, alpha, colour } of rings) {
      const place = this.placeOf(key);
      if (!place) continue;
      pen.globalAlpha = alpha;
      pen.strokeStyle = this.#brush.colours[colour] ?? "";
      pen.beginPath();
      pen.arc(place.x, place.y, place.size / 2 + 1 + grown, 0, 7);
      pen.stroke();
    }
  }

  // Pointer

  /** @param {MouseEvent} event */
  #under(event) {
    const { left, top } = this.#space.getBoundingClientRect();
    return hit(this.#layout, event.clientX - left, event.clientY - top);
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    const found = event.pointerType === "mouse" ? this.#under(event) : null;
    this.#point(found && this.#model.rows.has(found.key) ? found.key : null);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const found = this.#under(event);
    if (!found || !this.#model.rows.has(found.key)) return;
    this.dispatchEvent(new CustomEvent("sl-pick", { detail: { key: found.key, add: event.ctrlKey || event.metaKey } }));
  }

  /** @param {MouseEvent} event */
  #clickedTwice(event) {
    const found = this.#under(event);
    if (found?.head) this.fold(found.key);
  }

  /** Fold a box to one line with its totals, or unfold it. @param {string} key */
  fold(key) {
    if (!this.#folded.delete(key)) this.#folded.add(key);
    this.#lay(true);
  }

  /** @param {string|null} key */
  #point(key) {
    if (key === this.#aimed) return;
    this.#aimed = key;
    this.#showTip();
  }

  /** Show the tooltip at the pointer. */
  #showTip() {
    const row = this.#model.rows.get(this.#aimed ?? ""), place = this.#layout.places.get(this.#aimed ?? "");
    this.#tip.show(row && place ? { row, place } : null,
      { level: this.#layout.level, width: this.#width, height: this.#height, scrolled: this.#top, now: Date.now() / 1000 + this.#skew });
  }
}

customElements.define("sl-map", SlMap);
