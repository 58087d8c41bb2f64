/**
 * The lifecycle events that the server has in memory, oldest first, and the restarts before them that it keeps. The
 * page asks for newer events when its live feed brings a change, so it keeps no second connection open.
 *
 * @module
 */

import { often } from "../base/words.js";
import { oneByOne } from "../live/one-by-one.js";
import { placeOf, storedSentence } from "../live/storms.js";
import { KEPT_TYPE, TYPES } from "./past.js";

/** @import { LogEvent } from "./past.js" */
/** @typedef {{items: any[], last_id: string, ended: string}} Answer */

const EVENTS = `/events?types=${TYPES.join(",")}`;
/** Events of the first answer; the rest is loaded when somebody goes back beyond them. */
const FIRST = 400;
/** The server keeps 10,000 events of all types by default. */
const MOST = 5000;
const PART = 1000;
/** Kept restarts of the first answer; the rest is loaded when the reader goes back beyond them. */
const KEPT = 200;
/** Minimum interval between two requests. */
const PAUSE_MS = 400;
/** By then, a restart has settled, and its line names the request that ended a process. */
const SETTLED_MS = 1000;
/** Minimum interval between two questions about what was stored meanwhile. */
const STORED_MS = 1500;
/** Questions about the same ends, of which some have no settled restart yet. */
const MOST_ASKED = 10;

/** Seconds within which a restart follows its first cause, and by which their times may differ. */
const SAME_S = 1;

export class EventLog {
  /** @type {readonly LogEvent[]} */ events = [];
  /** True if the server has no older ones. */
  whole = false;
  /** The kept restarts before them, oldest first; null before they are read. @type {readonly LogEvent[]|null} */ kept = null;
  /** Identifies the program that the events are from; "" before the first answer. */
  run = "";
  /** The number of changes that the live feed has brought. */
  change = 0;
  /** The number of changes of which the events are here; -1: none are. */
  read = -1;
  /** Why the last request failed; null if it did not. @type {unknown} */ error = null;
  /** Whether the server may keep restarts before those that are here. */
  goesOn = true;
  /** @type {Promise<void>|null} */ #older = null;
  /** @type {Promise<void>|null} */ #part = null;
  /** What is kept is read one part at a time. */ #reads = oneByOne();
  #last = "";
  #timer = 0;
  #asking = false;
  #keptDue = false;
  #again = false;
  /** Increases when the log is replaced, so that late answers are dropped. */
  #turn = 0;
  #settling = 0;
  #stored = 0;
  #asked = 0;
  /** The known requests that ended processes, "" for none, by the number of the first cause. @type {Map<number, string>} */
  #requests = new Map();

  /** @param {() => void} changed @param {(path: string) => Promise<any>} ask  requests a path of the node */
  constructor(changed, ask) {
    this.changed = changed;
    this.ask = ask;
  }

  /** Load the newest events, after the first connection and after a restart of the server. */
  async begin() {
    this.#last = "";
    this.#older = null;
    this.#part = null;
    this.goesOn = true;
    this.events = [];
    this.whole = false;
    this.kept = null;
    this.run = "";
    this.read = -1;
    await this.#load(FIRST);
  }

