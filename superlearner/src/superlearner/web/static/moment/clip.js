/**
 * `<restart-clip>`: a recorded restart with its player, in the place of a picture of it. It plays once when it comes
 * into view, unless motion is reduced.
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
const SMALLEST = 0.65;

export class RestartClip extends HTMLElement {
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
    this.#dock.follow(this.#stage);
    const { clientHeight, scrollHeight } = this.#stage;
    if (scrollHeight > clientHeight) this.#stage.scale = Math.max(SMALLEST, clientHeight / scrollHeight);
    if (still()) return;
    const seen = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return;
      seen.disconnect();
      if (!this.#stage.time) this.#stage.play();
    }, { threshold: IN_VIEW });
    seen.observe(this);
  }
}

customElements.define("restart-clip", RestartClip);

/** Replace a picture by its recording, the file of the same name. @param {HTMLImageElement} picture */
export async function playInstead(picture) {
  const [answer] = await Promise.all([fetch(picture.src.replace(/\.webp$/, ".json")), style("moment/stage.css")]);
  if (!answer.ok) return; // the picture stays
  const clip = new RestartClip(), moment = await answer.json();
  picture.replaceWith(clip);
  clip.show(moment, picture.alt);
}
