/**
 * `<run-picture>`: a run of a scenario, stepped through: its messages, the callbacks of a server, or a mailbox. It has
 * its height before the run is there, so nothing moves when it comes.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { make } from "../base/dom.js";
import { loadPart, whenNear } from "../base/late.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { drawing } from "./lesson-trace.js";

/** @import { Picture } from "./picture-steps.js" */

const PLAY_MS = 1800;
const MOST_SAID = 140;
const loadScenes = () => Promise.all([import("./picture-scenes.js"), import("./picture-steps.js")]);
/** What is drawn of a run, once there is one. @type {Awaited<ReturnType<typeof loadScenes>>} */ let scenes;
const NAMES = { sequence: "Messages of a run", state: "Callbacks of a run", mailbox: "A mailbox during a run" };
const GLYPHS = {
  back: "M7.8 2.4 4 6l3.8 3.6", next: "m4.2 2.4 3.8 3.6-3.8 3.6", play: "M3 1.6 10.4 6 3 10.4z", pause: "M3 1.8h2v8.4H3zM7 1.8h2v8.4H7z",
};

/** @param {keyof typeof GLYPHS} name */
const glyph = (name) => html`<svg class="glyph" viewBox="0 0 12 12" aria-hidden="true" data-name=${name}><path d=${GLYPHS[name]} /></svg>`;

/** Return what of a sentence has room below the scene; all of it is in the list of steps. @param {string} said */
const clip = (said) => (said.length > MOST_SAID ? `${said.slice(0, MOST_SAID - 1)}…` : said);

/** Scroll a frame, and not the page, until an element in it is seen. @param {Element} element @param {Element} frame */
function reveal(element, frame) {
  const one = element.getBoundingClientRect(), view = frame.getBoundingClientRect();
  frame.scrollTop += Math.min(0, one.top - view.top) + Math.max(0, one.bottom - view.bottom);
  frame.scrollLeft += one.width > view.width ? 0 : Math.min(0, one.left - view.left) + Math.max(0, one.right - view.right);
}

export class RunPicture extends HTMLElement {
  #id;
  #kind;
  /** @type {Picture|null} */ #picture = null;
  /** @type {string[]} */ #said = [];
  #step = 0;
  #failed = "";
  /** @type {number|undefined} */ #timer;
  #room = 0;
  #body = make("div", { class: "run-body" });

  /** @param {string} id @param {keyof typeof NAMES} kind */
  constructor(id, kind) {
    super();
    this.#id = id;
    this.#kind = kind;
  }

  connectedCallback() {
    if (this.#body.isConnected) return;
    this.dataset.kind = this.#kind;
    this.append(this.#body);
    this.#paint();
    whenNear(this, () => void this.#load());
    new ResizeObserver(() => {
      const room = this.#body.clientWidth - 2;
      if (room === this.#room) return;
      this.#room = room;
      this.#paint();
    }).observe(this);
  }

  async #load() {
    this.#failed = "";
    this.#paint();
    try {
      /** @type {Picture} */
      const picture = await platform("GET", `/course/pictures/${this.#id}`);
      scenes = await loadPart(loadScenes());
      this.#said = scenes[1].sentences(picture);
      if (this.#said.length) this.#picture = picture;
      else this.#failed = "The run has nothing to show.";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#failed = `The run could not be loaded: ${error.message}. What it shows stands below.`;
    }
    this.#paint();
  }

  /** @param {number} step */
  #go(step) {
    this.#step = Math.max(0, Math.min(this.#said.length - 1, step));
    if (this.#step === this.#said.length - 1) this.#pause();
    this.#paint();
    const now = this.querySelector("[data-when='now']"), frame = now?.closest(".lives, .stage");
    if (now && frame) reveal(now, frame);
  }

  #play() {
    if (this.#step === this.#said.length - 1) this.#go(0);
    this.#goOn();
    this.#paint();
  }

  /** Show the next step after a while, until the last one. */
  #goOn() {
    this.#timer = setTimeout(() => {
      this.#go(this.#step + 1);
      if (this.#timer !== undefined && this.isConnected) this.#goOn();
    }, PLAY_MS);
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#paint();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key], to = { Home: 0, End: Infinity }[event.key];
    if ((by === undefined && to === undefined) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#stepTo(to ?? this.#step + (by ?? 0));
  }

  /** A step that the reader chooses ends what plays. @param {number} step */
  #stepTo(step) {
    if (this.#timer !== undefined) this.#pause();
    this.#go(step);
  }

  /** What is said beside the scene. */
  #caption() {
    const step = this.#picture?.kind === "state" ? this.#picture.callbacks[this.#step] : null;
    return clip(step ? scenes[1].shortly(step) : this.#said[this.#step] ?? "");
  }

  #scene() {
    const picture = this.#picture;
    if (!picture) return nothing;
    if (picture.kind === "state") return scenes[0].stateScene(picture.callbacks, this.#step);
    if (picture.kind === "mailbox") return scenes[0].mailboxScene(picture.mailbox, this.#step);
    return html`<div class="trace">${drawing(picture.excerpt, this.#room, this.#step, (place) => this.#stepTo(place))}</div>`;
  }

  #paint() {
    const there = this.#picture !== null, count = this.#said.length, last = this.#step === count - 1, playing = this.#timer !== undefined;
    const name = NAMES[this.#kind];
    render(html`
      <div class="stage" tabindex=${there ? "0" : nothing} role="group" aria-label=${`${name}. The arrow keys step.`}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.#pressed(event)}>
        ${there ? this.#scene()
          : this.#failed ? html`<div class="wait"><p class="hint" role="alert">${this.#failed}</p><button type="button" class="btn"
            @click=${() => void this.#load()}>Try again</button></div>`
          : html`<p class="wait hint">The run is loaded…</p>`}
      </div>
      <p class="say" aria-live="polite">${this.#caption()}</p>
      <div class="player" role="group" aria-label="Player">
        <button type="button" class="btn square" aria-label="Step back" title="Step back" ?disabled=${!there || this.#step === 0}
          @click=${() => this.#stepTo(this.#step - 1)}>${glyph("back")}</button>
        <button type="button" class="btn square" aria-label=${playing ? "Pause" : "Play"} title=${playing ? "Pause" : "Play"}
          ?disabled=${!there} @click=${() => (playing ? this.#pause() : this.#play())}>${glyph(playing ? "pause" : "play")}</button>
        <button type="button" class="btn square" aria-label="Step forward" title="Step forward" ?disabled=${!there || last}
          @click=${() => this.#stepTo(this.#step + 1)}>${glyph("next")}</button>
        <input type="range" min="1" max=${Math.max(1, count)} .value=${`${this.#step + 1}`} ?disabled=${!there} aria-label="Step"
          aria-valuetext=${there ? `Step ${this.#step + 1} of ${count}` : nothing}
          @input=${(/** @type {Event} */ event) => this.#stepTo(Number(/** @type {HTMLInputElement} */ (event.target).value) - 1)}>
        <span class="count" aria-hidden="true">${there ? `${this.#step + 1} / ${count}` : ""}</span>
      </div>
      <details class="all-steps"><summary>All steps as text</summary><ol>${this.#said.map((said) =>
        html`<li>${said}</li>`)}</ol></details>`,
      this.#body);
  }
}

customElements.define("run-picture", RunPicture);
