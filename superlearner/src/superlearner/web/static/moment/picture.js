/**
 * The picture of a restart at one time: the state of each process, its marks and the pulses on the lines. Pure.
 *
 * @module
 */

import { isOrderly } from "../base/words.js";
import { stageAt } from "./schedule.js";

/** @import { Cue, MomentNode, Score } from "./schedule.js" */
/** @typedef {Extract<Cue, {kind: "go"}>} Pulse */

/**
 * What a process looks like. Numbers run from 0 to 1.
 * @typedef {object} Look
 * @property {"running"|"crashed"|"ended"|"stopped"} state
 * @property {string} reason
 * @property {number} crack  distance of the halves
 * @property {number} fall  of the state card
 * @property {number} fade  of the state card, if the process is stopped
 * @property {number} blink
 * @property {number} pop  ring of a new process
 * @property {number} rise  of the new pid and state card
 * @property {boolean} born
 * @property {boolean} gaveUp  no restart is left
 * @property {string|null} pid  of the new process
 * @property {string|null} next  the state of the new process
 * @property {number|null} left  restarts
 * @property {Spent[]} spent  the oldest first
 */
/** @typedef {{gone: number, refill: number}} Spent  a mark of the restart limit: how far it has emptied, and refilled */
/** @typedef {{pulse: Pulse, part: number, along: number}} Flight  `part` of its time, `along` its line from its lower end */
/** @typedef {{looks: Map<string, Look>, flights: Flight[]}} Picture */

const FALL = 560, HOLD = 60, EMPTY = 260;

/** @param {number} value */
const clamp = (value) => Math.min(1, Math.max(0, value));
/** @param {number} p */
const easeOut = (p) => 1 - (1 - p) ** 3;
/** @param {number} p */
const easeInOut = (p) => (p < 0.5 ? 2 * p * p : 1 - (-2 * p + 2) ** 2 / 2);
/** Overshoots by a tenth. @param {number} p */
const back = (p) => 1 + 2.2 * (p - 1) ** 3 + 1.2 * (p - 1) ** 2;

/** Return all processes of a tree, parents first. @param {MomentNode} node @returns {MomentNode[]} */
export const all = (node) => [node, ...node.children.flatMap(all)];

/** Return how far a mark that was spent before has refilled. @param {MomentNode} node @param {number} place @param {number} t */
function refilled({ limit, used, ages = [] }, place, t) {
  const age = ages[place - used + ages.length];
  return limit && age !== undefined ? clamp((age + t / 1000) / limit[1]) : 0;
}

/** @param {MomentNode} node @param {number} t @returns {Look} */
const calm = (node, t) => ({
  state: !node.ended ? "running" : isOrderly(node.ended) ? "ended" : "crashed", reason: node.ended ?? "", crack: node.ended ? 1 : 0,
  fall: node.ended ? 1 : 0, fade: 0, blink: 0, pop: 0, rise: 0, born: false, gaveUp: false, pid: null, next: null,
  left: node.limit && Math.max(0, node.limit[0] - node.used),
  spent: Array.from({ length: node.used }, (_, place) => ({ gone: 1, refill: refilled(node, place, t) })),
});

/**
 * Return the picture of a time.
 * @param {MomentNode[]} nodes
 * @param {Score} score
 * @param {number} t
 * @param {boolean} still  nothing moves: the last picture of the stage
 * @returns {Picture}
 */
export function picture(nodes, score, t, still = false) {
  const stage = stageAt(score, t);
  const now = still ? score.stages[stage] ?? score.end : t;
  const limits = new Map(nodes.map((node) => [node.id, node.limit]));
  const looks = new Map(nodes.map((node) => [node.id, calm(node, t)]));
  /** @type {Flight[]} */
  const flights = [];
  for (const cue of score.cues) {
    if (now <= cue.at) continue; // a stage ends where the next one begins
    if (cue.kind === "go") {
      const hold = cue.of === "exit" ? HOLD : 0;
      if (now <= cue.at + cue.dur + hold && (!still || (cue.of === "exit" && now >= cue.at + cue.dur)))
        flights.push(flight(cue, clamp((now - cue.at) / cue.dur)));
      continue;
    }
    const look = looks.get(cue.id);
    if (!look) continue;
    const part = still ? 1 : clamp((now - cue.at) / cue.dur);
    if (cue.kind === "crash")
      Object.assign(look, {
        state: cue.cracks ? "crashed" : "ended", reason: cue.reason, crack: back(part), fall: still ? 1 : clamp((now - cue.at) / FALL),
        born: false, pop: 0,
      });
    else if (cue.kind === "stopped") Object.assign(look, { state: "stopped", fade: part, born: false, pop: 0 });
    else if (cue.kind === "started") start(look, cue, part, limits.get(cue.id) ?? null);
    else
      decide(look, cue, now,
        still ? Number(stage === 3) : part < 1 ? Math.abs(Math.sin(part * Math.PI * 2)) : 0,
        limits.get(cue.id) ?? null, still);
  }
  return { looks, flights };
}

/** @param {Look} look @param {Extract<Cue, {kind: "started"}>} cue @param {number} part @param {[number, number]|null} limit */
function start(look, cue, part, limit) {
  const { fall } = look; // a card that still falls goes on
  Object.assign(look, {
    state: "running", crack: 0, fall, born: true, pop: part < 1 ? 1 - part : 0, rise: easeOut(part), gaveUp: false, pid: cue.pid,
    next: cue.state, left: limit && limit[0], spent: [],
  });
}

/**
 * @param {Look} look
 * @param {Extract<Cue, {kind: "decide"}>} cue
 * @param {number} now
 * @param {number} blink
 * @param {[number, number]|null} limit
 * @param {boolean} still
 */
function decide(look, cue, now, blink, limit, still) {
  look.blink = blink;
  if (cue.what === "give_up") Object.assign(look, { gaveUp: true, left: 0 });
  if (cue.what !== "restart" || !limit) return;
  look.left = cue.left ?? Math.max(0, (look.left ?? 0) - 1);
  look.spent = [
    ...look.spent,
    { gone: still ? 1 : easeOut(clamp((now - cue.at) / EMPTY)), refill: still ? 0 : clamp((now - cue.at) / (1000 * limit[1])) },
  ];
}

/** @param {Pulse} pulse @param {number} part @returns {Flight} */
function flight(pulse, part) {
  const way = (pulse.of === "exit" ? easeInOut : easeOut)(part);
  return { pulse, part, along: pulse.up ? 1 - way : way };
}
