/**
 * The choreography of a restart: from its events to cues with times. Pure.
 *
 * Times are milliseconds at speed 1. A cue says which mark moves when; `picture.js` draws the cues of any time.
 *
 * @module
 */

import { isOrderly } from "../base/words.js";

/** @typedef {"supervisor"|"dynamic_supervisor"|"task_supervisor"|"worker"} Kind */
/**
 * @typedef {{file: string, line: number, function: string, source: string|null, around?: {line: number, code: string}[],
 *   callers?: string[]}} WhyLine
 */

/**
 * A process of the tree as it was before the restart; its id is the path of its slot.
 * @typedef {object} MomentNode
 * @property {string} id
 * @property {string} name
 * @property {Kind} kind
 * @property {string|null} pid
 * @property {string|null} strategy
 * @property {[number, number]|null} limit  restarts and seconds; null: no limit
 * @property {number} used  restarts of the window that happened before
 * @property {number[]} [ages]  seconds since each of the newest ones, oldest first; the marks of the others stay empty
 * @property {"permanent"|"transient"|"temporary"|null} restart
 * @property {string|null} state  "": unknown, but its place is reserved
 * @property {string|null} [ended]  why it had ended, if it had not been restarted yet
 * @property {MomentNode[]} children
 * @property {number} more  children that the server left out
 */

/**
 * @typedef {{at: number} & (
 *   {kind: "crash", id: string, reason: string, crash: boolean, start?: boolean, line?: WhyLine|null, times?: number}
 *   | {kind: "link", id: string, to: string, reason: string}
 *   | {kind: "signal", id: string, to: string, reason: string}
 *   | {kind: "decide", id: string, what: "restart"|"drop"|"give_up"|"pause", left: number|null, strategy: string|null, later?: number|null}
 *   | {kind: "stop", id: string, by: string, pid?: string|null, failure?: string|null}
 *   | {kind: "start", id: string, by: string, pid: string|null, state: string|null})} MomentEvent
 *   `start` of a crash: a start that failed, with the line that raised
 */

/** @typedef {Record<string, {also: string[], not: string[]}>} Ghosts  what another strategy would restart, and what it would not */

/**
 * The answer of the operation `restart.show`.
 * @typedef {object} Moment
 * @property {number} id
 * @property {string} [ref]  its id in addresses
 * @property {string|null} [node]  the name of its node
 * @property {boolean} [current]  its pids still name the same processes: the program has not been started again since
 * @property {number} at
 * @property {number|null} took  seconds
 * @property {boolean} complete
 * @property {boolean} going_on
 * @property {boolean} [program]  the program of the node ended, or a service or member came or went
 * @property {boolean} [moved]  a child runs on another member of the cluster now, or has run on two
 * @property {string} summary
 * @property {string|null} [request]  the request that ended the first process
 * @property {Record<string, string|null>|null} [facts]  short texts about it
 * @property {WhyLine|null} line
 * @property {MomentNode} root
 * @property {MomentEvent[]} events
 * @property {Ghosts} ghosts
 * @property {number} storm
 * @property {number} [storm_before]
 */

/** Return a moment in which nothing happens. @param {number} id @param {MomentNode} root @returns {Moment} */
export const quiet = (id, root) => ({
  id, at: 0, took: null, complete: true, going_on: false, summary: "", line: null, root, events: [], ghosts: {}, storm: 0,
});

/** @typedef {{event: number, id: string, at: number, dur: number}} Base  `event`: its place in the events of the moment */
/**
 * @typedef {Base & (
 *   {kind: "crash", reason: string, cracks: boolean}
 *   | {kind: "go", of: "exit"|"stop"|"start", up: boolean, to: string|null, text: string}
 *   | {kind: "decide", what: "restart"|"drop"|"give_up"|"pause", left: number|null}
 *   | {kind: "stopped"}
 *   | {kind: "started", pid: string|null, state: string|null})} Cue
 *   `id` of a pulse: the process at the lower end of its line; `to`: the other end of a link
 */
/** @typedef {{cues: Cue[], stages: number[], end: number}} Score  `stages`: 0, then the end of each of the six stages */

