/**
 * `<restart-clip>`: a recorded restart with its player, in the place of a picture of it. It plays once when it comes
 * into view, unless motion is reduced. One clip of a page plays at a time: the next one waits, and one that the reader
 * starts pauses the other.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { still } from "../base/motion.js";
import { style } from "../base/late.js";
import { RestartDock } from "./dock.js";
import { RestartStage } from "./stage.js";

/** The share of it that is in view when it begins. */
const IN_VIEW = 0.7;

/** Slow enough to read the sentence of each step. */ const READING_SPEED = 0.25;

/** The stage that plays. @type {RestartStage|null} */ let playing = null;
/** Stages in view that have not played yet, in the order in which they came. @type {Set<RestartStage>} */ const waiting = new Set();

/** Play the next stage if none plays. */
function next() {
  const [stage] = waiting;
  if (playing || !stage) return;
  waiting.delete(stage);
  if (stage.time) next(); // the reader has started it
  else stage.play();
}

/** Keep one stage playing. @param {RestartStage} stage */
function changed(stage) {
  if (stage.playing) {
    const before = playing;
    playing = stage;
    waiting.delete(stage);
    if (before !== stage) before?.pause();
  } else if (playing === stage) {
    playing = null;
    next();
  }
}

class RestartClip extends HTMLElement {
  #stage = new RestartStage();
  #dock = new RestartDock();

  /** Show a recording. @param {import("./schedule.js").Moment} moment @param {string} label */
  show(moment, label) {
    this.#stage.setAttribute("fill", "");
    this.#stage.tabIndex = 0;
    this.#stage.role = "group";
    this.#stage.ariaLabel = `${label}. Space plays and pauses, the arrow keys step.`;
    this.append(make("div", { class: "ground" }, this.#stage), this.#dock);
    this.#stage.moment = moment;
    this.#stage.speed = READING_SPEED;
    this.#dock.follow(this.#stage);
    this.#stage.fit();
    this.#stage.addEventListener("restart-play", () => changed(this.#stage));
    if (still()) return;
    const seen = new IntersectionObserver((entries) => {
      // A busy page gets several at once, and only the newest is current
      if (!entries.at(-1)?.isIntersecting) return void waiting.delete(this.#stage);
      if (this.#stage.time) return seen.disconnect();
      waiting.add(this.#stage);
      next();
    }, { threshold: IN_VIEW });
    seen.observe(this);
  }
}

customElements.define("restart-clip", RestartClip);

/** Replace a picture by its recording, the file of the same name. @param {HTMLImageElement} picture */
export async function playInstead(picture) {
  const [answer] = await Promise.all([
    fetch(picture.src.replace(/\.webp$/, ".json")), style("moment/stage.css"), style("moment/dock.css"),
  ]);
  if (!answer.ok) return; // the picture stays
  const clip = new RestartClip(), moment = await answer.json();
  picture.replaceWith(clip);
  clip.show(moment, picture.alt);
}
