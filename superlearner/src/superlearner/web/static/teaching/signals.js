/**
 * `<sl-signals>`: the signals of one burst drawn over the lines of the tree: an arrow for each event, numbered in
 * order, with a dot that travels along it. Less than a millisecond is shown in a second and a half.
 *
 * @module
 */

import { draw, icon, make } from "../base/dom.js";
import { still } from "../base/motion.js";
import { drawing, schedule, sentence } from "./signal-lanes.js";

/** @import { Arrow, Burst, Drawing } from "./signal-lanes.js" */

const FOOT = 36;
/** Minimum length of an arrow; if the names leave less, it covers their ends. */
const LEAST = 25;

export class SlSignals extends HTMLElement {
  /** @type {Burst|null} */ #burst = null;
  /** @type {HTMLElement|null} */ #tree = null;
  /** @type {Animation[]} */ #running = [];
  #title = make("span", { class: "signals-title" });
  #list = make("ol", { class: "signals-list", hidden: true });
  #again = make("button", { type: "button", class: "btn quiet" }, "Again");
  #words = make("button", { type: "button", class: "btn quiet", "aria-expanded": "false" }, "As a list");
  #close = make("button", { type: "button", class: "btn quiet square", "aria-label": "Close the signals" }, icon("close"));
  #picture = draw("svg", { "aria-hidden": "true", focusable: "false" });
  #foot = make("div", { class: "signals-foot" }, this.#title, this.#again, this.#words, this.#close);

