/**
 * The questions of the game: ten levels, of which the platform runs the trees.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { icon } from "../base/dom.js";
import { html, nothing } from "../vendor/lit-html.js";
import { LEVELS } from "./record.js";

/** @import { Answer, PredictGame, Source } from "./predict-game.js" */

const SEEDS = 9999;

/** Return the seed of a new question, which is not the present one. @param {number} [present] @returns {number} */
function newSeed(present) {
  const seed = 1 + Math.floor(Math.random() * SEEDS);
  return seed === present ? (seed % SEEDS) + 1 : seed;
}

/**
 * Return what asks the questions of the levels: the attributes `level` and `seed` of a game say which.
 * @param {PredictGame} game
 * @returns {Source & {level: number}}
 */
export function levels(game) {
  const of = (/** @type {string} */ name) => game.getAttribute(name) ?? "1";
  /** @param {number} level @param {number} [seed] */
  const open = (level, seed = newSeed(Number(of("seed")))) => {
    game.setAttribute("level", `${level}`);
    game.setAttribute("seed", `${seed}`);
  };
  /** @type {string[]} */ let titles = [];
  return {
    lock: "Lock in",
    get level() {
      return Number(of("level"));
    },
    get key() {
      if (!game.hasAttribute("seed")) game.setAttribute("seed", `${newSeed()}`);
      return `${of("level")}/${of("seed")}`;
    },
    get line() {
      return `Level ${of("level")} of ${LEVELS}`;
    },
    /** @returns {[string, string]|null} */
    get missing() {
      const level = of("level"), seed = of("seed");
      if (!/^\d+$/.test(level) || Number(level) < 1 || Number(level) > LEVELS)
        return [`There is no level ${level.slice(0, 20)}.`, `The levels are 1 to ${LEVELS}.`];
      if (!/^-?\d+$/.test(seed) || !Number.isSafeInteger(Number(seed)))
        return [`There is no question with the seed ${seed.slice(0, 20)}.`, "A seed is a whole number, such as 17."];
      return null;
    },
    get about() {
      return { level: Number(of("level")), seed: Number(of("seed")) };
    },
    open,
    async ask(signal) {
      const question = await platform("GET", `/game/levels/${of("level")}?seed=${of("seed")}`, undefined, signal);
      titles = question.levels;
      return { ...question, key: `${question.level}/${question.seed}`, line: `${this.line} · ${question.title}` };
    },
    answer: (_, picked, signal) =>
      platform("GET", `/game/levels/${of("level")}/answer?seed=${of("seed")}&picked=${encodeURIComponent(picked.join(","))}`, undefined,
        signal),
    file: (/** @type {Answer} */ { nodes }) => {
      const picked = nodes.flatMap(({ id, verdict }) => (verdict === "right" || verdict === "wrong" ? [id] : []));
      return platform("GET", `/game/levels/${of("level")}/file?seed=${of("seed")}&picked=${encodeURIComponent(picked.join(","))}`);
    },
    ways: ({ passed, tried }) =>
      html`<div class="levels" role="group" aria-label="Levels">${Array.from({ length: LEVELS }, (_, place) => {
        const number = place + 1, is = passed.includes(number) ? "passed" : tried.includes(number) ? "tried" : "new";
        const words = { passed: "passed", tried: "not passed yet", new: "" }[is];
        const label = [`Level ${number}`, titles[place], words].filter(Boolean).join(", ");
        return html`<button type="button" aria-label=${label} title=${label} aria-current=${`${number}` === of("level") ? "step" : nothing}
          data-is=${is} @click=${() => open(number)}>${number}${is === "passed" ? icon("check", "glyph") : nothing}</button>`;
      })}</div>`,
    instead: () => html`<button type="button" class="btn primary" @click=${() => open(1)}>Go to level 1</button>`,
    next(right) {
      const last = this.level >= LEVELS, on = right && !last;
      return html`${last
        ? nothing
        : html`<button type="button" class=${on ? "btn primary" : "btn"} @click=${() => open(this.level + 1)}>Next level</button>`}
        <button type="button" class=${on ? "btn" : "btn primary"} @click=${() => open(this.level)}>Another one like this</button>`;
    },
  };
}
