/**
 * `<sl-family>`: a live picture of one supervisor and its children. A restart takes less than a millisecond, so it is
 * shown slowly, once for each end: ended and stopped processes, then restarts, then the current state.
 *
 * Event: `sl-kill` (the key of a child).
 *
 * @module
 */

import { attribute, icon, make, reshape, write } from "../base/dom.js";
import { affected, because, listed } from "./first-steps.js";
import { pips, shapeOf } from "../base/marks.js";
import { budgetAt, label } from "../live/model.js";
import { budgetText, STATES, unlimited } from "../base/words.js";

/** @typedef {import("../live/model.js").Row} Row */
/** @typedef {import("./first-steps.js").Scene} Scene */

const ENDED_MS = 1500;
const AGAIN_MS = 700;
/** How long the sentence about a supervisor that gave up stays. */
const TOLD_MS = 8000;
const SHOWN = 8;

class Child {
  glyph = icon("running", "fam-glyph");
  name = make("a", { class: "fam-name" });
  pid = make("code", { class: "fam-pid" });
  state = make("span", { class: "fam-state" });
  kill = make("button", { type: "button", class: "btn danger" }, "Kill");
  element = make("li", {}, make("span", { class: "fam-line", "aria-hidden": "true" }), this.glyph, make("span", { class: "fam-words" }, this.name, this.state, this.pid), this.kill);
  /** @type {Row|null} */ row = null;
  /** @type {{look: string, word: string}|null} */ held = null;
  timer = 0;
}