  /** Load all events that the server has, once; after a failure, not before `retry`. */
  async all() {
    if (!this.whole && this.error === null) await (this.#older ??= this.#load(MOST).finally(() => (this.#older = null)));
  }

  /**
   * Load older kept restarts.
   * @param {number} [to]  back to this moment; without it, one more part
   */
  async more(to = Infinity) {
    if (this.kept !== null && this.goesOn && this.error === null)
      await (this.#part ??= this.#reads(() => this.#loadMore(to)).finally(() => (this.#part = null)));
  }

  /** Ask for newer events soon: there was a change. */
  soon() {
    this.change += 1;
    this.#schedule();
  }

  /** Ask soon for what was stored meanwhile and has no event, such as a hang that ended. */
  storedSoon() {
    this.#stored ||= setTimeout(() => void this.#reads(() => this.#loadStored()), STORED_MS);
  }

  async #loadStored() {
    this.#stored = 0;
    const first = this.events[0]?.at;
    if (!this.#last || (first === undefined && this.kept === null)) return; // they are read with the events
    if (first === undefined || (this.kept === null && this.whole)) return this.#loadKept();
    /** @type {Api.RestartLine[]|null} */ const found = await this.#ask(this.#turn, `/restarts?settled=true&fold=false&per_page=${KEPT}`);
    if (!found) return;
    this.#join(found, first);
    if (this.kept !== null) {
      const oldest = oldestOf(found), kept = this.kept.filter(({ data, at }) => !data["incident"] || at < oldest);
      this.kept = inOrder([...kept, ...found.filter(({ incident, at }) => incident && at < first).map(eventOf)]);
    }
    this.changed();
  }

  /** Join what is kept and has no event to the events. @param {Api.RestartLine[]} found @param {number} first  its time */
  #join(found, first) {
    const missing = (/** @type {Api.RestartLine} */ one) => one.at >= first
      && (one.program || (one.incident && !this.events.some((event) => isStart(event, one))));
    const ends = found.filter(missing).map(eventOf);
    const oldest = oldestOf(found), events = this.events.filter(({ type, at }) => type !== KEPT_TYPE || at < oldest);
    this.events = inOrder([...events.map((event) => withPage(event, found)), ...ends]);
  }

  /** Repeat what has failed. */
  async retry() {
    this.error = null;
    this.changed();
    if (!this.#last) return this.begin();
    await this.#newer();
    if (this.whole && this.kept === null && this.error === null) await this.#reads(() => this.#loadKept());
  }

  #schedule(pause = PAUSE_MS) {
    if (!this.#timer) this.#timer = setTimeout(() => {
      this.#timer = 0;
      void this.#newer();
    }, pause);
  }

  /** @param {number} last */
  async #load(last) {
    const turn = ++this.#turn, { change } = this, before = this.#last;
    this.#last = ""; // newer events are those after this answer
    /** @type {Answer|null} */ const found = await this.#ask(turn, `${EVENTS}&last=${last}&limit=${last}&timeout_ms=300`);
    if (!found) {
      if (turn === this.#turn) this.#last = before;
      return;
    }
    this.#last = found.last_id;
    if (this.run !== runOf(found.last_id)) this.#requests.clear();
    this.run = runOf(found.last_id);
    const complete = found.ended !== "limit" || found.items.length >= last;
    this.read = complete ? change : -1;
    this.events = this.#explained(lifecycle(found.items));
    this.whole = last === MOST || this.events.length < last;
    this.changed();
    this.#schedule(complete ? PAUSE_MS : 0);
    this.#explainSoon();
    this.#keptDue = this.whole;
    if (complete) this.#loadKeptIfDue();
  }

  /** Load the kept restarts once all events in memory are here: a sum counts those that are not. */
  #loadKeptIfDue() {
    if (this.#keptDue) void this.#reads(() => this.#loadKept());
    this.#keptDue = false;
  }