export const STAGES = ["Crash", "Signal", "Decide", "Stop", "Start", "Explain"];

const T = {
  crack: 260, signalAt: 180, signal: 340, decide: 240, travel: 140, stopGap: 100, startGap: 110, fade: 200, appear: 220, rest: 40,
  beat: 160, tell: 180,
};
/** Many siblings share this time. */
const MOST = { stop: 600, start: 770 };
/** A long story plays faster. */
const LONGEST = 5000;

/**
 * Return the stage of the next event.
 * @param {MomentEvent} event
 * @param {number} stage  of the events before
 * @param {boolean} decided
 */
function stageOf(event, stage, decided) {
  switch (event.kind) {
    case "crash":
      return Math.max(stage, decided ? 4 : 1);
    case "link":
      return Math.max(stage, 2);
    case "signal":
      return Math.max(stage, !decided ? 2 : stage > 3 ? 5 : 3);
    case "decide":
      return stage > 3 ? 5 : 3;
    case "stop":
      return Math.max(stage, 4);
    case "start":
      return 5;
  }
}

/**
 * Return the cues of a restart, and the end of each stage.
 * @param {Pick<Moment, "events"> & {root?: MomentNode}} moment
 * @returns {Score}
 */
export function schedule({ events, root }) {
  /** @type {Cue[]} */
  const cues = [];
  const stages = [0];
  /** @type {Map<string, number>} */
  const started = new Map(), gave = new Set();
  let t = 0, stage = 0, busy = 0, decided = false;
  const acts = withLateStarts(events), all = acts.map(({ event }) => event);
  acts.forEach(({ event, place }, order) => {
    const before = all[order - 1];
    if (before && before.kind !== event.kind && (before.kind === "stop" || before.kind === "start")) t = Math.max(t, busy + T.rest);
    for (const next = stageOf(event, stage, decided); stage < next; stage += 1) {
      if (stage > 0) stages.push((t = Math.max(t, (stages.at(-1) ?? 0) + T.beat)));
    }
    const cue = { event: place, id: event.id, at: t };
    switch (event.kind) {
      case "crash": {
        const linked = before?.kind === "link" && before.to === event.id;
        const cracks = gave.has(event.id) || event.crash || !isOrderly(event.reason); // an orderly end is drawn as a stop
        cues.push({ ...cue, kind: "crash", dur: T.crack, reason: event.reason, cracks });
        t += linked ? 60 : T.signalAt;
        break;
      }
      case "link":
        cues.push({ ...cue, kind: "go", of: "exit", up: false, to: event.to, text: event.reason, dur: T.signal });
        t += T.signal;
        if (!all.some((other) => other.kind === "crash" && other.id === event.to))
          cues.push({ ...cue, id: event.to, at: t, kind: "crash", dur: T.crack, reason: event.reason, cracks: true });
        break;
      case "signal":
        cues.push({
          ...cue, kind: "go", of: "exit", up: true, to: null,
          text: gave.has(event.id) ? `gave up · ${event.reason}` : event.reason,
          dur: T.signal,
        });
        t += T.signal;
        break;
      case "decide":
        if (event.what === "give_up") gave.add(event.id);
        cues.push({ ...cue, kind: "decide", dur: T.decide, what: event.what, left: event.left });
        t += T.decide;
        decided = true;
        break;
      case "stop":
        cues.push({ ...cue, kind: "go", of: "stop", up: false, to: null, text: "stop", dur: T.travel });
        cues.push({ ...cue, at: (busy = t + T.travel), kind: "stopped", dur: T.fade });
        t += gap(all, order, T.stopGap, MOST.stop);
        break;
      case "start": {
        const at = Math.max(t, started.get(event.by) ?? 0), way = root ? wayTo(root, event.by, event.id) : [event.id];
        way.forEach((id, hop) =>
          cues.push({ ...cue, id, at: at + hop * T.travel, kind: "go", of: "start", up: false, to: null, text: "start", dur: T.travel }));
        cues.push({ ...cue, at: (busy = at + way.length * T.travel), kind: "started", dur: T.appear, pid: event.pid, state: event.state });
        started.set(event.id, busy);
        t = at + gap(all, order, T.startGap, MOST.start);
        break;
      }
    }
  });
  for (; stage < 5; stage += 1) if (stage > 0) stages.push((t = Math.max(t, busy, (stages.at(-1) ?? 0) + T.beat)));
  const done = Math.max(t, ...cues.map(({ at, dur }) => at + dur));
  stages.push(Math.max(done, (stages.at(-1) ?? 0) + T.beat));
  stages.push((stages.at(-1) ?? 0) + T.tell);
  return fitted({ cues, stages, end: stages.at(-1) ?? 0 });
}

