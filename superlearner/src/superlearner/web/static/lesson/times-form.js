/**
 * Crashes on an axis of time, which are dragged or moved with the arrow keys; behind them the window that ends at the
 * crash that was moved last, with the restarts in it. What the supervisor does about them, the check says.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { counted } from "../base/words.js";
import { html, nothing, render, svg } from "../vendor/lit-html.js";
import { added, endOf, moved, sourceOfTimes, STEP, timesIn, within } from "./times.js";

const STUB = "times = None\n", SIDE = 22, AXIS = 78, HEIGHT = 118, FIRST_ROOM = 520;

export class TimesForm {
  element = make("div", { class: "times-form" });
  /** @type {number[]} */ #times = [];
  /** The crash at which the window ends. */
  #at = 0;
  #room = FIRST_ROOM;
  /** What is typed cannot be drawn. */
  #strange = false;
  /** The file, as long as it was not changed here. */
  #source = STUB;

  /** @param {import("./lesson-model.js").Choice} choice @param {() => void} changed */
  constructor({ allowed = 3, seconds = 5 }, changed) {
    this.allowed = allowed;
    this.seconds = seconds;
    this.changed = changed;
    new ResizeObserver(() => {
      const room = Math.max(260, this.element.clientWidth - 2);
      if (room === this.#room) return;
      this.#room = room;
      this.#paint();
    }).observe(this.element);
    this.#paint();
  }

  get source() {
    return this.#source;
  }

  set source(text) {
    const times = timesIn(text);
    this.#source = text;
    this.#strange = times === null && !/^\s*times\s*=\s*None/m.test(text);
    this.#times = times ?? [];
    this.#at = Math.max(0, Math.min(this.#at, this.#times.length - 1));
    this.#paint();
  }

  /** @param {number[]} times @param {number} at */
  #set(times, at) {
    this.#times = times;
    this.#at = Math.max(0, Math.min(at, times.length - 1));
    this.#strange = false;
    this.#source = sourceOfTimes(times, STUB);
    this.#paint();
    this.changed();
  }

  /** @param {number} time */
  #x(time) {
    return SIDE + (time / endOf(this.#times)) * (this.#room - 2 * SIDE);
  }

  /** @param {KeyboardEvent} event @param {number} place */
  #pressed(event, place) {
    const time = this.#times[place] ?? 0;
    const to = {
      ArrowLeft: time - STEP, ArrowDown: time - STEP, ArrowRight: time + STEP, ArrowUp: time + STEP, PageDown: time - 1, PageUp: time + 1,
      Home: 0, End: endOf(this.#times),
    }[event.key];
    if (event.key === "Delete" || event.key === "Backspace") this.#remove(place);
    else if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    else this.#set(moved(this.#times, place, to), place);
    event.preventDefault();
  }

  /** @param {PointerEvent} event @param {number} place */
  #drag(event, place) {
    const mark = event.currentTarget;
    if (!(mark instanceof SVGElement) || event.button !== 0) return;
    event.preventDefault();
    mark.focus();
    mark.setPointerCapture(event.pointerId);
    const end = endOf(this.#times), left = this.element.getBoundingClientRect().left + SIDE + 1;
    const follow = (/** @type {PointerEvent} */ move) =>
      this.#set(moved(this.#times, place, ((move.clientX - left) / (this.#room - 2 * SIDE)) * end), place);
    mark.addEventListener("pointermove", follow);
    for (const over of ["pointerup", "pointercancel"])
      mark.addEventListener(over, () => mark.removeEventListener("pointermove", follow), { once: true });
  }

  /** @param {number} place */
  #remove(place) {
    this.#set(this.#times.filter((_, at) => at !== place), place - 1);
    const next = this.element.querySelectorAll("[role='slider']")[this.#at] ?? this.element.querySelector(".btn");
    if (next instanceof SVGElement || next instanceof HTMLElement) next.focus();
  }

  #paint() {
    const times = this.#times, end = endOf(times), time = times[this.#at], { seconds, allowed } = this;
    const count = time === undefined ? 0 : within(times, time, seconds), every = end > 60 ? Math.ceil(end / 12) : this.#room < 400 ? 2 : 1;
    const ticks = Array.from({ length: Math.floor(end / every) + 1 }, (_, place) => place * every);
    render(html`
      <svg width=${this.#room} height=${HEIGHT} viewBox=${`0 0 ${this.#room} ${HEIGHT}`} role="group"
        aria-label="Crashes on an axis of time">
        ${time === undefined
          ? nothing
          : svg`<rect class="window" x=${Math.max(this.#x(0), this.#x(time - seconds))} y="12"
            width=${this.#x(time) - Math.max(this.#x(0), this.#x(time - seconds))} height=${AXIS - 12}
            data-full=${count > allowed ? "yes" : nothing}></rect>
            <text class="window-name" x=${Math.max(this.#x(0), this.#x(time - seconds)) + 6} y="26">${seconds} s</text>`}
        <path class="axis" d=${`M${SIDE} ${AXIS}H${this.#room - SIDE}`}></path>
        ${ticks.map((tick) => svg`<path class="axis" d=${`M${this.#x(tick)} ${AXIS}v5`}></path><text class="tick" x=${this.#x(tick)}
          y=${AXIS + 20}>${tick}</text>`)}
        <text class="tick unit" x=${this.#room - SIDE} y=${HEIGHT - 4}>seconds</text>
        ${times.map((one, place) =>
          svg`<g class="crash" role="slider" tabindex="0" data-in=${time !== undefined && one <= time && time - one <= seconds + 1e-9
            ? "yes"
            : "no"} data-now=${place === this.#at ? "yes" : nothing}
            aria-label=${`Crash ${place + 1}`} aria-valuemin="0" aria-valuemax=${end} aria-valuenow=${one} aria-valuetext=${`${one} s, `
              + `${counted(within(times, one, seconds), "crash", "crashes")} in the ${seconds} s up to it`}
            @keydown=${(/** @type {KeyboardEvent} */ event) => this.#pressed(event, place)} @focus=${() => this.#look(place)}
            @pointerdown=${(/** @type {PointerEvent} */ event) => this.#drag(event, place)}>
            <rect class="hold" x=${this.#x(one) - 14} y="12" width="28" height=${AXIS - 8}></rect><path class="stem"
              d=${`M${this.#x(one)} 44V${AXIS}`}></path><path class="mark" d=${`M${this.#x(one)} 34l9 15h-18z`}></path></g>`)}
      </svg>
      <p class="window-said">${this.#strange ? "What is typed below is no list of times, so it is not drawn."
        : time === undefined ? "Add crashes, then drag them, or move them with the arrow keys."
        : html`<span class="budget" aria-hidden="true">${Array.from({ length: Math.max(allowed, count) }, (_, place) =>
          html`<i data-is=${
            place >= allowed ? "over" : place < count ? "used" : "free"
          }></i>`)}</span><span><b>${
            counted(count, "crash", "crashes")
          }</b> in the ${seconds} s up to ${time} s; ${allowed} restarts are allowed.</span>`}</p>
      <div class="acts">
        <button type="button" class="btn" @click=${() => this.#set(added(times), times.length)}>Add a crash</button>
        <button type="button" class="btn quiet" ?disabled=${time === undefined} @click=${() => this.#remove(this.#at)}>${time === undefined
          ? "Remove a crash"
          : `Remove crash ${this.#at + 1}, at ${time} s`}</button>
      </div>`, this.element);
  }

  /** Let the window end at a crash. @param {number} place */
  #look(place) {
    if (place === this.#at) return;
    this.#at = place;
    this.#paint();
  }
}
