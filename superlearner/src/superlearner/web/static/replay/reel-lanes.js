/**
 * The lanes of a replay around a moment, as lists of lines, marks and labels. Pure: reel, time and size in, a picture
 * out; `replay-stage.js` paints it.
 *
 * @module
 */

import { isCrash, lastUpTo, placeAt } from "./reel.js";
import { lanesOf } from "../traces/sequence-layout.js";

/** @import { Reel } from "./reel.js" */
/** @import { Lane } from "../traces/sequence-layout.js" */

/**
 * `quiet`: no event reported it; it is the first or last event that mentions the process.
 * @typedef {{place: number, alive: boolean, crash: boolean, quiet?: boolean}} Turn
 */

/**
 * @typedef {object} Cast
 * @property {Lane[]} lanes
 * @property {(pid: string|null) => number} of
 * @property {Turn[][]} turns  of each lane, by index
 * @property {Int32Array} reach  the latest arrival of any message up to this index
 */

/**
 * @typedef {object} Picture
 * @property {{x1: number, x2: number, lane: number, alive: boolean}[]} lives
 * @property {{x: number, lane: number, kind: "crash"|"end"|"start", text: string, place: number}[]} marks
 * @property {{x1: number, y1: number, x2: number, y2: number, way: string, flying: boolean, age: number, text: string,
 *   place: number, took: number|null}[]} arrows
 * @property {{x: number, ms: number}[]} ticks
 * @property {number} playhead
 */

/** Messages in flight for more events than this are shown only where they were sent. */
const LOOK_BACK = 3000;
/** Share of the width before the playhead. */
export const BEFORE = 0.68;

/**
 * Return the lanes and the lifetimes in them. Computed again when more of the recording is loaded or lanes are folded.
 * @param {Reel} reel
 * @param {{opened: ReadonlySet<string>, most: number, only: string}} how  `only`: lanes related to this name, or all
 * @returns {Cast}
 */
export function cast(reel, { opened, most, only }) {
  /** @type {(string|null)[]} */ const pids = [];
  const seen = new Set();
  const add = (/** @type {string|null} */ pid) => {
    if (seen.has(pid)) return;
    seen.add(pid);
    if (reel.shows(pid) && (!only || fits(reel, pid, only))) pids.push(pid);
  };
  for (const place of reel.crashes) add(reel.events[place - 1]?.[2] ?? null);
  for (const [, kind, who, other] of reel.events) {
    if (kind === "sent") {
      add(who);
      add(other);
    } else if (kind === "exited" || kind === "child_restarted") add(who);
  }
  const { lanes, of } = lanesOf(pids, reel.people, opened, most);
  const known = new Set(pids);
  /** Processes that occur only in messages. @type {Map<string, [number, number]>} */ const heard = new Map();
  /** @type {Turn[][]} */ const turns = lanes.map(() => []);
  const reach = new Int32Array(reel.events.length + 1);
  let far = 0;
  reel.events.forEach((event, index) => {
    const place = index + 1;
    far = Math.max(far, event[1] === "sent" ? reel.arrivals.get(place) ?? place : place);
    reach[place] = far;
    for (const pid of [event[2], event[3]])
      if (pid !== null && known.has(pid) && !reel.people.has(pid)) heard.set(pid, [heard.get(pid)?.[0] ?? place, place]);
    if ((event[1] !== "exited" && event[1] !== "spawned") || !known.has(event[2])) return;
    const lane = of(event[2]);
    if (lanes[lane]?.folded) {
      if (isCrash(event)) turns[lane]?.push({ place, alive: true, crash: true });
    } else turns[lane]?.push({ place, alive: event[1] === "spawned", crash: isCrash(event) });
  });
  for (const [pid, [first, last]] of heard) {
    const lane = of(pid);
    if (!lanes[lane]?.folded)
      turns[lane]?.push({ place: first, alive: true, crash: false, quiet: true }, { place: last, alive: false, crash: false, quiet: true });
  }
  return { lanes, of: (pid) => (known.has(pid) ? of(pid) : -1), turns, reach };
}

/** @param {Reel} reel @param {string|null} pid @param {string} only */
function fits(reel, pid, only) {
  const person = pid === null ? undefined : reel.people.get(pid);
  return person !== undefined && (person.supervisor === only || person.label === only);
}

/**
 * @param {Reel} reel
 * @param {Cast} shown
 * @param {{times: Float64Array, at: number, view: number, left: number, width: number, still: boolean}} how  times in
 *   milliseconds of the reel, sizes in pixels
 * @returns {Picture}
 */
