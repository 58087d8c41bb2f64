/**
 * The buttons over the processes of a drawing: one for each process, with its mark and its words.
 *
 * @module
 */

import { attribute, closest, draw, icon, make } from "../base/dom.js";
import { limitText } from "../base/words.js";
import { isSupervisor, link } from "../moment/layout.js";
import { all } from "../moment/picture.js";

/** @import { Layout, Place } from "../moment/layout.js" */
/** @import { MomentNode } from "../moment/schedule.js" */
/** @import { Question } from "./predict-game.js" */
/** @typedef {"right"|"missed"|"wrong"} Mark */

const ICONS = { right: "check", missed: "plus", wrong: "cross" };
/** Half the size of the shape of size 1, with its ring. */
const RADIUS = 34;
/** Height of a process with its name, in a fan and in rows. */
const TALL = 128, SUPERVISOR = 78, ROW = 42, SUPERVISOR_ROW = 54;
const ARROWS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

export class Picks {
  /** @type {Map<string, HTMLButtonElement>} */ #buttons = new Map();
  /** @type {MomentNode[]} */ #nodes = [];
  /** @type {Question|null} */ #question = null;
  /** @type {Map<string, Place>} */ #places = new Map();
  #lines = draw("svg");
  element = make("div", { class: "picks", role: "group" });

  /** @param {(id: string) => void} onPick */
  constructor(onPick) {
    this.#lines.setAttribute("class", "ties");
    this.#lines.setAttribute("aria-hidden", "true");
    this.element.addEventListener("click", (event) => {
      const button = closest(event.target, "button");
      if (button?.dataset.id !== undefined) onPick(button.dataset.id);
    });
    this.element.addEventListener("focusin", ({ target }) => {
      for (const button of this.#buttons.values()) button.tabIndex = button === target ? 0 : -1;
    });
  }

  /** Show the processes of a question. @param {Question} question */
  show(question) {
    const known = this.#nodes.map(({ id }) => id);
    this.#question = question;
    this.#nodes = all(question.tree);
    if (String(known) !== String(this.#nodes.map(({ id }) => id))) {
      this.#buttons = new Map(
        this.#nodes.map(({ id, kind }) => [
          id,
          make("button", { type: "button", class: "pick", "data-id": id, "data-kind": kind, tabindex: -1 }, make("span", { class: "ring" }),
            make("span", { class: "mark" }), make("span", { class: "words" })),
        ]));
      this.element.replaceChildren(this.#lines, ...this.#buttons.values());
    }
    this.element.ariaLabel = `Processes of ${question.tree.name}`;
    for (const button of this.#buttons.values()) button.tabIndex = button.dataset.id === this.#nodes[0]?.id ? 0 : -1;
  }

  /** Put the buttons over a drawing. @param {Layout} layout @param {number} width */
  place({ places, rows, height }, width) {
    this.#places = places;
    this.element.style.height = `${height}px`;
    attribute(this.element, "data-rows", rows);
    for (const [id, button] of this.#buttons) {
      const at = places.get(id);
      button.hidden = !at;
      if (!at) continue;
      const r = RADIUS * at.size, below = at.align === "below",
        w = below ? Math.min(132, Math.max(2 * r, at.label)) : rows ? width - 8 - at.x + r : 2 * r + at.label + 6;
      const row = button.dataset.kind === "worker" ? ROW : SUPERVISOR_ROW, h = rows ? row : below ? TALL : SUPERVISOR,
        x = below ? w / 2 : r, y = rows ? row / 2 : r + 4;
      attribute(button, "data-align", at.align);
      button.style.transform = `translate(${at.x - x}px, ${at.y - y}px)`;
      button.style.width = `${w}px`;
      button.style.height = `${h}px`;
      button.style.setProperty("--x", `${x}px`);
      button.style.setProperty("--y", `${y}px`);
      button.style.setProperty("--r", `${r - 2}px`);
    }
    this.#lines.replaceChildren(...(this.#question?.links ?? []).flatMap(([one, other]) => {
      const from = places.get(one), to = places.get(other);
      if (!from || !to) return [];
      return [draw("path", { d: link(from, to, rows, true).d })];
    }));
  }

  /**
   * Show what is picked and what turned out.
   * @param {ReadonlySet<string>} picked
   * @param {ReadonlyMap<string, Mark>} marks
   * @param {boolean} open  whether processes may be picked
   */
  paint(picked, marks, open) {
    const question = this.#question;
    attribute(this.element, "data-open", open);
    for (const node of this.#nodes) {
      const button = this.#buttons.get(node.id), mark = marks.get(node.id);
      if (!button || !question) continue;
      const [, badge, said] = button.children, victim = node.id === question.victim && open;
      attribute(button, "aria-pressed", String(picked.has(node.id)));
      attribute(button, "aria-disabled", open ? null : "true");
      attribute(button, "data-mark", mark ?? null);
      attribute(button, "data-victim", victim);
      const words = [victim && "will be killed", node.restart === "temporary" && "temporary", mark].filter((word) =>
        typeof word === "string");
      if (button.dataset.words !== String(words)) {
        button.dataset.words = String(words);
        said?.replaceChildren(
          ...words.map((word) => make("span", { "data-word": word }, word === "will be killed" ? icon("crashed", "glyph") : null, word)));
      }
      const shape = mark ? ICONS[mark] : picked.has(node.id) ? "check" : "";
      if (badge instanceof HTMLElement && badge.dataset.shape !== shape) {
        badge.dataset.shape = shape;
        badge.replaceChildren(...(shape ? [icon(shape, "glyph")] : []));
      }
      attribute(button, "aria-label", [node.name, ...facts(node, question), ...words.filter((word) => word !== "temporary")].join(", "));
    }
  }

  /** Return whether a key moved the focus to another process. @param {KeyboardEvent} event */
  moved(event) {
    const direction = ARROWS[event.key], from = [...this.#buttons].find(([, button]) => button === document.activeElement)?.[0];
    if (!direction) return false;
    if (from === undefined) this.focus();
    else this.#buttons.get(this.#next(from, direction))?.focus();
    return true;
  }

  focus() {
    [...this.#buttons.values()].find((button) => button.tabIndex === 0)?.focus({ preventScroll: true });
  }

  /** Return the nearest process in a direction. @param {string} from @param {[number, number]} direction */
  #next(from, [dx, dy]) {
    const start = this.#places.get(from);
    let best = from, least = Infinity;
    for (const [id, { x, y }] of this.#places) {
      const along = start ? (x - start.x) * dx + (y - start.y) * dy : 0,
        aside = start ? Math.abs((x - start.x) * dy) + Math.abs((y - start.y) * dx) : 0;
      if (along > 1 && along + 2 * aside < least) [best, least] = [id, along + 2 * aside];
    }
    return best;
  }
}

/** What the drawing shows about a process, in words. @param {MomentNode} node @param {Question} question */
function facts(node, question) {
  const above = all(question.tree).find(({ children }) => children.includes(node));
  const place = above ? [`child ${above.children.indexOf(node) + 1} of ${above.children.length} of ${above.name}`] : [];
  const links = (question.links ?? []).flatMap(([one, other]) =>
    (one === node.id ? [`linked to ${other}`] : other === node.id ? [`linked to ${one}`] : []));
  if (!isSupervisor(node)) return [node.restart === "temporary" ? "temporary worker" : "worker", ...place, ...links];
  const left = node.limit ? [limitText(node.limit[0] - node.used, node.limit)] : [];
  return [`supervisor, ${node.strategy}`, ...left, ...place];
}
