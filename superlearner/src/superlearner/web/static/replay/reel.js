/**
 * A recording in the page: its events, people and trees, with pure functions of the playhead for every query. So
 * playing forwards, backwards and jumping cost the same, and playing needs no further memory.
 *
 * The reel has a time scale of its own: with even steps each event gets room and long pauses are shortened, else it
 * is the node's time.
 *
 * @module
 */

import { isOrderly } from "../base/words.js";
import { EMPTY, reduce } from "../live/model.js";
import { brief } from "../traces/sequence-layout.js";
import { YOURS } from "../live/scopes.js";

/** @import { Model } from "../live/model.js" */
/** @import { Person } from "../traces/sequence-layout.js" */

/**
 * An event: µs, kind, pid, other pid, text, index of its cause, way or more.
 * @typedef {[number, string, string|null, string|null, string, number, string]} Event
 */
/**
 * @typedef {{place: number, last: number, next_place: number|null, keyframe: any, frames: [number, any][],
 *   events: Event[], people: [string|null, string|null, string|null, string|null][]}} Page
 */

/** A model is stored after this many changes of the tree. */
const KEEP = 64;
/** With even steps: the minimum and maximum milliseconds between two events. */
const LEAST_MS = 60;
const MOST_MS = 700;

/** Kinds of events that are steps; others are details. */
const STEPS = new Set([
  "sent", "dropped", "spawned", "exited", "child_restarted", "restart_failed", "gave_up", "state_changed", "strategy_changed",
  "code_changed", "node_up", "node_down", "call_timed_out",
]);

/** @param {Event} event */
export const isCrash = (event) => event[1] === "exited" && !isOrderly(event[4]);

export class Reel {
  /** @type {Event[]} */ events = [];
  /** @type {Map<string, Person & {what: string}>} */ people = new Map();
  /** Indices (from 1) of the shown events that are steps. @type {number[]} */ steps = [];
  /** Index of the start of each process. @type {Map<string, number>} */ born = new Map();
  /** Indices of the shown crashes. @type {number[]} */ crashes = [];
  /** Index of the arrival of each message, 0 if it was not received. @type {Map<number, number>} */ arrivals = new Map();
  /** Index of the call of each reply. @type {Map<number, number>} */ answers = new Map();
  /** The number of all events, including those not loaded yet. */
  last = 0;
  /** Milliseconds of the reel after each event, from index 1. @type {Float64Array} */ even = new Float64Array(1024);
  /** @type {Float64Array} */ real = new Float64Array(1024);
  /** Processes of the reader's own trees. @type {Set<string>} */ #own = new Set();
  /** Processes of the platform. @type {Set<string>} */ #platform = new Set();
  /** True if the reader wants to see them. */ #wantsPlatform = false;
  /** True if they were hidden when the steps were chosen. */ #hidden = false;
  /** @type {[number, any][]} */ #frames = [];
  /** @type {{place: number, frame: number, model: Model}[]} */ #models = [];
  /** @type {Map<string, number>} */ #calls = new Map();
  /** @type {Model} */ #newest = EMPTY;
  /** @type {{place: number, frame: number, model: Model}} */ #near = { place: -1, frame: 0, model: EMPTY };

  /** The number of the platform's own processes; 0 if the recording has no others. */
  get platform() {
    return this.#own.size ? this.#platform.size : 0;
  }

  /** True if the platform's own processes are not shown: other trees are recorded. */
  get hides() {
    return !this.#wantsPlatform && this.#own.size > 0;
  }

  /** Show the platform's own processes, or not. @param {boolean} platform */
  show(platform) {
    this.#wantsPlatform = platform;
    this.#choose();
  }

  /** Return whether a process is shown. @param {string|null} pid */
  shows(pid) {
    return pid === null || !this.hides || !this.#platform.has(pid);
  }