  /** Ask soon whose requests ended processes. */
  #explainSoon() {
    this.#asked = 0;
    if (this.events.some(isUnexplained)) this.#settle();
  }

  /** Ask whose requests ended processes, until each end with a restart has an answer. */
  async explain() {
    this.#settling = 0;
    const first = this.events.find(isUnexplained);
    if (!first) return;
    /** @type {Api.RestartLine[]|null} */ const found = await this.#ask(this.#turn,
      `/restarts?settled=true&fold=false&per_page=${KEPT}&since=${first.at - 1}`);
    if (!found) return;
    for (const { event, request } of found) this.#requests.set(event, request ?? "");
    const explained = this.#explained(this.events);
    const news = explained.some(({ request }, place) => request && request !== this.events[place]?.request);
    this.events = explained;
    if (news) this.changed();
    if (explained.some(isUnexplained) && (this.#asked += 1) < MOST_ASKED) this.#settle();
  }

  #settle() {
    this.#settling ||= setTimeout(() => void this.#reads(() => this.explain()), SETTLED_MS);
  }

  /** Return events with the known requests that ended processes. @param {readonly LogEvent[]} events @returns {LogEvent[]} */
  #explained(events) {
    return events.map((event) => {
      const request = isUnexplained(event) ? this.#requests.get(event.cause ?? 0) : undefined;
      return request === undefined ? event : { ...event, request };
    });
  }

  async #loadKept() {
    const turn = this.#turn, first = this.events[0]?.at;
    /** @type {Api.RestartLine[]|null} */ const found = await this.#ask(turn,
      `/restarts?settled=true&fold=false&per_page=${KEPT}${first === undefined ? "" : `&until=${first}`}`);
    if (!found) return;
    await this.#loadPrograms(turn, first);
    if (turn !== this.#turn) return;
    this.goesOn = found.length >= KEPT;
    const before = found.filter((one) => !this.events.some((event) => isOf(event, one)));
    this.kept = inOrder(withoutListed(before, this.events).map(eventOf).reverse());
    this.changed();
  }

  /** @param {number} to */
  async #loadMore(to) {
    const turn = this.#turn;
    while (this.goesOn) {
      const first = this.kept?.length ? Math.min(...this.kept.map(({ began, at }) => began ?? at)) : undefined;
      if (first === undefined) return;
      /** @type {Api.RestartLine[]|null} */ const found = await this.#ask(turn,
        `/restarts?settled=true&fold=false&per_page=${PART}&until=${first}`);
      if (!found) return;
      this.goesOn = found.length >= PART;
      this.kept = inOrder([...found.map(eventOf).reverse(), ...this.kept ?? []]);
      this.changed();
      if ((this.kept[0]?.at ?? 0) <= to) return;
    }
  }

  /**
   * Load the ends and starts of the program since a time; the node has no events for them.
   * @param {number} turn
   * @param {number|undefined} first
   */
  async #loadPrograms(turn, first) {
    if (first === undefined) return;
    /** @type {Api.RestartLine[]|null} */ const found = await this.#ask(turn,
      `/restarts?settled=true&fold=false&per_page=${KEPT}&since=${first}`);
    if (found) this.#join(found, first);
  }

  async #newer() {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    if (!this.#last) return;
    const turn = this.#turn, { change } = this;
    this.#asking = true;
    /** @type {Answer|null} */ const found = await this.#ask(turn,
      `${EVENTS}&last_id=${encodeURIComponent(this.#last)}&limit=${PART}&timeout_ms=50`);
    this.#asking = false;
    if (found?.items.some(({ type }) => type === "gap") || (found && runOf(found.last_id) !== this.run)) void this.begin();
    else if (found) {
      const newer = lifecycle(found.items), complete = found.ended !== "limit", news = complete && this.read < change;
      this.#last = found.last_id;
      if (complete) this.read = change;
      if (newer.length) this.events = inOrder([...this.events, ...newer]).slice(-MOST);
      if (newer.length || news) this.changed();
      if (newer.some(isUnexplained)) this.#explainSoon();
      if (complete) this.#loadKeptIfDue();
      else this.#schedule(0);
    }
    if (this.#again) this.#schedule();
    this.#again = false;
  }

  /** Return an answer; null if it came too late or there is none. @param {number} turn @param {string} path @returns {Promise<any>} */
  async #ask(turn, path) {
    let found = null;
    /** @type {unknown} */ let failed = null;
    try {
      found = await this.ask(path);
    } catch (error) {
      failed = error;
    }
    if (turn !== this.#turn) return null;
    this.error = failed;
    if (failed !== null) this.changed();
    return found;
  }
}

/** Return since when an answer has all that is kept. @param {readonly Api.RestartLine[]} found  newest first */
const oldestOf = (found) => (found.length < KEPT ? -Infinity : found.at(-1)?.at ?? -Infinity);

