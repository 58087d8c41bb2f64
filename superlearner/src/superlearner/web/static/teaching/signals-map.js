/**
 * The signals of a burst on the map: the same arrows, numbers and pace as over the lines of the tree.
 *
 * @module
 */

import { draw } from "../base/dom.js";
import { bow, schedule } from "./signal-lanes.js";

/** @import { Burst, Spot } from "./signal-lanes.js" */
/** @typedef {HTMLElement & {placeOf: (key: string) => Spot|null, layer: HTMLElement}} Map */

export class MapSignals {
  /** @type {Burst|null} */ #burst = null;
  #picture = draw("svg", { class: "map-signals", "aria-hidden": "true", focusable: "false" });

  /** @param {Map} map */
  constructor(map) {
    this.map = map;
    map.addEventListener("sl-laid", () => this.#draw());
  }

  /** @param {Burst} burst @param {boolean} moving */
  show(burst, moving) {
    this.#burst = burst;
    if (!this.#picture.isConnected) this.map.layer.append(this.#picture);
    this.#draw();
    if (!moving) return;
    const groups = [...this.#picture.children];
    const times = schedule(burst.list.length);
    for (const group of groups) {
      const [begin, end] = times[Number(group.getAttribute("data-n")) - 1] ?? [0, 0];
      const late = { delay: end, duration: 1, fill: /** @type {const} */ ("backwards") };
      for (const part of group.children) {
        if (part.classList.contains("way"))
          part.animate([{ strokeDasharray: "0 1" }, { strokeDasharray: "1 0" }],
            { delay: begin, duration: end - begin, fill: "backwards" });
        else part.animate([{ opacity: 0 }, { opacity: 1 }], late);
      }
    }
  }

  clear() {
    this.#burst = null;
    this.#picture.replaceChildren();
  }

  #draw() {
    const burst = this.#burst;
    if (!burst) return;
    const spots = burst.who.map(([key]) => this.map.placeOf(key));
    this.#picture.replaceChildren(...burst.list.flatMap(([kind, from, to], place) => {
      const target = spots[to];
      const source = from < 0 ? null : spots[from];
      if (!target || source === undefined || (from >= 0 && source === null)) return [];
      const { path, at, end, turn } = bow(source ?? null, target, place);
      return [draw("g", { class: "signal", "data-n": place + 1, "data-kind": kind },
        draw("path", { class: "way", d: path, pathLength: 1 }),
        draw("path", { class: "head", d: "M0 0l-7 -3.6v7.2z", transform: `translate(${end[0]} ${end[1]}) rotate(${turn})` }),
        draw("circle", { class: "count", cx: at[0], cy: at[1], r: 7 }),
        draw("text", { class: "count-text", x: at[0], y: at[1] + 3.4 }, String(place + 1)))];
    }));
  }
}
