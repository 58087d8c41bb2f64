/**
 * `<sl-family>`: a live picture of one supervisor and its children. It plays their restarts in place, and has a link
 * and a button for each child.
 *
 * Events: `sl-kill` (the key of a child); `restart-end` when nothing plays any more.
 *
 * @module
 */

import { attribute, closest, make, write } from "../base/dom.js";
import { budgetAt, label } from "../live/model.js";
import { STATES } from "../base/words.js";
import { RestartLive } from "../moment/live-stage.js";
import { sentence } from "../moment/story.js";
import { affected, because, listed } from "./first-steps.js";
import { branchOf, drawn, portrait } from "./portrait.js";

/** @import { FeedEvent, Row } from "../live/model.js" */
/** @import { Scene } from "./first-steps.js" */

/** Delay of a change, so that its restart can be played first. */
const LATER_MS = 700;
/** Browsers keep no longer ones. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Room in rows for the level above, shown when the supervisor gives up: its row, and how many more it has. None in a low window. */
const ABOVE = "var(--above, 98px)";

class Child {
  name = make("a", { class: "fam-name" });
  state = make("span", { class: "fam-state" });
  kill = make("button", { type: "button", class: "btn danger", "aria-describedby": "fam-said" }, "Kill");
  element = make("li", { "data-away": true }, this.name, this.state, this.kill);
}