  connectedCallback() {
    if (this.#foot.isConnected) return;
    this.hidden = true;
    this.setAttribute("role", "group");
    this.append(this.#foot, this.#list);
    this.insertBefore(this.#picture, this.#foot);
    this.#again.onclick = () => this.#play();
    this.#close.onclick = () => this.clear();
    this.#words.onclick = () => this.#listed(this.#list.hidden !== false);
    this.onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.clear();
    };
  }

  /**
   * Draw a burst over a tree, with which it scrolls.
   * @param {Burst} burst
   * @param {HTMLElement} tree
   * @param {string} title
   */
  show(burst, tree, title) {
    this.#burst = burst;
    this.#tree = tree;
    const room = tree.querySelector(".tree-scroll");
    if (room && this.parentElement !== room) room.append(this);
    this.#title.textContent = title;
    this.setAttribute("aria-label", title);
    this.#list.replaceChildren(...burst.list.map((signal) => make("li", {}, sentence(signal, burst.who))),
      ...(burst.more ? [make("li", {}, `… and ${burst.more} more.`)] : []));
    this.#listed(false);
    this.#play();
  }

  /** True if it is in use by pointer, keyboard or screen reader. */
  get busy() {
    return this.contains(document.activeElement) || this.#foot.matches(":hover") || !this.#list.hidden;
  }

  /** Remove the picture. */
  clear() {
    this.#stop();
    this.#burst = null;
    this.hidden = true;
    this.dispatchEvent(new CustomEvent("sl-play", { detail: { burst: null } }));
  }

  /** Draw it at the current positions of the lines. */
  place() {
    if (this.#burst && !this.hidden && !this.#running.length) this.#draw();
  }

  /** @param {boolean} open */
  #listed(open) {
    this.#list.hidden = !open;
    this.#words.setAttribute("aria-expanded", String(open));
  }

  #stop() {
    for (const one of this.#running) one.cancel();
    this.#running = [];
    delete this.dataset.playing;
  }

  #play() {
    this.#stop();
    const plan = this.#draw();
    const moving = !still();
    if (this.#burst) this.dispatchEvent(new CustomEvent("sl-play", { detail: { burst: this.#burst, moving } }));
    if (!plan || !moving) return;
    this.dataset.playing = "";
    const times = schedule(plan.arrows.length);
    this.#running = plan.arrows.flatMap((arrow, place) =>
      travel(this.#picture.querySelector(`[data-n="${arrow.n}"]`), arrow, times[place] ?? [0, 0]));
    const last = this.#running.at(-1);
    const mine = this.#running;
    void Promise.all(mine.map((one) => one.finished)).then(() => mine === this.#running && this.#stop(), () => {});
    if (!last) this.#stop();
  }

  /** @returns {Drawing|null} */
  #draw() {
    const [burst, tree] = [this.#burst, this.#tree];
    const room = tree?.querySelector(".tree-scroll");
    if (!burst || !tree || !(room instanceof HTMLElement)) return null;
    this.hidden = false;
    const origin = room.getBoundingClientRect();
    const boxes = burst.who.map(([key]) => lineOf(tree, key)?.getBoundingClientRect() ?? null);
    const known = boxes.filter((box) => box !== null);
    if (!known.length) {
      this.hidden = true;
      return null;
    }
    const names = burst.who.flatMap(([key]) =>
      [...(lineOf(tree, key)?.querySelectorAll(".id") ?? [])].map((part) => part.getBoundingClientRect().right));
    const width = room.clientWidth;
    const kill = lineOf(tree, burst.who[0]?.[0] ?? "")?.querySelector(".kill")?.getBoundingClientRect().left ?? 0;
    const right = width > 500 && kill > origin.left + width / 2 ? kill - origin.left - 8 : width - 8; // the kill button stays accessible
    const left = Math.round(
      Math.max(60, Math.min(Math.max(...names, 0) - origin.left + 12, width * 0.62, right - 44 - LEAST * burst.list.length)));
    const heights = boxes.map((box) => box && box.top + box.height / 2 - origin.top + room.scrollTop);
    const plan = drawing(burst, heights, { left: 0, right: right - left, row: known[0]?.height ?? 30 });
    Object.assign(this.style, { top: `${plan.top}px`, left: `${left}px`, width: `${right - left}px` });
    const height = plan.bottom - plan.top;
    this.#picture.setAttribute("viewBox", `0 ${plan.top} ${right - left} ${height}`);
    this.#picture.setAttribute("height", String(height));
    this.#picture.setAttribute("width", String(right - left));
    this.#picture.replaceChildren(...plan.lanes.map((y) => draw("line", { class: "lane", x1: 0, x2: right - left, y1: y, y2: y })),
      ...plan.arrows.map((arrow) => arrowOf(arrow, plan.words)));
    this.style.minHeight = `${height + FOOT}px`;
    return plan;
  }
}

/**
 * Return the line of a process, or of the nearest ancestor on the page.
 * @param {HTMLElement} tree
 * @param {string} key
 * @returns {HTMLElement|null}
 */
function lineOf(tree, key) {
  for (let at = key; at; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    const found = tree.querySelector(`[role=treeitem][data-key="${CSS.escape(at)}"]:not([data-gone])`);
    if (found instanceof HTMLElement) return found;
    if (!at.includes("/")) return null;
  }
  return null;
}

/** Return an arrow, which starts at its number. @param {Arrow} arrow @param {boolean} words */
function arrowOf({ n, kind, x, from, to, outside, word, after }, words) {
  const way = Math.sign(to - from);
  const parts = [draw("title", {}, `${n}. ${word} ${after}`)];
  if (outside) parts.push(draw("line", { class: "shaft", x1: x - 20, x2: x - 10, y1: to, y2: to }));
  else if (way)
    parts.push(draw("line", { class: "shaft", x1: x, x2: x, y1: from + way * 8, y2: to - way * 7 }),
      draw("path", { class: "head", d: `M${x} ${to}l-4.5 ${-8 * way}h9z` }));
  parts.push(draw("circle", { class: "count", cx: x, cy: from, r: 8.5 }),
    draw("text", { class: "count-text", x, y: from + 3.8 }, String(n)));
  if (words) parts.push(draw("text", { class: "word", x: x + (way ? 8 : 13), y: way ? (from + to) / 2 + 4 : to - 7 }, word));
  if (way) parts.push(draw("circle", { class: "dot", cx: x, cy: from, r: 4 }));
  return draw("g", { class: "signal", "data-n": n, "data-kind": kind }, ...parts);
}

/**
 * Animate an arrow: its line grows behind a dot of constant speed, then its number appears.
 * @param {Element|null} group
 * @param {Arrow} arrow
 * @param {[number, number]} time
 * @returns {Animation[]}
 */
function travel(group, { from, to }, [begin, end]) {
  if (!group) return [];
  const timing = { delay: begin, duration: end - begin, fill: /** @type {const} */ ("both"), easing: "linear" };
  const late = { delay: end, duration: 1, fill: /** @type {const} */ ("both") };
  const length = Math.abs(to - from);
  const parts = [...group.children].flatMap((part) => {
    if (part.classList.contains("dot"))
      return [part.animate([{ opacity: 1, transform: "translateY(0)" }, { opacity: 1, transform: `translateY(${to - from}px)` }],
        { ...timing, fill: "none" })];
    if (part.classList.contains("shaft"))
      return [part.animate([{ strokeDasharray: `0 ${length}` }, { strokeDasharray: `${length} 0` }], timing)];
    return part instanceof SVGTitleElement ? [] : [part.animate([{ opacity: 0 }, { opacity: 1 }], late)];
  });
  return parts;
}

customElements.define("sl-signals", SlSignals);
