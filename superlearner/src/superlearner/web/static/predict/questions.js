/**
 * Questions of the game: which there are, and their drawing before anything happens.
 *
 * @module
 */

import { quiet } from "../moment/schedule.js";
import { LEVELS } from "./told.js";

/** @import { Moment } from "../moment/schedule.js" */
/** @import { Question } from "./predict-game.js" */

const SEEDS = 9999;

/** Return the seed of a new question, which is not the present one. @param {number} [present] @returns {number} */
export function newSeed(present) {
  const seed = 1 + Math.floor(Math.random() * SEEDS);
  return seed === present ? (seed % SEEDS) + 1 : seed;
}

/** Return the tree of a question as a restart without events. @param {Question} question @param {number} id @returns {Moment} */
export const before = ({ tree }, id) => quiet(id, tree);

/** Return why there is no question of this level and seed. @param {string} level @param {string} seed @returns {[string, string]|null} */
export function unknown(level, seed) {
  const number = Number(level);
  if (!/^\d+$/.test(level) || number < 1 || number > LEVELS)
    return [`There is no level ${level.slice(0, 20)}.`, `The levels are 1 to ${LEVELS}.`];
  if (!/^-?\d+$/.test(seed) || !Number.isSafeInteger(Number(seed)))
    return [`There is no question with the seed ${seed.slice(0, 20)}.`, "A seed is a whole number, such as 17."];
  return null;
}