export class SlFamily extends HTMLElement {
  /** @type {Scene|null} */ #scene = null;
  /** @type {Map<string, Child>} */ #children = new Map();
  #live = new RestartLive();
  #top = make("a", { class: "fam-name" });
  #list = make("ol", { class: "fam-kids", "aria-label": "Children, in the order of their start" });
  #over = make("div", { class: "fam-over" }, this.#top, this.#list);
  #said = make("p", { class: "fam-said", id: "fam-said" });
  #skew = 0;
  #field = make("div", { class: "fam-field" }, this.#live, this.#over);
  /** The picture at rest, as text. */ #known = "";
  /** The id of the next picture at rest; below 0, so that it is no restart. */ #next = -1;
  #later = 0;
  #clock = 0;
  /** The child whose kill button the pointer is on. @type {string|null} */ #aim = null;

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.#live.setAttribute("picture", "");
    this.append(this.#field, this.#said);
    const { stage } = this.#live;
    this.#live.cut = (moment) => branchOf(moment, this.#scene?.supervisor.key ?? "");
    stage.addEventListener("scroll", () => this.#place(), { passive: true });
    stage.addEventListener("restart-placed", () => this.#place());
    stage.addEventListener("restart-time", () => this.#speak());
    this.#live.addEventListener("restart-end", () => this.dispatchEvent(new Event("restart-end")));
    this.#list.addEventListener("pointerover", (event) => this.#foretell(event.target));
    this.#list.addEventListener("pointerout", () => this.#foretell(document.activeElement));
    for (const type of ["focusin", "focusout"])
      this.#list.addEventListener(type, (event) => this.#foretell(type === "focusin" ? event.target : null));
    this.#list.addEventListener("click", (event) => {
      const item = event.target instanceof Element && event.target.closest("button:not([aria-disabled])")
        ? event.target.closest("li")
        : null;
      if (item?.dataset.key) this.dispatchEvent(new CustomEvent("sl-kill", { detail: item.dataset.key }));
    });
  }

  /** Whether a restart is about to be played, or plays. */
  get busy() {
    return this.#live.busy;
  }

  /**
   * Play the newest restart of the feed, if it is new and one of the picture.
   * @param {readonly FeedEvent[]} feed
   * @param {number} skew  as for `show`
   */
  play(feed, skew) {
    const { supervisor, children = [] } = this.#scene ?? {};
    this.#live.show(feed, (key) => key === supervisor?.key || children.some((row) => row.key === key), skew);
  }

  /**
   * @param {Scene} scene
   * @param {number} skew  server time minus local time, in seconds
   * @param {(row: Row) => string} address  returns the URL of a process
   */
  show(scene, skew, address) {
    const other = this.#scene?.supervisor.key !== scene.supervisor.key;
    this.#scene = scene;
    this.#skew = skew;
    attribute(this.#top, "href", address(scene.supervisor));
    attribute(this.#top, "aria-label", label(scene.supervisor));
    const shown = drawn(scene), keys = new Set(shown.map((row) => row.key));
    for (const [key, child] of this.#children) {
      if (keys.has(key)) continue;
      child.element.remove();
      this.#children.delete(key);
    }
    const added = shown.some((row) => !this.#children.has(row.key));
    shown.forEach((row, place) => {
      const child = this.#children.get(row.key) ?? new Child(), { element, name, state, kill } = child;
      if (this.#list.children[place] !== element) this.#list.insertBefore(element, this.#list.children[place] ?? null);
      this.#children.set(row.key, child);
      attribute(element, "data-key", row.key);
      attribute(element, "data-look", row.state);
      attribute(element, "data-kind", row.kind);
      attribute(name, "href", address(row));
      attribute(name, "aria-label", label(row));
      write(state, STATES[row.state] ?? row.state);
      attribute(kill, "aria-label", `Kill ${label(row)}`);
      attribute(kill, "aria-disabled", row.pid === null || row.critical ? "true" : null); // a disabled one loses the focus
    });
    if (added) this.#place(); // it reads the layout, so not for each frame
    else this.#speak();
    if (other) {
      this.#live.leave();
      this.#rest();
    } else if (!this.#later) this.#later = setTimeout(() => this.#rest(), LATER_MS);
  }

  /** Draw the picture at rest, if it differs. */
  #rest() {
    clearTimeout(this.#later);
    this.#later = 0;
    const scene = this.#scene;
    if (!scene) return;
    const { supervisor } = scene, shown = [supervisor, ...drawn(scene)];
    const known = JSON.stringify([
      scene.children.length,
      ...shown.map(({ key, pid, state, strategy, budget }) => [key, pid, state, strategy, budget]),
    ]);
    if (known === this.#known) return;
    this.#known = known;
    this.#live.atRest = () => portrait(scene, this.#now(), (this.#next -= 1));
    this.#expire();
  }

  /** Draw it again when the next restart leaves the window. */
  #expire() {
    clearTimeout(this.#clock);
    const budget = this.#scene?.supervisor.budget, next = budget && budgetAt(budget, this.#now()).next;
    if (!next) return;
    this.#clock = setTimeout(() => {
      this.#known = "";
      this.#rest();
    }, Math.min(LONGEST_TIMER_MS, Math.max(50, (next - this.#now()) * 1000 + 20)));
  }

  /** Return the time of the server, in seconds. */
  #now() {
    return Date.now() / 1000 + this.#skew;
  }

  /** Put the links and buttons over the drawing. */
  #place() {
    const { stage } = this.#live, { layout: { places, rows, height }, scale, clientWidth } = stage;
    if (stage.moment && stage.moment.id < 0) this.#field.style.minHeight = rows ? `calc(${height}px + ${ABOVE})` : "";
    this.#over.style.height = `${height}px`;
    this.#over.style.zoom = `${scale}`;
    this.#over.style.top = `${stage.above / scale}px`;
    attribute(this.#over, "data-rows", rows);
    const supervisor = this.#scene?.supervisor.key ?? "";
    for (const [key, element] of [[supervisor, this.#top], ...[...this.#children].map(([one, { element: item }]) => [one, item])]) {
      if (!(element instanceof HTMLElement)) continue;
      const at = places.get(String(key));
      attribute(element, "data-away", !at);
      if (!at) continue;
      element.style.transform = `translate(${at.x}px, ${at.y}px)`;
      attribute(element, "data-align", at.align);
      element.style.setProperty("--size", `${at.size}`);
      element.style.setProperty("--label", `${at.label}px`);
      element.style.setProperty("--width", `${clientWidth / scale - at.x + 32}px`);
    }
    this.#speak();
  }

  /** Show the effects of a kill in advance. @param {EventTarget|null} target */
  #foretell(target) {
    const button = closest(target, "li button");
    this.#aim = button?.closest("li")?.dataset.key ?? null;
    this.#speak();
  }

  #speak() {
    const scene = this.#scene, { stage, shows } = this.#live;
    if (!scene) return;
    attribute(this, "data-plays", shows);
    const hit = this.#aim === null ? [] : affected(scene, this.#aim);
    for (const [one, child] of this.#children) attribute(child.element, "data-hit", hit.some((row) => row.key === one));
    const name = label(scene.supervisor), aimed = hit.find((row) => row.key === this.#aim);
    write(this.#said, shows && stage.moment ? sentence(stage.moment, stage.stage)
      : aimed ? `If ${label(aimed)} ends, ${name} will restart ${listed(hit.map(label))}: see the dashed ${
        hit.length > 1 ? "rings" : "ring"}.`
      : `${name} is ${scene.supervisor.strategy}: ${because(scene.supervisor.strategy)}.`);
  }
}

customElements.define("sl-family", SlFamily);
