/**
 * The marks of the page: which shape stands for which state, the budget as pips, what a closed branch hides.
 *
 * @module
 */

import { make } from "./dom.js";
import { counted } from "./words.js";

/** State → shape in the sprite. A state is never told by colour alone. @type {Record<string, string>} */
export const SHAPES = {
  running: "running", starting: "restarting", restarting: "restarting", exiting: "restarting",
  stopped: "stopped", crashed: "crashed", stuck: "stuck", gave_up: "gave-up", supervisor: "supervisor", group: "list",
};

/** More than this many restarts allowed are told in numbers only. */
const MOST_PIPS = 6;

/**
 * The restarts that are left, one mark each.
 * @param {number} left
 * @param {number} max
 */
export function pips(left, max) {
  const row = make("span", { class: "pips", "aria-hidden": "true" });
  if (max <= MOST_PIPS) for (let one = 0; one < max; one += 1) row.append(make("i", { "data-left": one < left }));
  return row;
}

/** @param {{all: number, bad: number}} inside */
export const hiddenText = ({ all, bad }) => counted(all, "process", "processes") + (bad ? `, ${bad} not running` : "");
