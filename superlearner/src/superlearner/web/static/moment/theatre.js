/**
 * A restart with everything around it: the stage, its player, and the list of its events; without any request.
 *
 * @module
 */

import { attribute, icon, spoken } from "../base/dom.js";
import { elapsed, isOrderly } from "../base/words.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { around, raised } from "./captions.js";
import { RestartDock } from "./dock.js";
import { RestartStage } from "./stage.js";
import { changeTexts, doneAt, factsOf, rows, step } from "./details.js";
import { headline, isServiceChange, isSlow, namer, othersText, victim } from "./story.js";

/** @import { Moment, MomentEvent } from "./schedule.js" */

export class Theatre {
  stage = new RestartStage();
  #dock = new RestartDock();
  #place;

  /** @param {HTMLElement} place  gets the elements with the first moment */
  constructor(place) {
    this.#place = place;
    this.stage.setAttribute("fill", "");
    this.stage.tabIndex = 0;
    this.stage.role = "group";
  }

  /** Show a moment before its first event; the fonts are loaded. @param {Moment} moment */
  open(moment) {
    const { stage } = this;
    stage.moment = moment;
    if (isServiceChange(moment)) return;
    render(html`<div class="theatre"><div class="ground">${stage}</div>${this.#dock}</div><aside class="facts"
      aria-label="What happened"></aside>`, this.#place);
    document.addEventListener("keydown", (event) => this.#pressed(event));
    stage.addEventListener("restart-time", () => this.#follow());
    this.#dock.follow(stage);
  }

  /**
   * Write the list of events.
   * @param {Moment} moment
   * @param {string} title
   * @param {readonly string[]} notes  above the list
   * @param {unknown} [below]
   */
  tell(moment, title, notes, below = nothing) {
    if (isServiceChange(moment)) {
      render(html`<div class="void">${changeTexts(moment).map((text) => html`<p>${spoken(text)}</p>`)}${below}</div>`, this.#place);
      return;
    }
    const { stage } = this, facts = this.#place.querySelector(".facts"), slow = isSlow(moment, stage.duration),
      known = factsOf(moment);
    const timed = moment.events.some((event) => event.at > 0); // a question of the game runs in virtual time
    stage.ariaLabel = `${title}. Space plays and pauses, the arrow keys step.`;
    if (!(facts instanceof HTMLElement)) return;
    const { line } = moment, place = line ? html`${raised(line)}${around(line)}` : nothing;
    render(html`${place}${notes.map((note) => html`<p class="note" data-level="info">${note}</p>`)}
      ${known.length ? html`<dl class="known">
        ${known.map(([label, text]) => html`<dt>${label}</dt><dd><code>${text}</code></dd>`)}</dl>` : nothing}
      <h2>What happened</h2>
      <ol class="steps">${rows(moment).map(({ event, from: place, to, times }) => {
        const { who: subject, text, more } = step(moment, event, times);
        return html`<li><button type="button" data-event=${place} data-last=${to} data-kind=${event.kind}
          data-what=${event.kind === "decide" ? event.what : ""} ?data-orderly=${isOrderlyEnd(event)} @click=${() => this.#seek(place)}>
          ${mark(event)}<span><b>${subject}</b> ${text} ${!more ? nothing
            : event.kind === "decide" ? html`· ${more}`
            : html`<code>${more}</code>`}</span>${timed
            ? html`<time>${place ? `+${elapsed(doneAt(event))}` : "0"}</time>`
            : nothing}</button></li>`;
      })}</ol>
      <p class="hint real">${moment.took === null
        ? nothing
        : html`In reality this took <b>${elapsed(Math.max(moment.took, ...moment.events.map(doneAt)))}</b>. `}${slow
        ? "Slowed down so you can follow it."
        : ""}</p>${below}`,
      facts);
    this.#follow();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const on = event.target instanceof Element ? event.target : document.body;
    if (on.closest("input, textarea, select, [contenteditable], nav, header, pre") || (event.key === " " && on.closest("a, button")))
      return;
    this.stage.pressed(event);
  }

  /** Show the moment in which an event is done. @param {number} place */
  #seek(place) {
    const shares = { crash: 0.5, go: 1, decide: 0.5, stopped: 0.01, started: 0.5 };
    this.stage.seek(
      Math.max(...this.stage.score.cues.map((cue) => (cue.event === place ? cue.at + cue.dur * shares[cue.kind] : 0))));
  }

  /** Mark the events that have happened on the stage. */
  #follow() {
    const { score: { cues }, time: now, stage } = this.stage;
    const begun = Math.max(-1, ...cues.filter(({ at }) => at < now).map(({ event }) => event));
    for (const button of this.#place.querySelectorAll(".steps button")) {
      if (!(button instanceof HTMLElement)) continue;
      const place = Number(button.dataset.event), last = Number(button.dataset.last);
      attribute(button, "data-done", place <= begun);
      attribute(button, "aria-current", place <= begun && begun <= last && stage < 6 ? "step" : null);
    }
  }
}

/** Return what a reader has to know about a moment besides its events. @param {Moment} moment */
export function notesOf(moment) {
  if (moment.moved) return [];
  return [
    moment.going_on ? `This restart ${moment.current ? "has not ended yet" : "had not ended when it was recorded"}.` : "",
    moment.complete ? "" : "Some of its events are no longer in memory.",
    othersText(namer(moment)(victim(moment)), moment),
  ].filter(Boolean);
}

/** Return the title of a moment. @param {Moment} moment */
export const titleOf = (moment) => (isServiceChange(moment) ? moment.summary : `Why ${headline(moment)}`);

/** Return whether a process ended in an orderly way, as a supervisor that gives up does. @param {MomentEvent} event */
const isOrderlyEnd = (event) => event.kind === "crash" && !event.start && isOrderly(event.reason);

/** @param {MomentEvent} event */
function mark(event) {
  if (isOrderlyEnd(event)) return icon("stopped", "glyph");
  const shapes = { crash: "crashed", link: "crashed", signal: "up", decide: "supervisor", stop: "stopped", start: "running" };
  return icon(event.kind === "decide" && event.what === "give_up" ? "gave-up" : shapes[event.kind], "glyph");
}
