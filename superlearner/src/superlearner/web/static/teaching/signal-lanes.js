/**
 * The drawing of a burst's signals over the lines of a tree: each line is a lane, each signal an arrow from one lane
 * to another, in order from left to right. Pure.
 *
 * @module
 */

/** @typedef {"kill"|"link"|"exit"|"stop"|"start"|"failed"|"gave_up"} Kind */
/**
 * Kind, from, to (indices in `who`, -1 for outside the tree), microseconds since the first one, reason or pid.
 * @typedef {[Kind, number, number, number, string]} Signal
 */
/** @typedef {{who: [string, string][], list: Signal[], more: number}} Burst */
/**
 * An arrow between two heights; `outside`: it comes from the left edge, from outside the tree.
 * @typedef {{n: number, kind: Kind, x: number, from: number, to: number, outside: boolean, word: string,
 *   after: string}} Arrow
 */
/** @typedef {{top: number, bottom: number, lanes: number[], arrows: Arrow[], words: boolean}} Drawing */

/** Duration of a replayed burst. */
const REPLAY_MS = 1500;
/** Closer arrows have no room for words. */
const ROOM = 48;
const MARGIN = 24, END = 44;

/**
 * @param {Burst} burst
 * @param {readonly (number|null)[]} heights  the middle of the line of each process in `who`; null: it is not on the page
 * @param {{left: number, right: number, row: number}} space  the columns to draw in, and the height of a line
 * @returns {Drawing}
 */
export function drawing(burst, heights, { left, right, row }) {
  const known = heights.filter((y) => y !== null);
  const top = Math.min(...known) - row / 2;
  const bottom = Math.max(...known) + row / 2;
  const shown = burst.list.map((signal, place) => ({ signal, n: place + 1 }))
    .filter(({ signal: [, , to] }) => (heights[to] ?? null) !== null);
  const step = shown.length > 1 ? (right - left - MARGIN - END) / (shown.length - 1) : 0;
  const arrows = shown.map(({ signal: [kind, source, target, us], n }, place) => {
    const to = heights[target] ?? top;
    const from = source < 0 || source === target ? to : heights[source] ?? to;
    return { n, kind, x: Math.round(left + MARGIN + place * step), from, to, outside: source < 0, word: WORDS[kind], after: offset(us) };
  });
  return { top, bottom, lanes: [...new Set(known)].sort((one, other) => one - other), arrows, words: arrows.length < 2 || step >= ROOM };
}

/** @type {Record<Kind, string>} */
const WORDS = { kill: "kill", link: "link", exit: "exit", stop: "stop", start: "start", failed: "no start", gave_up: "gives up" };

/**
 * Return start and end of each arrow in milliseconds, in the order of the events.
 * @param {number} count
 * @param {number} [total]
 * @returns {[number, number][]}
 */
export const schedule = (count, total = REPLAY_MS) =>
  Array.from({ length: count }, (_, place) => [(total * place) / count, (total * (place + 1)) / count]);

/**
 * Return a short time as text.
 * @param {number} us
 */
export function offset(us) {
  if (us < 1000) return `+${us} µs`;
  return us < 1e6 ? `+${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms` : `+${(us / 1e6).toFixed(1)} s`;
}

/**
 * Return a signal as a sentence, for the list beside the picture.
 * @param {Signal} signal
 * @param {[string, string][]} who
 */
export function sentence([kind, source, target, , word], who) {
  const name = (/** @type {number} */ place) => who[place]?.[1] ?? "a process outside the tree";
  const [from, to] = [name(source), name(target)];
  switch (kind) {
    case "kill":
      return `${source < 0 ? "A signal from outside the tree" : `A signal from ${from}`} ended ${to}.`;
    case "link":
      return `${to} was linked to ${from} and ended with it${word ? `: ${word}` : ""}.`;
    case "exit":
      return `${to} saw the end of ${from}${word ? `: ${word}` : ""}.`;
    case "stop":
      return `${from} stopped ${to}${word ? `: ${word}` : ""}.`;
    case "start":
      return `${from} started ${to}${word ? ` as ${word}` : ""}.`;
    case "failed":
      return `${from} could not start ${to}${word ? `: ${word}` : ""}.`;
    default:
      return `${from} had no restarts left and gave up.`;
  }
}

/** A point of the map; `name` is how far its name extends. @typedef {{x: number, y: number, size: number, name?: number}} Spot */

/**
 * Return the path of an arrow between two cells of the map: later arrows have a wider bow, so that arrows between the
 * same cells do not overlap, and avoid the names.
 * @param {Spot|null} from  null: from outside
 * @param {Spot} to
 * @param {number} place
 * @returns {{path: string, at: [number, number], end: [number, number], turn: number}}  `at` is the position of its number
 */
export function bow(from, to, place) {
  const far = to.size / 2 + 3;
  if (from === null || (from.x === to.x && from.y === to.y)) {
    const [x, y] = [to.x - far - 16, to.y - 10];
    return { path: `M${x} ${y}L${to.x - far} ${to.y - 2}`, at: [x, y], end: [to.x - far, to.y - 2], turn: 27 };
  }
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  const wide = Math.max(16, Math.max(from.name ?? 0, to.name ?? 0) + 4) + 15 * (place % 8);
  const side = dy < 0 || (dy === 0 && dx < 0) ? 1 : -1; // always to the right: there is space beside the first cells of a box
  const [nx, ny] = [(-dy / length) * side, (dx / length) * side];
  const [cx, cy] = [(from.x + to.x) / 2 + nx * wide * 2, (from.y + to.y) / 2 + ny * wide * 2];
  const back = Math.hypot(to.x - cx, to.y - cy) || 1;
  const end = /** @type {[number, number]} */ ([to.x - ((to.x - cx) / back) * far, to.y - ((to.y - cy) / back) * far]);
  const out = Math.hypot(cx - from.x, cy - from.y) || 1;
  const begin = [from.x + ((cx - from.x) / out) * far, from.y + ((cy - from.y) / out) * far];
  const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  return {
    path: `M${begin.map(round).join(" ")}Q${round(cx)} ${round(cy)} ${end.map(round).join(" ")}`,
    at: [round((begin[0] ?? 0) / 4 + cx / 2 + end[0] / 4), round((begin[1] ?? 0) / 4 + cy / 2 + end[1] / 4)],
    end, turn: round((Math.atan2(end[1] - cy, end[0] - cx) * 180) / Math.PI),
  };
}