export class SlFamily extends HTMLElement {
  /** @type {Scene|null} */ #scene = null;
  /** @type {Map<string, Child>} */ #children = new Map();
  #skew = 0;
  #top = make("div", { class: "fam-top" });
  #list = make("ol", { class: "fam-kids", "aria-label": "Children, in the order of their start" });
  #rest = make("p", { class: "hint fam-rest", hidden: true });
  #said = make("p", { class: "fam-said", id: "fam-said" });
  #budget = make("span", { class: "bu" });
  #glyph = icon("supervisor", "fam-glyph");
  #name = make("a", { class: "fam-name" });
  #kind = make("span", { class: "fam-state" });
  #clock = 0;
  /** What is shown of the supervisor instead of its state. @type {{look: string, word: string}|null} */ #fall = null;
  #fallen = 0;
  /** The sentence about its fall. */ #told = "";
  /** The child whose kill button the pointer is on. @type {string|null} */ #aim = null;

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.#top.append(this.#glyph, make("span", { class: "fam-words" }, this.#name, this.#kind, this.#budget));
    this.append(this.#top, this.#list, this.#rest, this.#said);
    this.#list.addEventListener("pointerover", (event) => this.#foretell(event.target));
    this.#list.addEventListener("pointerout", () => this.#foretell(document.activeElement));
    for (const type of ["focusin", "focusout"]) this.#list.addEventListener(type, (event) => this.#foretell(type === "focusin" ? event.target : null));
    this.#list.addEventListener("click", (event) => {
      const item = event.target instanceof Element && event.target.closest("button") ? event.target.closest("li") : null;
      if (item?.dataset.key) this.dispatchEvent(new CustomEvent("sl-kill", { detail: item.dataset.key }));
    });
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
    if (other) {
      for (const child of this.#children.values()) clearTimeout(child.timer);
      clearTimeout(this.#fallen);
      this.#fall = null;
      this.#told = "";
      this.#children.clear();
      this.#list.replaceChildren();
    }
    const { supervisor, children, victim } = scene;
    write(this.#name, label(supervisor));
    attribute(this.#name, "href", address(supervisor));
    this.#crown();
    const first = children.slice(0, SHOWN);
    const shown = victim === null || first.includes(victim) ? first : [...first.slice(0, -1), victim]; // the page offers to kill it
    const keys = new Set(shown.map((row) => row.key));
    for (const [key, child] of this.#children) {
      if (keys.has(key)) continue;
      clearTimeout(child.timer);
      child.element.remove();
      this.#children.delete(key);
    }
    this.#list.style.setProperty("--n", String(Math.max(1, shown.length)));
    shown.forEach((row, place) => {
      const child = this.#children.get(row.key) ?? new Child();
      if (this.#list.children[place] !== child.element) this.#list.insertBefore(child.element, this.#list.children[place] ?? null);
      this.#children.set(row.key, child);
      this.#take(child, row, address);
    });
    this.#rest.hidden = children.length <= SHOWN;
    write(this.#rest, children.length > SHOWN ? `and ${children.length - SHOWN} more, in the tree` : "");
    this.#speak();
  }

  /** Write what the supervisor is and does. */
  #crown() {
    if (!this.#scene) return;
    const { supervisor } = this.#scene, look = this.#fall?.look ?? supervisor.state;
    attribute(this.#top, "data-look", look);
    reshape(this.#glyph, shapeOf(supervisor, look));
    const word = this.#fall?.word ?? (supervisor.state === "running" ? "" : STATES[supervisor.state] ?? supervisor.state);
    write(this.#kind, `supervisor, ${supervisor.strategy ?? ""}${word && `, ${word}`}`);
    this.#count();
  }

  /**
   * Show slowly that the supervisor gave up, and what its own supervisor did.
   * @param {string|undefined} by  its supervisor, if that started it again
   */
  gaveUp(by) {
    if (!this.#scene) return;
    const name = label(this.#scene.supervisor);
    this.#told = `${name} had no restart left and gave up. ${by ? `${by} started it again, with its children.` : "Its own supervisor decides."}`;
    const steps = [
      { at: 0, fall: { look: "gave_up", word: "gave up" } },
      { at: ENDED_MS, fall: by ? { look: "restarting", word: "starting again" } : null },
      { at: ENDED_MS + AGAIN_MS, fall: null },
    ];
    clearTimeout(this.#fallen);
    const next = (/** @type {number} */ place) => {
      const step = steps[place];
      if (step) this.#fall = step.fall;
      else this.#told = "";
      this.#crown();
      this.#speak();
      if (step) this.#fallen = setTimeout(next, (steps[place + 1]?.at ?? TOLD_MS) - step.at, place + 1);
    };
    next(0);
  }

  /** @param {Child} child @param {Row} row @param {(row: Row) => string} address */
  #take(child, row, address) {
    const before = child.row;
    child.row = row;
    attribute(child.element, "data-key", row.key);
    attribute(child.name, "href", address(row));
    write(child.name, label(row));
    attribute(child.kill, "aria-label", `Kill ${label(row)}`);
    attribute(child.kill, "aria-describedby", "fam-said");
    if (before && before.pid !== row.pid && (row.last?.at ?? 0) !== (before.last?.at ?? 0)) this.#hold(child, row);
    this.#paint(child);
  }

  /** @param {Child} child @param {Row} row */
  #hold(child, row) {
    clearTimeout(child.timer);
    const crash = row.last?.crash ?? false;
    const reason = row.last?.reason ?? "";
    child.held = crash ? { look: "crashed", word: reason === "killed" ? "killed" : `crashed: ${reason}` } : { look: "stopped", word: `stopped by ${label(this.#scene?.supervisor ?? row)}` };
    child.timer = setTimeout(() => {
      child.held = { look: "restarting", word: "starting again" };
      this.#paint(child);
      child.timer = setTimeout(() => {
        child.held = null;
        this.#paint(child);
        this.#speak();
      }, AGAIN_MS);
    }, ENDED_MS);
  }

  /** @param {Child} child */
  #paint(child) {
    const { row, held } = child;
    if (!row) return;
    const look = held?.look ?? row.state;
    attribute(child.element, "data-look", look);
    attribute(child.element, "data-kind", row.kind);
    attribute(child.element, "data-state", row.state);
    attribute(child.element, "data-pid", row.pid ?? "");
    reshape(child.glyph, shapeOf(row, look));
    write(child.state, held?.word ?? (STATES[row.state] ?? row.state));
    write(child.pid, held && held.look !== "restarting" ? "" : row.pid ?? "");
    child.kill.disabled = row.pid === null || row.critical;
  }

  /** Update the budget, which recovers with time alone. */
  #count() {
    clearTimeout(this.#clock);
    const budget = this.#scene?.supervisor.budget;
    this.#budget.hidden = !budget || unlimited(budget);
    if (!budget || unlimited(budget)) return;
    const now = Date.now() / 1000 + this.#skew;
    const { left: known, next } = budgetAt(budget, now), left = this.#fall?.look === "gave_up" ? 0 : known;
    attribute(this.#budget, "data-level", left === 0 ? "none" : left < budget.max ? "some" : "all");
    this.#budget.replaceChildren(pips(left, budget.max), make("span", {}, `${budgetText(left, budget)} left`));
    if (next !== null) this.#clock = setTimeout(() => this.#count(), Math.max(50, (next - now) * 1000 + 20));
  }

  /** Show the effects of a kill in advance. @param {EventTarget|null} target */
  #foretell(target) {
    const button = target instanceof Element ? target.closest("li button") : null;
    this.#aim = button?.closest("li")?.dataset.key ?? null;
    this.#speak();
  }

  #speak() {
    const scene = this.#scene;
    if (!scene) return;
    const hit = this.#aim === null ? [] : affected(scene, this.#aim);
    for (const [one, child] of this.#children) attribute(child.element, "data-hit", hit.some((row) => row.key === one));
    const name = label(scene.supervisor);
    const slow = [...this.#children.values()].some((child) => child.held);
    const aimed = hit.find((row) => row.key === this.#aim);
    write(this.#said, aimed ? `If ${label(aimed)} ends, ${name} will start ${listed(hit.map(label))} again.`
      : this.#told || (slow ? "Shown slowly: in truth it took a moment." : `${name} is ${scene.supervisor.strategy}: ${because(scene.supervisor.strategy)}.`));
  }
}

customElements.define("sl-family", SlFamily);
