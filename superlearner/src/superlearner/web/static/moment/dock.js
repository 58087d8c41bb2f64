/**
 * `<restart-dock>`: the player of a `<restart-stage>` and the text below it. Both have a fixed height: the text comes
 * last, and nothing moves when it comes.
 *
 * @module
 */

import { attribute } from "../base/dom.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { raised, reachable, speeds, withNames } from "./captions.js";
import { ghostSentence, others } from "./details.js";
import { STAGES } from "./schedule.js";
import { startsNothing } from "./story.js";

/** @import { Moment } from "./schedule.js" */
/** @import { RestartStage } from "./stage.js" */

/** Steps of the scrubber in each stage. */
const GRAIN = 100;
const GLYPHS = {
  back: "M7.8 2.4 4 6l3.8 3.6", next: "m4.2 2.4 3.8 3.6-3.8 3.6", play: "M3 1.6 10.4 6 3 10.4z", pause: "M3 1.8h2v8.4H3zM7 1.8h2v8.4H7z",
};

/** @param {keyof typeof GLYPHS} name */
const glyph = (name) => html`<svg class="glyph" viewBox="0 0 12 12" aria-hidden="true" data-name=${name}><path d=${GLYPHS[name]} /></svg>`;

export class RestartDock extends HTMLElement {
  /** @type {RestartStage|null} */ #stage = null;
  #drawn = "";

  /** Control a stage. @param {RestartStage} stage */
  follow(stage) {
    this.#stage = stage;
    stage.addEventListener("restart-time", () => this.#follow());
    stage.addEventListener("restart-play", () => this.#follow());
    this.#follow();
  }

  /** Paint the time; everything else only after a change. */
  #follow() {
    const stage = this.#stage, moment = stage?.moment;
    if (!stage || !moment) return;
    const drawn = `${moment.id} ${moment.summary} ${stage.stage} ${stage.playing} ${stage.ghost} ${stage.speed}`;
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      render(this.#body(stage, moment), this);
      reachable(this.querySelector(".say"), stage.stage === 6);
    }
    const { stages } = stage.score, place = Math.max(0, stage.stage - 1), from = stages[place] ?? 0, to = stages[place + 1] ?? 1;
    const part = stage.stage ? Math.min(1, Math.max(0, (stage.time - from) / (to - from))) : 0;
    this.style.setProperty("--part", part.toFixed(3));
    this.style.setProperty("--at", ((place + part) / 6).toFixed(4));
    const range = this.querySelector("input");
    if (range && range !== document.activeElement) range.value = `${Math.round((place + part) * GRAIN)}`;
  }

  /** @param {RestartStage} stage @param {Moment} moment */
  #body(stage, moment) {
    const { line } = moment, told = stage.stage === 6, { ghost } = stage;
    return html`<div class="tell">
        <p class="say" data-told=${told ? "yes" : "no"}>${withNames(moment, stage.stage)}
          ${ghost && stage.stage > 2 ? html`<span class="what-if">${ghostSentence(moment, ghost)}</span>` : nothing}</p>
        ${line ? raised(line, told) : nothing}
      </div>
      <div class="player">
        <div class="transport" role="group" aria-label="Player">
          <button type="button" class="btn square" aria-label="Step back" title="Step back (left arrow)"
            @click=${() => stage.step(-1)}>${glyph("back")}</button>
          <button type="button" class="btn square play" aria-label=${stage.playing ? "Pause" : "Play"}
            title=${stage.playing ? "Pause (space)" : "Play (space)"}
            @click=${() => (stage.playing ? stage.pause() : stage.play())}>${stage.playing ? glyph("pause") : glyph("play")}</button>
          <button type="button" class="btn square" aria-label="Step forward" title="Step forward (right arrow)"
            @click=${() => stage.step(1)}>${glyph("next")}</button>
        </div>
        <div class="scrub">
          <div class="segments" aria-hidden="true">${STAGES.map((name, place) =>
            html`<span data-stage=${place + 1} ?data-none=${place === 4 && startsNothing(moment)} data-is=${place + 1 < stage.stage ? "past"
              : place + 1 === stage.stage ? "now"
              : "ahead"}>${name}</span>`)}</div>
          <span class="knob" aria-hidden="true"></span>
          <input type="range" min="0" max=${6 * GRAIN} step="1" aria-label="Stage of the restart" aria-valuetext=${stage.stage
            ? `Stage ${stage.stage} of 6: ${STAGES[stage.stage - 1]}`
            : "Before the restart"}
            @input=${(/** @type {Event} */ event) => this.#scrub(event.target)}
            @keydown=${(/** @type {KeyboardEvent} */ event) => stage.pressed(event)}>
        </div>
        <div class="options">
          ${others(moment).length
            ? html`<div class="ghosts" role="group" aria-label="Compare with another strategy"><span
              aria-hidden="true">What if</span>${others(moment).map(
              (strategy) => html`
                <button type="button" aria-pressed=${String(ghost === strategy)} aria-label=${`What if ${strategy}?`}
                  @click=${() => this.#compare(stage, strategy)}>${strategy}</button>`)}</div>`
                : nothing}
          ${speeds(stage.speed, (speed) => this.#hurry(stage, speed))}
        </div>
      </div>`;
  }

  /** @param {RestartStage} stage @param {number} speed */
  #hurry(stage, speed) {
    stage.speed = speed;
    this.#follow();
  }

  /** Outline what another strategy would do, which shows from the decision on. @param {RestartStage} stage @param {string} strategy */
  #compare(stage, strategy) {
    stage.ghost = stage.ghost === strategy ? null : strategy;
    if (stage.ghost && stage.stage < 4 && !stage.playing) stage.seek(stage.score.end);
  }

  /** @param {EventTarget|null} range */
  #scrub(range) {
    const stage = this.#stage;
    if (!stage || !(range instanceof HTMLInputElement)) return;
    const value = Number(range.value) / GRAIN, place = Math.min(5, Math.floor(value)), { stages } = stage.score;
    const from = stages[place] ?? 0, to = stages[place + 1] ?? from;
    stage.seek(from + (to - from) * (value - place));
    attribute(range, "aria-valuetext", stage.stage ? `Stage ${stage.stage} of 6: ${STAGES[stage.stage - 1]}` : "Before the restart");
  }
}

customElements.define("restart-dock", RestartDock);
