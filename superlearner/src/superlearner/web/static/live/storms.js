/**
 * The rows of *What happened*: entries of one cause that repeat fold into one row with a count, which keeps its place.
 *
 * @module
 */

import { elapsed, shortRequest, withoutBudget } from "../base/words.js";

/** @import { FeedEvent } from "./model.js" */
/**
 * @typedef {object} Line
 * @property {string} id  stays the same while the row exists
 * @property {FeedEvent} event  the newest one
 * @property {number} count
 * @property {number} from  seconds, of the first one
 * @property {number} to  of the last one
 * @property {readonly FeedEvent[]} events  those in the feed, newest first
 * @property {readonly number[]} bars  counts of the last seconds until `to`; empty for a single entry
 */

/** Entries of one cause beyond which they fold. */
const BEYOND = 4;
/** Pause in seconds that ends a storm. */
const PAUSE_S = 10;
/** Seconds with a bar of their own. */
const BARS = 30;
/** Kinds of entries about the end of a process; an entry passes from one to another. */
const ENDS = new Set(["crashed", "killed", "restarted", "restart_failed"]);
/** Kinds of entries about a hold of the event loop. */
const HOLDS = new Set(["stuck", "answers_again"]);
/** Seconds by which the times of an entry and of what is stored about it may differ. */
const CLOSE_S = 0.05;
const PID = /[ /]<?\d+\.\d+\.\d+>?$/;

/** Return the name in an entry without the pid, which differs from child to child of a dynamic supervisor. @param {FeedEvent} event */
export const nameIn = ({ parts }) => (parts?.who ?? "").replace(PID, "");

