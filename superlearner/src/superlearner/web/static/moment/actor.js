/**
 * The drawing of one process in a restart: its shape, name, pid, restart limit, state card and ghost outline.
 *
 * @module
 */

import { attribute, icon, make, write } from "../base/dom.js";
import { phrases } from "../base/marks.js";
import { ABSENT, limitText, UNLIMITED } from "../base/words.js";
import { isSupervisor } from "./layout.js";
import { html, nothing, render } from "../vendor/lit-html.js";

/** @import { Place } from "./layout.js" */
/** @import { Look } from "./picture.js" */
/** @import { MomentNode } from "./schedule.js" */

/** Larger limits are a number. */
const MOST_PIPS = 10;
const FALL_PX = 150;
/** The longest reason that stands under a shape. */
const REASON = 14;

const shape = (/** @type {boolean} */ supervisor) => supervisor
  ? html`<svg viewBox="-32 -32 64 64"><rect class="halo" x="-29" y="-29" width="58" height="58" rx="17"/><rect class="ghost-line" x="-30"
    y="-30" width="60" height="60" rx="18"/>
    <g class="whole"><rect class="body" x="-23" y="-23" width="46" height="46" rx="12"/><circle class="core" r="6.5"/></g>
    <g class="half left"><rect class="body" x="-23" y="-23" width="46" height="46" rx="12"/><circle class="core" r="6.5"/></g>
    <g class="half right"><rect class="body" x="-23" y="-23" width="46" height="46" rx="12"/><circle class="core" r="6.5"/></g>
    <rect class="absent" x="-20" y="-20" width="40" height="40" rx="5"/></svg>`
  : html`<svg viewBox="-32 -32 64 64"><circle class="ring" r="24"/><circle class="ghost-line" r="29.5"/>
    <g class="whole"><circle class="body" r="23"/><circle class="core" r="9"/></g>
    <g class="half left"><circle class="body" r="23"/><circle class="core" r="9"/></g>
    <g class="half right"><circle class="body" r="23"/><circle class="core" r="9"/></g>
    <rect class="absent" x="-20" y="-20" width="40" height="40" rx="5"/></svg>`;

const pip = html`<svg class="pip" viewBox="-6.5 -6.5 13 13"><circle class="hole" r="5"/><circle class="refill" r="5"
  transform="rotate(-90)" pathLength="100" stroke-dasharray="0 100"/><circle class="full" r="5.4"/></svg>`;

/** Return a reason that stands under a shape. @param {string} reason */
function shortOf(reason) {
  const word = reason.split("(")[0] ?? "";
  return word.length <= REASON ? word : "crashed";
}

export class Actor {
  /** @type {Place} */ #place = { x: 0, y: 0, size: 1, align: "below", big: true, label: 0, card: null };
  #old = make("span", { class: "old" });
  #new = make("span", { class: "new" });
  #before = make("div", { class: "memory" });
  #after = make("div", { class: "memory" });
  #pips = make("span", { class: "spare" });
  #left = make("span", { class: "left" });
  #ghost = make("span", { class: "ghost-word" });
  #key = "";