/** @param {any[]} items @returns {LogEvent[]} */
const lifecycle = (items) => inOrder(items.filter(({ type }) => TYPES.includes(type)));

/** Order events by time: a supervisor reports an end later. @param {LogEvent[]} events */
const inOrder = (events) => events.sort((one, other) => one.at - other.at);

/**
 * Return whether an event belongs to a kept restart; their times are recomputed for each answer.
 * @param {LogEvent} event
 * @param {Api.RestartLine} one
 */
const isOf = ({ cause, seq, at }, one) => one.event > 0 && [cause, seq].includes(one.event)
  && [one.at, one.until ?? one.at].some((other) => Math.abs(at - other) <= SAME_S); // a give-up is at the end of its restart

/** Return whether an event is the failed start that a problem tells of. @param {LogEvent} event @param {Api.RestartLine} one */
const isStart = ({ type, at, supervisor, name }, one) => type === "start_failed" && at >= one.at - SAME_S
  && at <= (one.until ?? one.at) + SAME_S && supervisor === one.supervisor && name === one.name;

/** Return an event, with the page of the failed start that it tells of. @param {LogEvent} event @param {Api.RestartLine[]} found */
function withPage(event, found) {
  const one = found.find((one) => one.incident && isStart(event, one));
  return one ? { ...event, ref: one.ref } : event;
}

/** The count near the end of a line about restarts that were only counted. */
const TIMES = /(once|twice|[\d,]+ times)(?= more$)/;

/** Return whether a line stands for restarts that were only counted. @param {Pick<Api.RestartLine, "kept"|"line">} one */
const isSum = ({ kept, line = "" }) => !kept && TIMES.test(line);

/**
 * Return the kept restarts. Sums do not count restarts that the list has as events.
 * @param {readonly Api.RestartLine[]} found
 * @param {readonly LogEvent[]} events
 * @returns {Api.RestartLine[]}
 */
function withoutListed(found, events) {
  const first = events[0]?.at ?? Infinity;
  return found.flatMap((one) => {
    if (!isSum(one) || (one.until ?? one.at) < first) return [one];
    const listed = events.filter((event) => isCountedIn(event, one)).length, count = (one.count ?? 1) - listed;
    return count > 0 ? [{ ...one, count, started: one.started ? count : 0, line: one.line?.replace(TIMES, often(count)) ?? "" }] : [];
  });
}

/** Return whether a sum counts the restart or the end that an event reports. @param {LogEvent} event @param {Api.RestartLine} sum */
const isCountedIn = ({ type, at, name, cause, data }, sum) =>
  (sum.started ? type === "child_restarted" && !data["along"] : type === "child_terminated" && Boolean(data["by_itself"]))
  && name === sum.name && (data["reason"] === "killed") === (sum.reason === "killed")
  && Number(cause) >= sum.event && Number(cause) <= (sum.last ?? 0) && at <= (sum.until ?? at) + SAME_S;

/** Return a kept restart as an event. @param {Api.RestartLine} one @returns {LogEvent} */
function eventOf(one) {
  const { ref, at, until, count, line = "", program = false, started = 0, incident = false, outage = false, ...more } = one;
  return {
    id: `kept-${ref}-${count}`, type: KEPT_TYPE, at: placeOf(one), began: at, until: until ?? at, text: line,
    ref: outage ? null : ref, pid: null, name: null, supervisor: null, seq: null,
    data: {
      program, incident, outage, back: more.reason === null, reason: more.reason, where: more.where, started,
      ...(isSum({ line, ...more }) ? { times: count } : {}),
    },
    sentence: storedSentence({ line, program, started, ...more }),
  };
}

/** Return whether a process was killed, and nothing is known of a request yet. @param {LogEvent} event */
const isUnexplained = ({ type, data, request }) =>
  type === "child_terminated" && Boolean(data["by_itself"]) && data["reason"] === "killed" && request === undefined;

/** Return what identifies a program in an id of its events. @param {string} id */
const runOf = (id) => id.slice(0, id.lastIndexOf("-"));
