/**
 * What the reader has reached with predictions: streak, best streak and levels. This browser keeps it.
 *
 * @module
 */

/**
 * @typedef {{streak: number, best: number, passed: number[], tried: number[], answered: string[]}} Record  `answered`:
 *   the newest questions, by their keys
 */

export const LEVELS = 10;
const STORE = "superlearner.predict";
/** Questions that are known as answered. */
const KEPT = 200;
/** @type {Record} */ let last = { streak: 0, best: 0, passed: [], tried: [], answered: [] };

/** @param {unknown} value */
const count = (value) => (Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : 0);
/** @param {unknown} value */
const levels = (value) => (Array.isArray(value) ? value.filter((one) => Number.isInteger(one)) : []);

/** @returns {Record} */
export function recall() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE) ?? "null");
    if (stored && typeof stored === "object") {
      const { answered, best, passed, streak, tried } = stored;
      const keys = Array.isArray(answered) ? answered.filter((/** @type {unknown} */ one) => typeof one === "string") : [];
      last = { streak: count(streak), best: count(best), passed: levels(passed), tried: levels(tried), answered: keys };
    }
  } catch { /* no storage, or invalid: it lasts as long as the page */ }
  return last;
}

/** Return whether a question was answered before, so that another answer does not count. @param {string} key */
export const isAnswered = (key) => recall().answered.includes(key);

/**
 * Count an answer. Only the first answer to a question counts, as its explanation is known afterwards.
 * @param {string} key
 * @param {number} level  0: of no level
 * @param {boolean} right
 * @returns {Record}
 */
export function countAnswer(key, level, right) {
  const known = recall();
  if (known.answered.includes(key)) return known;
  const streak = right ? known.streak + 1 : 0;
  const add = (/** @type {number[]} */ list, /** @type {boolean} */ yes) =>
    (yes && level && !list.includes(level) ? [...list, level] : list);
  last = {
    streak, best: Math.max(known.best, streak), passed: add(known.passed, right), tried: add(known.tried, !right),
    answered: [...known.answered, key].slice(-KEPT),
  };
  try {
    localStorage.setItem(STORE, JSON.stringify(last));
  } catch { /* as above */ }
  return last;
}