/**
 * Return the events with their places. If a child was started after a pause, the decision is followed by the starts of
 * the child and of all that had ended below it, at the same place: they are part of that event.
 * @param {MomentEvent[]} events
 * @returns {{event: MomentEvent, place: number}[]}
 */
function withLateStarts(events) {
  return events.flatMap((event, place) => {
    const told = [{ event, place }], end = events[place - 1];
    if (event.kind !== "decide" || event.what !== "pause" || !event.later || end?.kind !== "signal") return told;
    const { id: child } = end, before = events.slice(0, place),
      ended = before.flatMap((one) => (one.kind === "crash" || one.kind === "stop" ? [one.id] : one.kind === "link" ? [one.to] : []));
    const below = [...new Set(ended)].filter((id) => id.startsWith(`${child}/`)).sort((one, other) => depth(one) - depth(other));
    for (const id of [child, ...below]) {
      const by = id === child ? event.id : id.slice(0, id.lastIndexOf("/"));
      told.push({ event: { kind: "start", at: event.at + event.later, id, by, pid: null, state: null }, place });
    }
    return told;
  });
}

/**
 * Return the processes on the way from a supervisor down to a process that it starts: over a member of the cluster, two.
 * @param {MomentNode} root @param {string} by @param {string} id
 */
function wayTo(root, by, id) {
  /** @param {MomentNode} node @returns {string[]|null} */
  const find = (node) => {
    if (node.id === id) return [id];
    for (const child of node.children) {
      const below = find(child);
      if (below) return [node.id, ...below];
    }
    return null;
  };
  const found = find(root) ?? [], place = found.indexOf(by);
  return place < 0 ? [id] : found.slice(place + 1);
}

/** The number of levels above a process. @param {string} id */
const depth = (id) => id.split("/").length;

/**
 * Return the time between two pulses of a row of equal events.
 * @param {MomentEvent[]} events
 * @param {number} place
 * @param {number} most
 * @param {number} all
 */
function gap(events, place, most, all) {
  const kind = events[place]?.kind;
  let first = place, last = place;
  while (events[first - 1]?.kind === kind) first -= 1;
  while (events[last + 1]?.kind === kind) last += 1;
  return Math.min(most, all / Math.max(1, last - first));
}

/** @param {Score} score @returns {Score} */
function fitted(score) {
  const faster = LONGEST / score.end;
  if (faster >= 1) return score;
  const cues = score.cues.map((cue) => ({ ...cue, at: cue.at * faster, dur: cue.dur * faster }));
  return { cues, stages: score.stages.map((at) => at * faster), end: LONGEST };
}

/** Return the stage of a time, 1 to 6; 0 at the start. @param {Score} score @param {number} t */
export const stageAt = ({ stages }, t) => stages.reduce((found, start, place) => (place < 6 && t > start + 0.5 ? place + 1 : found), 0);

/** The part of each stage in which it is seen best. */
const POSES = [0.92, 0.56, 0.75, 0.62, 0.62, 1];

/** Return the time that shows a stage best. @param {Score} score @param {number} stage  0 to 6 */
export function poseOf({ stages }, stage) {
  const from = stages[stage - 1], to = stages[stage];
  return from === undefined || to === undefined ? 0 : from + (to - from) * (POSES[stage - 1] ?? 1);
}

/**
 * Return the time of a stop of the arrow keys: the end of the stage before or after.
 * @param {Score} score
 * @param {number} t
 * @param {number} by  -1 or 1
 */
export const stepFrom = ({ stages, end }, t, by) =>
  (by > 0 ? stages.find((at) => at > t + 1) ?? end : stages.findLast((at) => at < t - 1) ?? 0);