export function picture(reel, { of, lanes, turns, reach }, { times, at, view, left, width, still }) {
  const count = reel.events.length;
  const end = times[count] ?? 0;
  const from = Math.max(0, Math.min(at - view * BEFORE, end - view * BEFORE));
  const x = (/** @type {number} */ ms) => left + ((ms - from) / view) * (width - left);
  const now = placeAt(times, count, at);
  const first = Math.max(1, placeAt(times, count, from));
  /** @type {Picture} */
  const found = { lives: [], marks: [], arrows: [], ticks: [], playhead: x(at) };
  lanes.forEach((lane, number) => {
    const all = turns[number] ?? [];
    let next = lastUpTo(all.map((turn) => turn.place), first - 1) + 1;
    let alive = next > 0 ? all[next - 1]?.alive ?? true : !(all[0]?.alive && !all[0].crash) || lane.folded;
    let unborn = (next === 0 && !alive) || all[next - 1]?.quiet === true;
    let since = left;
    for (; next < all.length && (all[next]?.place ?? Infinity) <= now; next++) {
      const turn = all[next];
      if (!turn) continue;
      const here = x(times[turn.place] ?? 0);
      if (!turn.quiet && (turn.crash || turn.alive !== alive)) {
        const text = turn.alive && !turn.crash ? "" : reel.events[turn.place - 1]?.[4] ?? "";
        found.marks.push({ x: here, lane: number, kind: turn.crash ? "crash" : turn.alive ? "start" : "end", text, place: turn.place });
      }
      if (turn.alive === alive) continue;
      if (alive || !unborn) found.lives.push({ x1: since, x2: here, lane: number, alive });
      since = here;
      alive = turn.alive;
      unborn = turn.quiet === true;
    }
    if (alive || !unborn) found.lives.push({ x1: since, x2: x(at), lane: number, alive });
  });
  let back = first;
  for (; back > 1 && first - back < LOOK_BACK && (reach[back - 1] ?? 0) >= first; back--);
  for (let place = back; place <= now; place++) {
    const event = reel.events[place - 1];
    if (!event || (event[1] !== "sent" && event[1] !== "dropped")) continue;
    const [a, b] = [of(event[2]), of(event[3])];
    if (a < 0 || b < 0 || (a === b && lanes[a]?.folded)) continue;
    const arrives = reel.arrivals.get(place) ?? 0;
    const sent = times[place] ?? 0;
    const there = arrives ? Math.max(times[arrives] ?? sent, sent) : sent;
    if (there < from) continue;
    const done = still || there <= sent ? 1 : Math.min(1, (at - sent) / (there - sent));
    const call = reel.answers.get(place);
    found.arrows.push({
      x1: x(sent), y1: a, x2: x(sent + (there - sent) * done), y2: a + (b - a) * done,
      way: event[1] === "dropped" ? "dropped" : event[6].split(" ", 1)[0] ?? "info",
      flying: done < 1 || (!arrives && event[1] === "sent" && place > now - 3), age: at - there, text: event[4], place,
      took: call === undefined ? null : (reel.real[place] ?? 0) - (reel.real[call] ?? 0),
    });
  }
  const step = tickStep(view);
  for (let tick = Math.ceil(from / step) * step; tick < from + view; tick += step) {
    const place = Math.max(1, placeAt(times, count, tick));
    if (tick <= end) found.ticks.push({ x: x(tick), ms: reel.real[place] ?? 0 });
  }
  return found;
}

/** Return the milliseconds between two ticks: 1, 2 or 5 times a power of ten. @param {number} view */
function tickStep(view) {
  const rough = view / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((part) => part * power >= rough) ?? 10);
}

/**
 * Return the labels that fit, the first ones preferred. Others are only shown under the pointer.
 * @template {{x: number, y: number, width: number}} T
 * @param {readonly T[]} labels
 * @param {number} height
 * @returns {T[]}
 */
export function withRoom(labels, height) {
  /** @type {T[]} */ const kept = [];
  for (const label of labels) {
    if (!kept.some((other) =>
      label.x < other.x + other.width + 6 && other.x < label.x + label.width + 6 && Math.abs(label.y - other.y) < height))
      kept.push(label);
  }
  return kept;
}

/**
 * Return labels that end before the right edge; a label that is too long for the lanes begins at their left edge.
 * @template {{x: number, width: number}} T
 * @param {readonly T[]} labels
 * @param {number} left
 * @param {number} right
 * @returns {T[]}
 */
export const within = (labels, left, right) =>
  labels.map((label) => ({ ...label, x: Math.max(left, Math.min(label.x, right - label.width)) }));
