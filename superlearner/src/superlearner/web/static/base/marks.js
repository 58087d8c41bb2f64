/**
 * Shared symbols: shapes of states, pips for restart budgets, and summaries of closed branches.
 *
 * @module
 */

import { make } from "./dom.js";
import { counted } from "./words.js";

/** The shape of each state in the sprite; colour alone never conveys a state. @type {Record<string, string>} */
export const SHAPES = {
  running: "running", starting: "restarting", restarting: "restarting", exiting: "restarting",
  stopped: "stopped", crashed: "crashed", stuck: "stuck", suspended: "suspended", gave_up: "gave-up",
  supervisor: "supervisor", group: "list",
};

/**
 * Return the shape of a row on every page: dynamic supervisors have that of supervisors.
 * @param {{kind: string, state: string}} row
 * @param {string} [look]  what is shown instead of its state
 */
export function shapeOf({ kind, state }, look = state) {
  return SHAPES[look === "running" && kind !== "worker" ? kind : look] ?? (look === "running" ? "running" : "stopped");
}

/** Return the parts of a budget's text, each of which is shown whole or not at all. @param {string} text */
export const phrases = (text) => text.split(/ (?=restart|in )/).map((part, place) => make("span", {}, `${place ? " " : ""}${part}`));

/** Larger budgets are shown as numbers only. */
const MOST_PIPS = 6;

/**
 * Return the remaining restarts, one mark each.
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
