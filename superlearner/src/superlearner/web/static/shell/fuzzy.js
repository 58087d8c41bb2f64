/**
 * Fuzzy matching: letters in order, with better scores at the starts of words and side by side. Pure.
 *
 * @module
 */

/** Longer texts and queries are cut to this length. */
const LONGEST = 160;
const LONGEST_WORD = 48;

const HIT = 4;
const SIDE_BY_SIDE = 8;
const WORD_START = 7;
const TEXT_START = 4;
/** Penalty for a skipped letter between two hits. */
const GAP = 1;
const LENGTH = 0.05;
/** Minimum average score of a letter. */
const ENOUGH = 6;
const NONE = -Infinity;

/** @typedef {{score: number, places: number[]}} Fit  `places`: indices of the matched letters */

/** @param {string} text @param {number} place */
function startsWord(text, place) {
  const before = text[place - 1] ?? " ", here = text[place] ?? "";
  return !/[\p{L}\p{N}]/u.test(before) || (/\p{Lu}/u.test(here) && /\p{Ll}/u.test(before));
}

/**
 * Find the best match of the letters of one word in a text.
 * @param {string} word  lower case
 * @param {string} text
 * @returns {Fit|null}
 */
function fitWord(word, text) {
  const low = text.toLowerCase();
  if (low.length !== text.length) text = low; // a letter changes its length: indices would not match the text
  /** Best score with letter i of the word at index j. @type {number[][]} */
  const best = [];
  /** @type {number[][]} */
  const from = [];
  for (let i = 0; i < word.length; i += 1) {
    const row = new Array(low.length).fill(NONE), back = new Array(low.length).fill(-1);
    let reach = NONE, reachAt = -1;
    for (let j = 0; j < low.length; j += 1) {
      const before = i > 0 && j > 0 ? best[i - 1]?.[j - 1] ?? NONE : NONE;
      reach -= GAP;
      if (before > NONE && before >= reach) [reach, reachAt] = [before, j - 1];
      if (low[j] !== word[i]) continue;
      const here = HIT + (startsWord(text, j) ? WORD_START : 0) + (j === 0 ? TEXT_START : 0);
      if (i === 0) row[j] = here;
      else {
        const beside = before > NONE ? before + SIDE_BY_SIDE : NONE;
        const apart = reach;
        row[j] = here + Math.max(beside, apart);
        back[j] = beside >= apart ? j - 1 : reachAt;
      }
    }
    best.push(row);
    from.push(back);
  }
  const last = best.at(-1) ?? [];
  let at = -1;
  for (let j = 0; j < last.length; j += 1) if ((last[j] ?? NONE) > (at < 0 ? NONE : last[at] ?? NONE)) at = j;
  const score = last[at] ?? NONE;
  if (at < 0 || score <= ENOUGH * word.length) return null; // letters scattered over the text are no match
  const places = [];
  for (let i = word.length - 1; i >= 0; i -= 1) {
    places.unshift(at);
    at = from[i]?.[at] ?? -1;
  }
  return { score, places };
}

/**
 * Match a query, of which every word must match.
 * @param {string} question
 * @param {string} text
 * @returns {Fit|null}
 */
export function fit(question, text) {
  const words = question.toLowerCase().split(/\s+/).filter(Boolean).map((word) => word.slice(0, LONGEST_WORD));
  const looked = text.slice(0, LONGEST);
  let score = -looked.length * LENGTH;
  const places = new Set();
  for (const word of words) {
    const found = fitWord(word, looked);
    if (!found) return null;
    score += found.score;
    for (const place of found.places) places.add(place);
  }
  return { score, places: [...places].sort((one, other) => one - other) };
}

/**
 * Split a text into matched and other parts.
 * @param {string} text
 * @param {number[]} places
 * @returns {[string, boolean][]}
 */
export function pieces(text, places) {
  /** @type {[string, boolean][]} */
  const found = [];
  const meant = new Set(places);
  for (let at = 0; at < text.length; at += 1) {
    const last = found.at(-1);
    if (last && last[1] === meant.has(at)) last[0] += text[at];
    else found.push([text[at] ?? "", meant.has(at)]);
  }
  return found;
}