/** Return the class of an exception, without its arguments. @param {string} reason */
export const reasonIn = (reason) => (/^[A-Za-z_][\w.]*(?=\()/.exec(reason) ?? [reason])[0];

/** Return a reason without what differs each time: arguments, and numbers and pids other than lines of code. @param {string} reason */
export const kindIn = (reason) => reasonIn(reason).replace(/(?<![:\w.])\d[\d.]*/g, "0");

/** Return the identity of what an entry is about. @param {FeedEvent} event */
export function causeOf(event) {
  const { kind, key, sup, text, parts } = event;
  const slot = !key ? text : PID.test(key) ? `${sup ?? key.replace(PID, "")} ${nameIn(event)}` : key;
  return JSON.stringify([ENDS.has(kind) ? "end" : kind, slot, kindIn(parts?.reason ?? ""), parts?.where]);
}

/** A row, and what it counts. */
class Row {
  /** The entries by number: those that left the feed are in `#gone`. @type {Map<number, FeedEvent>} */ events = new Map();
  #gone = { count: 0, /** @type {Map<number, number>} */ seconds: new Map() };
  /** @type {Line|null} */ #line = null;

  /** @param {string} cause @param {FeedEvent} event */
  constructor(cause, event) {
    this.cause = cause;
    this.id = String(event.id);
    this.from = event.parts?.since ?? event.at;
    this.to = event.at;
    this.put(event);
  }

  /** @param {FeedEvent} event */
  put(event) {
    if (this.events.get(event.id) === event) return;
    this.events.set(event.id, event);
    this.from = Math.min(this.from, event.parts?.since ?? event.at);
    this.to = Math.max(this.to, event.at);
    this.#line = null;
  }

  /** Forget the entries that left the feed, but keep their count. @param {ReadonlySet<number>} there */
  keep(there) {
    for (const [id, event] of this.events) {
      if (there.has(id)) continue;
      this.events.delete(id);
      this.#gone.count += timesOf(event);
      for (const [second, count] of seconds(event)) this.#gone.seconds.set(second, (this.#gone.seconds.get(second) ?? 0) + count);
      this.#line = null;
    }
    const oldest = Math.floor(this.to) - BARS;
    for (const second of this.#gone.seconds.keys()) if (second <= oldest) this.#gone.seconds.delete(second);
  }

  /** Take in an older row of the same cause. @param {Row} older */
  fold(older) {
    for (const event of older.events.values()) this.put(event);
  }

  get count() {
    return [...this.events.values()].reduce((sum, event) => sum + timesOf(event), this.#gone.count);
  }

  /** The same object until something changes. @returns {Line} */
  get line() {
    if (this.#line) return this.#line;
    const events = [...this.events.values()].sort((one, other) => other.at - one.at || other.id - one.id);
    const event = /** @type {FeedEvent} */ (events[0]);
    const { count, id, from, to } = this;
    return (this.#line = { id, event, count, from, to, events, bars: count > BEYOND ? this.#bars() : [] });
  }

  #bars() {
    const all = new Map(this.#gone.seconds);
    for (const event of this.events.values()) for (const [second, count] of seconds(event)) all.set(second, (all.get(second) ?? 0) + count);
    const last = Math.floor(this.to), first = Math.max(Math.floor(this.from), last - BARS + 1);
    return Array.from({ length: last - first + 1 }, (_, place) => all.get(first + place) ?? 0);
  }
}

/** Return how often an entry happened in each second. @param {FeedEvent} event @returns {[number, number][]} */
function seconds({ at, parts }) {
  const counts = parts?.per_second ?? [1];
  return counts.map((count, place) => [Math.floor(at) - counts.length + 1 + place, count]);
}

export class Storms {
  /** Oldest first. @type {Row[]} */ #rows = [];
  /** The row of each entry. @type {Map<number, Row>} */ #of = new Map();
  #run = "";

  /**
   * Return the rows, newest first.
   * @param {readonly FeedEvent[]} feed  oldest first
   * @param {string|null} [run]  of the server: another one numbers its entries anew
   * @returns {Line[]}
   */
  take(feed, run = "") {
    if (run !== this.#run) {
      this.#rows = [];
      this.#of.clear();
      this.#run = run ?? "";
    }
    for (const event of feed) {
      const known = this.#of.get(event.id);
      if (known) known.put(event);
      else this.#add(event);
    }
    const there = new Set(feed.map(({ id }) => id));
    for (const id of this.#of.keys()) if (!there.has(id)) this.#of.delete(id);
    for (const row of this.#rows) row.keep(there);
    this.#rows = this.#rows.filter(({ events }) => events.size);
    return this.#rows.map(({ line }) => line).reverse();
  }

  /** Give a new entry a row, which may be that of a storm. @param {FeedEvent} event */
  #add(event) {
    const cause = causeOf(event);
    const begun = event.parts?.since ?? event.at;
    const recent = this.#rows.filter((row) => row.cause === cause && begun - row.to <= PAUSE_S);
    const storm = recent.findLast(({ count }) => count > BEYOND);
    const row = storm ?? new Row(cause, event);
    if (storm) storm.put(event);
    else {
      this.#rows.push(row);
      if (recent.length >= BEYOND) for (const older of recent) {
        row.fold(older);
        for (const id of older.events.keys()) this.#of.set(id, row);
        this.#rows.splice(this.#rows.indexOf(older), 1);
      }
    }
    this.#of.set(event.id, row);
  }
}

/** Return the entries about restarts and ends. @param {readonly FeedEvent[]} feed */
export const restartsIn = (feed) => feed.filter(({ kind }) => kind === "gave_up" || ENDS.has(kind));

/** Return how often an entry happened. @param {FeedEvent} event */
const timesOf = ({ parts }) => parts?.times ?? 1;

/** Return the storms that go on. @param {readonly Line[]} lines @param {number} now  server time */
export const burning = (lines, now) =>
  lines.filter(({ count, event, to }) => count > BEYOND && (event.level === "bad" || event.level === "warn") && now - to < PAUSE_S);

/** Return what repeats, as the words after the name: "crashed"; "" if only the whole sentence says it. @param {FeedEvent} event */
export function verb({ kind, level, parts }) {
  if (!parts?.who) return "";
  if (kind === "gave_up") return "gave up";
  if (kind === "started") return "was started";
  if (kind === "start_failed") return "did not start";
  if (parts.reason === "killed") return "was killed";
  return level === "bad" ? "crashed" : ENDS.has(kind) || kind === "stopped" ? "ended" : "";
}

/** Return the time of a storm: "in 20 s". @param {Pick<Line, "from"|"to">} line */
export const spanOf = ({ from, to }) => `in ${elapsed(Math.max(1, Math.round(to - from)))}`;

/** Return a row in words. @param {Line} line */
export const rowText = (line) =>
  (line.bars.length && verb(line.event) ? `${nameIn(line.event)} ${stormText(line)}` : withoutBudget(line.event.text));

/** Return what happened in a storm, as the words after the name: "crashed 412× in 20 s: TimeoutError". @param {Line} line */
export const stormText = (line) => {
  const { event, events, count } = line, reason = event.parts?.reason ?? "";
  const differs = count > events.length || events.some(({ parts }) => parts?.reason !== reason);
  return `${verb(event)} ${count.toLocaleString("en")}× ${spanOf(line)}${because(reason, differs && reason !== reasonIn(reason))}`;
};

/**
 * Return a reason with its arguments as a part of a sentence; "" for a kill, which the verb says.
 * @param {string|null} [reason] @param {boolean} [last]  earlier ends may have had other reasons, or other arguments
 */
export const because = (reason, last = false) =>
  (reason && reason !== "killed" ? `${last ? ", the last time" : ""}: ${reason}` : "");

/**
 * Return a stored restart as a sentence: what happened, why, and who did it; the stored form of an entry of the feed.
 * @param {Partial<Api.RestartLine>} stored
 */
export function storedSentence({ line = "", program = false, started = 0, story, ...more }) {
  if (program) return line;
  if (story) return `${story}${more.request ? `; ${more.name} was ended by ${shortRequest(more.request)}` : ""}`;
  const namesRequest = Boolean(more.request && line.includes(more.request));
  const by = actors(more, started > 0, namesRequest);
  if (namesRequest) line = line.replace(more.request ?? "", shortRequest(more.request ?? ""));
  if (!by) return line;
  return by.startsWith("restarted ") && line.endsWith("restarted") ? `${line.slice(0, -9)}${by}` : `${line}: ${by}`;
}

/**
 * Return who ended a process, and who restarted it.
 * @param {Partial<Api.RestartLine>} line
 * @param {boolean} again
 * @param {boolean} namesRequest  the line says who ended it, and the reason
 */
function actors({ name, reason, request, supervisor, strategy, gave_up: gaveUp }, again, namesRequest) {
  if (reason === null && !gaveUp) return ""; // on request, as the line says, or unknown
  const by = request ? ` by ${shortRequest(request)}` : "", killed = reason === "killed";
  if (gaveUp) return name ? `${name} ${killed ? `was killed${by}` : `ended: ${reason ?? "unknown"}`}` : "";
  return [namesRequest ? "" : killed ? by && `killed${by}` : by ? `ended${by}` : reason ?? "",
    again && supervisor ? `restarted by ${supervisor}${strategy ? ` (${strategy})` : ""}` : ""].filter(Boolean).join(", ");
}

/**
 * Return whether a stored restart has one reason; of a loop, the arguments may differ.
 * @param {Partial<Api.RestartLine>} stored
 */
export const isOne = ({ count = 1, reason, one_cause: alike = true, one_reason: same = false }) =>
  same || (alike && (count === 1 || !reason || reasonIn(reason) === reason));

/**
 * Return a stored restart in words; a crash loop has its count and duration: "till crashed and was restarted 30× in 18 s".
 * @param {Api.RestartLine} stored
 */
export function storedText(stored) {
  const { line = "", count = 1, kept, at, until, reason, reasons, refs = [], incident } = stored;
  if ((count <= BEYOND && refs.length < 2) || (!kept && /\d times more/.test(line))) return storedSentence(stored);
  const times = `${count.toLocaleString("en")}× ${spanOf({ from: at, to: until ?? at })}`;
  if (incident) return `${times}: ${line}`;
  const often = `${line} ${times}`;
  return `${often}${reasons ? `, for ${reasons} different reasons` : ""}${because(reason, Boolean(reasons) || !isOne(stored))}`;
}

/**
 * Return the time of a stored restart in the timeline: that of its cause; of a give-up its own.
 * @param {Pick<Api.RestartLine, "at"|"until"|"fell_at"|"gave_up">} stored
 */
export const placeOf = ({ at, until, fell_at: fellAt, gave_up: gaveUp }) => (gaveUp ? fellAt ?? until ?? at : at);

/**
 * Return the time that is shown with a stored restart: that in the timeline; of a crash loop the end.
 * @param {Pick<Api.RestartLine, "at"|"until"|"fell_at"|"count"|"gave_up">} stored
 */
export const timeOf = (stored) => (!stored.gave_up && (stored.count ?? 1) > 1 ? stored.until ?? stored.at : placeOf(stored));

/** Return stored restarts by the time that is shown with them, newest first. @param {readonly Api.RestartLine[]} stored */
export const byTime = (stored) => stored.toSorted((one, other) => timeOf(other) - timeOf(one));

/**
 * Return whether an entry is about a hold of the event loop that a stored entry describes, alone or with others.
 * @param {FeedEvent} event @param {Api.RestartLine} stored
 */
const isHoldIn = ({ kind, at, text }, { incident, at: begun, until, line = "" }) => HOLDS.has(kind) && incident
  && at >= begun - CLOSE_S && at <= (until ?? begun) + CLOSE_S && holderIn(text) === holderIn(line);

/** Return the process that a sentence about a hold names. @param {string} text */
const holderIn = (text) => text.split(" held the event loop", 1)[0];

/**
 * Return rows and stored entries, newest first. A hold of the event loop that is stored is listed once, with its link.
 * @param {readonly Line[]} lines  newest first @param {readonly Api.RestartLine[]} stored
 */
export function withStored(lines, stored) {
  /** @type {(Line|Api.RestartLine)[]} */
  const rows = lines.filter(({ events }) => !events.every((event) => stored.some((one) => isHoldIn(event, one))));
  for (const one of stored) {
    const place = rows.findIndex((row) => ("id" in row ? row.to : timeOf(row)) < timeOf(one));
    rows.splice(place < 0 ? rows.length : place, 0, one);
  }
  return rows;
}