  /** Return whether an event is shown: it is about a process that is. @param {Event} event */
  #isShown([, , who, other]) {
    return !this.hides || (who !== null && this.shows(who)) || (other !== null && this.shows(other)) || (who === null && other === null);
  }

  /** Choose the steps and crashes that are shown. */
  #choose() {
    this.#hidden = this.hides;
    const places = this.events.flatMap((event, index) => (this.#isShown(event) ? [index + 1] : []));
    this.steps = places.filter((place) => STEPS.has(this.events[place - 1]?.[1] ?? ""));
    this.crashes = places.filter((place) => isCrash(/** @type {Event} */ (this.events[place - 1])));
  }

  /** True once the recording is loaded completely. */
  get complete() {
    return this.events.length >= this.last;
  }

  /** True if it is loaded completely and has no supervision tree. */
  get treeless() {
    return this.complete && !this.#frames.length && !this.#newest.rows.size;
  }

  /** The index of the first step of the reader's own trees; 0 if the recording has none, or nothing else. */
  get ownFirst() {
    const isOwn = (/** @type {string|null} */ pid) => pid !== null && this.#own.has(pid);
    return this.steps.find((place) => isOwn(this.events[place - 1]?.[2] ?? null) || isOwn(this.events[place - 1]?.[3] ?? null)) ?? 0;
  }

  /** The supervisor of the first process of the reader's own trees that crashed; null without. */
  get ownTrouble() {
    for (const place of this.crashes) {
      const pid = this.events[place - 1]?.[2] ?? null, boss = pid === null ? null : this.people.get(pid)?.supervisor;
      if (pid !== null && boss && this.#own.has(pid)) return boss;
    }
    return null;
  }

  /** Add the next page; pages come in order. @param {Page} page */
  add(page) {
    this.last = page.last;
    for (const [pid, name, what] of page.people) if (pid !== null) this.#meet(pid, name, what);
    this.#newest = reduce(this.#newest, page.keyframe);
    this.#models.push({ place: page.place, frame: this.#frames.length, model: this.#newest });
    this.#supervisors(this.#newest);
    let since = 0;
    for (const frame of page.frames) {
      this.#frames.push(frame);
      this.#newest = reduce(this.#newest, frame[1]);
      if (++since % KEEP === 0) this.#models.push({ place: frame[0], frame: this.#frames.length, model: this.#newest });
      const moved = (frame[1].p ?? []).flatMap((/** @type {[string, any]} */ [key, changed]) =>
        (changed.pid ? [this.#newest.rows.get(key)] : []));
      this.#supervisors(this.#newest, [...(frame[1].n ?? []), ...moved]);
    }
    for (const event of page.events) this.#take(event);
    if (this.#hidden !== this.hides) this.#choose(); // the first process of the reader's own was met
  }

  /** @param {string} pid @param {string|null} name @param {string|null} what */
  #meet(pid, name, what) {
    const known = this.people.get(pid);
    this.people.set(pid, {
      pid, name: name || null, what: what ?? "", label: name || `${what ?? ""} ${pid}`.trim(), supervisor: known?.supervisor ?? null,
      traced: known?.traced ?? false,
    });
  }

  /** Record the supervisors in the rows of the tree. @param {Model} model @param {Iterable<any>} [rows] */
  #supervisors(model, rows = model.rows.values()) {
    const root = model.rows.get(YOURS)?.parent ?? null;
    for (const row of rows) {
      const above = row.parent === null ? undefined : model.rows.get(row.parent);
      if (row.pid === null) continue;
      if (row.key.startsWith(`${YOURS}/`)) this.#own.add(row.pid);
      else if (root !== null && (row.key === root || row.key.startsWith(`${root}/`))) this.#platform.add(row.pid);
      if (!this.people.has(row.pid)) this.#meet(row.pid, row.name, row.what);
      const person = this.people.get(row.pid);
      if (person && above) person.supervisor = above.name ?? above.id;
    }
  }

  /** @param {Event} event */
  #take(event) {
    const place = this.events.push(event);
    const [at, kind, who, , words, cause, more] = event;
    if (place >= this.even.length) {
      for (const name of /** @type {const} */ (["even", "real"])) {
        const longer = new Float64Array(this[name].length * 2);
        longer.set(this[name]);
        this[name] = longer;
      }
    }
    const before = this.events[place - 2]?.[0] ?? 0;
    const step = STEPS.has(kind);
    const gap = Math.max(0, at - before) / 1000;
    this.real[place] = Math.max(this.real[place - 1] ?? 0, at / 1000);
    this.even[place] = (this.even[place - 1] ?? 0) + (place === 1 ? 0 : Math.min(MOST_MS, Math.max(step ? LEAST_MS : 12, gap)));
    const shown = this.#isShown(event);
    if (step && shown) this.steps.push(place);
    if (isCrash(event)) {
      if (shown) this.crashes.push(place);
      const person = this.people.get(who ?? "");
      if (person) person.traced = true;
    }
    if (kind === "spawned" && who !== null) {
      this.#meet(who, words, more);
      this.born.set(who, place);
    }
    if (kind === "registered" && who !== null) this.#meet(who, words, this.people.get(who)?.what ?? "");
    if ((kind === "received" || kind === "dropped") && cause) this.arrivals.set(cause, place);
    if (kind === "sent" && more.includes(" ")) {
      const [way, ref] = [more.slice(0, more.indexOf(" ")), more.slice(more.indexOf(" ") + 1)];
      if (way === "call") this.#calls.set(ref, place);
      else if (way === "reply") {
        const call = this.#calls.get(ref);
        if (call !== undefined) this.answers.set(place, call);
        this.#calls.delete(ref);
      }
    }
  }

  /** Return the display name of a process. @param {string|null} pid */
  label(pid) {
    return pid === null ? "outside" : this.people.get(pid)?.label ?? pid;
  }

  /**
   * Return the tree after some events: the nearest stored model plus later frames.
   * @param {number} place
   * @returns {Model}
   */
  tree(place) {
    let low = 0;
    for (let high = this.#models.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((this.#models[middle]?.place ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    let from = this.#models[low - 1] ?? { place: 0, frame: 0, model: EMPTY };
    if (this.#near.place <= place && this.#near.place >= from.place && this.#near.frame >= from.frame) from = this.#near;
    let { frame, model } = from;
    for (; frame < this.#frames.length && (this.#frames[frame]?.[0] ?? Infinity) <= place; frame++)
      model = reduce(model, this.#frames[frame]?.[1]);
    this.#near = { place, frame, model };
    return model;
  }
}

/**
 * Return the number of events up to a moment of the reel.
 * @param {Float64Array} times
 * @param {number} count
 * @param {number} at
 */
export function placeAt(times, count, at) {
  let low = 1;
  for (let high = count + 1; low < high;) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Return the index of the last number in a sorted list that is not greater.
 * @param {readonly number[]} sorted
 * @param {number} value
 */
export function lastUpTo(sorted, value) {
  let low = 0;
  for (let high = sorted.length; low < high;) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Return an end in the words of `otp.sentences.ended`: a recording has reasons but no sentences.
 * @param {string} who
 * @param {string} reason
 */
function ended(who, reason) {
  if (reason === "killed") return `${who} was killed`;
  return `${who} ${/^(normal$|shutdown$|\(shutdown, )/.test(reason) ? "ended" : "crashed"}: ${reason}`;
}

/**
 * Return an event as a sentence.
 * @param {Reel} reel
 * @param {number} place
 */
export function sentence(reel, place) {
  const event = reel.events[place - 1];
  if (!event) return "the beginning";
  const [, kind, who, other, words, , more] = event;
  const name = reel.label(who);
  switch (kind) {
    case "sent": {
      const way = more.split(" ", 1)[0];
      if (brief(words) !== words) return `${name} tells ${reel.label(other)}: ${brief(words)}`;
      const verb = way === "call" ? "calls" : way === "cast" ? "casts to" : way === "reply" ? "replies to" : "sends to";
      return `${name} ${verb} ${reel.label(other)}: ${words}`;
    }
    case "dropped": return `${name} sends to ${reel.label(other)}, who has ended: ${words}`;
    case "received": return `${name} takes ${words}`;
    case "spawned": return `${reel.label(other)} starts ${name}`;
    case "exited": return ended(name, words);
    case "child_started": return `${name} started ${words}`;
    case "child_terminated": return `${name} sees the end of ${words}${more ? `: ${more}` : ""}`;
    case "child_restarted": return `${more ? `${ended(words, more)}; ` : ""}${name} restarted ${words}`;
    case "restart_failed": return `${name} could not restart a child: ${words}`;
    case "gave_up": return `${name} gave up: ${words}`;
    case "state_changed": return `${name} has the state ${words}`;
    case "callback_begun": return `${name} begins ${words}`;
    case "callback_ended": return `${name} ends ${words}`;
    case "registered": return `${name} is registered as ${words}`;
    case "unregistered": return `${name} is no longer registered as ${words}`;
    default: return `${who === null ? ""
      : `${name}: `}${kind.replaceAll("_", " ")}${other ? ` ${reel.label(other)}` : ""}${words ? ` ${words}` : ""}`;
  }
}

/**
 * Collects all events of one process, once; `lookAt` uses it.
 * @typedef {{pid: string, born: number, died: number, reason: string, states: number[], callbacks: number[],
 *   received: number[], waits: [number, number][]}} Biography
 */

/**
 * @param {Reel} reel
 * @param {string} pid
 * @returns {Biography}
 */
export function biography(reel, pid) {
  /** @type {Biography} */
  const found = { pid, born: 0, died: Infinity, reason: "", states: [], callbacks: [], received: [], waits: [] };
  reel.events.forEach((event, index) => {
    const place = index + 1;
    if (event[3] === pid && event[1] === "sent") found.waits.push([place, reel.arrivals.get(place) ?? Infinity]);
    if (event[2] !== pid) return;
    switch (event[1]) {
      case "spawned": found.born = place; break;
      case "exited": found.died = place; found.reason = event[4]; break;
      case "state_changed": found.states.push(place); break;
      case "callback_begun": case "callback_ended": found.callbacks.push(place); break;
      case "received": found.received.push(place); break;
    }
  });
  return found;
}

/**
 * Return a process at a moment; null for what the recording lacks.
 * @param {Reel} reel
 * @param {Biography} life
 * @param {number} place
 */
export function lookAt(reel, life, place) {
  const text = (/** @type {number} */ at) => reel.events[at - 1]?.[4] ?? "";
  const state = life.states[lastUpTo(life.states, place)];
  const callback = life.callbacks[lastUpTo(life.callbacks, place)];
  const message = life.received[lastUpTo(life.received, place)];
  const alive = place >= life.born && place < life.died;
  /** @type {number[]} */ const waiting = [];
  if (alive) for (const [sent, taken] of life.waits) if (sent <= place && place < taken) waiting.push(sent);
  return {
    alive, unborn: place < life.born, reason: place >= life.died ? life.reason : "",
    state: state === undefined ? null : text(state),
    callback: callback !== undefined && reel.events[callback - 1]?.[1] === "callback_begun" ? text(callback) : null,
    message: message === undefined ? null : text(message), waiting,
  };
}