  /** @param {MomentNode} node @param {boolean} fans  its branch is in question */
  constructor(node, fans) {
    this.node = node;
    this.fans = fans;
    const supervisor = isSupervisor(node);
    this.element = make("div", {
      class: "actor", "data-id": node.id, "data-kind": supervisor ? "supervisor" : "worker", "data-temporary": node.restart === "temporary",
    });
    this.cards = make("div", { class: "memories", hidden: true }, this.#before, this.#after);
    const token = make("div", { class: "token" }), [max = Infinity] = node.limit ?? [];
    render(shape(supervisor), token);
    if (max <= MOST_PIPS) render(Array.from({ length: max }, () => pip), this.#pips);
    const below = supervisor
      ? [
        make("span", { class: "strategy" }, node.strategy ?? node.kind.replace("_", " ")),
        make("span", { class: "allowance" }, this.#pips, this.#left),
      ]
      : [make("span", { class: "pid" }, this.#old, this.#new)];
    this.element.append(token, make("div", { class: "label" }, make("b", { title: node.name }, node.name), ...below), this.#ghost);
    if (node.state) render(html`<i>state</i><span>${node.state}</span>`, this.#before);
  }

  /** Move to a place of the layout. @param {Place|undefined} place */
  put(place) {
    this.element.hidden = !place;
    this.cards.hidden = !place?.card;
    if (!place) return;
    this.#place = place;
    attribute(this.element, "data-align", place.align);
    attribute(this.element, "data-big", place.big);
    this.element.style.transform = `translate(${place.x}px, ${place.y}px)`;
    this.element.style.setProperty("--size", `${place.size}`);
    this.element.style.setProperty("--label", `${place.label}px`);
    if (!place.card) return;
    this.cards.style.transform = `translate(${place.card.x}px, ${place.card.y}px)`;
    this.cards.style.width = `${place.card.w}px`;
  }

  /** @param {Look} look @param {string} ghost  what another strategy would do with it, or "" */
  show(look, ghost) {
    const { style } = this.element;
    attribute(this.element, "data-state", look.state);
    attribute(this.element, "data-spent", look.gaveUp);
    attribute(this.element, "data-ghost", ghost !== "");
    for (const name of /** @type {const} */ (["crack", "blink", "pop"])) {
      const value = look[name].toFixed(3);
      if (style.getPropertyValue(`--${name}`) !== value) style.setProperty(`--${name}`, value);
    }
    write(this.#ghost, ghost);
    if (isSupervisor(this.node)) this.#budget(look);
    else this.#process(look);
  }

  /** Its pid, unless its name has it. */
  #pid() {
    const { name, pid } = this.node;
    return pid && !name.endsWith(` ${pid}`) ? pid : "";
  }

  /** The pid or the word of a state; a new pid slides in. @param {Look} look */
  #process(look) {
    const key = `${look.state} ${look.born} ${look.reason}`;
    if (key !== this.#key) {
      this.#key = key;
      const word = look.state === "crashed" ? shortOf(look.reason) : look.state;
      const parts = look.state === "ended" && look.reason === ABSENT ? []
        : look.state === "running" ? [this.#pid()]
        : [icon(look.state === "crashed" ? "crashed" : "stopped", "glyph"), word];
      this.#old.replaceChildren(...parts);
      this.#new.replaceChildren(look.born ? look.pid ?? "" : "");
      attribute(this.#old, "data-word", look.state !== "running");
      render(look.born && look.next !== null ? html`<i>new state</i><span>${look.next}</span>` : nothing, this.#after);
    }
    this.#old.style.transform = look.born ? `translateY(${-18 * look.rise}px)` : "";
    this.#new.style.transform = look.born ? `translateY(${18 * (1 - look.rise)}px)` : "";
    if (this.#place.card) this.#memory(look);
  }

  /** The old card falls, or fades if its process is stopped; the new one drops in. @param {Look} look */
  #memory(look) {
    const { fall, fade, born, rise } = look, before = this.#before.style, after = this.#after.style, beside = this.#place.align === "row";
    attribute(this.#before, "data-lost", fall > 0);
    if (fall > 0) {
      const turn = beside ? -8 : this.#place.x % 2 < 1 ? -19 : 19;
      before.transform = `translate(${(beside ? 6 : turn) * fall}px, ${(beside ? 44 : FALL_PX) * fall ** 2}px) rotate(${turn * fall}deg)`;
      before.opacity = `${fall < 0.55 ? 1 : 1 - (fall - 0.55) / 0.45}`;
    } else {
      before.transform = fade ? `translateY(${8 * fade}px)` : "";
      before.opacity = `${born ? 0 : 1 - fade}`;
    }
    after.opacity = `${born ? rise : 0}`;
    after.transform = born ? `translateY(${-16 * (1 - rise)}px)` : "";
  }

  /** The restarts that are left: a mark each, which empties and refills. @param {Look} look */
  #budget(look) {
    const { limit, kind } = this.node, pips = this.#pips.children, marks = pips.length, spent = look.spent.slice(-marks);
    for (let place = 0; place < marks; place += 1) {
      const mark = pips[place], one = spent[marks - 1 - place];
      if (!mark) continue;
      const [, refill, full] = mark.children;
      const back = one && one.refill >= 1;
      if (full instanceof SVGElement) full.style.transform = one && !back ? `scale(${(1 - one.gone).toFixed(3)})` : "";
      if (refill) attribute(refill, "stroke-dasharray", one && !back ? `${(one.refill * 100).toFixed(1)} 100` : "0 100");
    }
    this.#pips.hidden = look.state === "stopped" || look.state === "ended";
    const refilled = look.gaveUp ? 0 : look.spent.filter((one) => one.refill >= 1).length;
    const open = limit && Math.min(limit[0], (look.left ?? 0) + refilled);
    const left = !limit ? ""
      : limitText(look.gaveUp ? 0 : open ?? 0, limit);
    const words = {
      crashed: look.gaveUp ? "gave up" : shortOf(look.reason), ended: "ended", stopped: "stopped",
      running: limit ? (this.fans || !marks || look.gaveUp ? left : "") : kind === "supervisor" ? UNLIMITED : "",
    };
    const text = words[look.state];
    if (this.#left.textContent !== text) this.#left.replaceChildren(...phrases(text));
    attribute(this.#left, "data-bad", look.gaveUp || look.state === "crashed");
  }
}
