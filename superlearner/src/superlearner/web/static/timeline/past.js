/**
 * The supervision tree at an earlier moment, from the tree of now and the lifecycle events since then, and the marks
 * and steps of the time axis. Pure.
 *
 * @module
 */

import { CHOSEN, RAN_ON, isOrderly, shortRequest } from "../base/words.js";
import { LogFacts, numberOf } from "./log-facts.js";

/** @import { Model, Row } from "../live/model.js" */

/**
 * An event, with the `request` that killed its process; or a kept restart, with the time `until` of its last event, its id `ref` if it has
 * a replay, and its whole `sentence`. A give-up is placed at its end; the restart `began` earlier.
 * @typedef {Pick<Api.EventLine, "id"|"type"|"at"|"pid"|"name"|"supervisor"|"text"|"seq"|"data">
 *   & {until?: number, began?: number, ref?: string|null, critical?: boolean, cause?: number|null, request?: string,
 *     sentence?: string}} LogEvent
 */
/** @typedef {"crash"|"restart"|"change"|"start"|"stop"} Mark */

/** The types of events that the page reads. */
export const TYPES = [
  "child_started", "child_terminated", "child_restarted", "restart_failed", "start_failed", "gave_up", "strategy_changed",
  "placement_changed", "suspended", "resumed",
];

/** The type of restarts that are kept without their events. */
export const KEPT_TYPE = "kept";
/** How the texts of kept failures end, with those that were only counted. */
const FAILED = new RegExp("(gave up|crashed( and was restarted)?|was killed( by .*)?( and restarted)?)"
  + "(; [^;]* ended with it and w(as|ere) restarted|( once| twice| [\\d,]+ times) more)?$");
/** What is shown for a fact that is not known. */
const UNKNOWN = "–";

/** @param {LogEvent} event @returns {Mark} */
export function markOf({ type, data, text }) {
  if (type === KEPT_TYPE && data["incident"]) return data["outage"] ? "change" : "crash";
  if (type === KEPT_TYPE && data["program"] && (CHOSEN.test(text) || RAN_ON.test(text))) return "change";
  if (type === KEPT_TYPE) return (data["program"] && !data["back"]) || FAILED.test(text) ? "crash" : "restart";
  if (type === "gave_up" || type === "restart_failed" || type === "start_failed") return "crash";
  if (data["request"]) return type === "child_started" ? "restart" : "change"; // a stop or a start on request
  if (type === "child_started") return data["old"] && !data["along"] ? "restart" : "start"; // the restart that it goes along with names it
  if (type === "child_restarted" || type === "placement_changed") return "restart";
  if (type === "child_terminated") {
    return (data["by"] === "supervisor" && !data["by_itself"]) || isOrderly(data["reason"] ?? "") ? "stop" : "crash";
  }
  return "change";
}

/** Return the marks of an event: a kept restart is an end and a restart in one. @param {LogEvent} event @returns {Mark[]} */
export function marksOf(event) {
  const mark = markOf(event);
  return event.type === KEPT_TYPE && event.data["started"] && mark === "crash" ? [mark, "restart"] : [mark];
}

/**
 * Return the text of an event, with the request that killed its process; a restart does not repeat the end that has a row of its own.
 * @param {LogEvent} event
 * @param {Set<string|null>} ends  pids
 */
export function textOf({ type, text, supervisor, data, request, sentence }, ends) {
  if (sentence) return sentence;
  if (request) return `${text} by ${shortRequest(request)}`;
  if (type !== "child_restarted" || !ends.has(data["old"])) return text;
  const at = Math.max(...[";", "?"].map((end) => text.lastIndexOf(`${end} ${supervisor} `))); // a reason may be a question
  return at < 0 ? text : text.slice(at + 2);
}

/** The shortest range that the time axis opens with, in seconds. */
export const FIRST_SPAN = 300;

/** The longest range of the time axis, in seconds. */
export const LONGEST_SPAN = 7200;

/**
 * Return the range that the time axis opens with, in seconds: the newest event is in it, unless it is further away than the longest range.
 * @param {readonly LogEvent[]} events  ordered
 * @param {number} now
 */
export function firstSpan(events, now) {
  const wanted = 1.25 * (now - (events.at(-1)?.at ?? now));
  return wanted > LONGEST_SPAN ? FIRST_SPAN : Math.max(FIRST_SPAN, wanted);
}

/**
 * Return the time of the newest event before an empty range; null if the range has an event, or nothing precedes it.
 * @param {readonly LogEvent[]} events  oldest first
 * @param {number} begin
 * @param {number} end
 */
export function newestBefore(events, begin, end) {
  const last = events[countUpTo(events, end) - 1];
  return last && last.at < begin ? last.at : null;
}

/** Return the number of events up to a moment. @param {readonly LogEvent[]} events  oldest first @param {number} at */
export function countUpTo(events, at) {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.at ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Return the number of events that are not among those shown, without the older ones.
 * @param {readonly LogEvent[]} shown  oldest first
 * @param {readonly LogEvent[]} events
 */
export function countNew(shown, events) {
  const known = new Set(shown.map(({ id }) => id)), oldest = shown[0]?.at ?? -Infinity;
  return events.filter(({ id, at }) => at > oldest && !known.has(id)).length;
}

/** A time is computed anew from the clock of the events at each request, so that two answers differ by microseconds. */
const SAME_S = 0.001;

/**
 * Return the moment of the event that a link means: the nearest one within a millisecond. Without one, the moment stays.
 * @param {readonly LogEvent[]} events  oldest first
 * @param {number} at
 */
export function meantBy(events, at) {
  const next = countUpTo(events, at);
  const away = (/** @type {LogEvent} */ event) => Math.abs(event.at - at);
  const near = events.slice(Math.max(0, next - 1), next + 1).filter((event) => away(event) <= SAME_S);
  return near.toSorted((one, other) => away(one) - away(other))[0]?.at ?? at;
}

/**
 * Return the moment of the next event in a direction; null after the last one. Events at the same time are one step.
 * @param {readonly LogEvent[]} events
 * @param {number|null} at  null: now
 * @param {number} by  -1 or 1
 * @returns {number|null}
 */
export function stepFrom(events, at, by) {
  const moment = at ?? Infinity;
  if (by > 0) return events[countUpTo(events, moment)]?.at ?? null;
  const before = events.findLast((event) => event.at < moment);
  return before?.at ?? at;
}

/** Return whether an event is about a process or its children. @param {LogEvent} event @param {Row} row */
export function isAbout(event, row) {
  const { data } = event;
  if (row.pid !== null && [event.pid, data["old"], data["supervisor_pid"]].includes(row.pid)) return true;
  const name = row.name ?? (row.id === row.pid ? null : row.id);
  return name !== null && [event.name, event.supervisor].includes(name);
}

/**
 * Return the tree after the events up to `at`: the later ones are undone, the newest first, and only what was true then
 * stays. States, mailboxes and budgets of that moment are not known, nor are processes that no supervisor started and
 * that have ended since.
 * @param {Model} model  the tree of now
 * @param {readonly LogEvent[]} events  oldest first
 * @param {number|null} at  null: now
 * @param {readonly Model[]} [earlier]  trees of before, the newest first: names and places of children that have ended
 * @returns {Model}
 */
export function treeAt(model, events, at, earlier = []) {
  if (at === null) return model;
  const past = new Past(model, earlier, new LogFacts(events));
  for (let place = events.length - 1; place >= 0; place--) {
    const event = events[place];
    if (!event || event.at <= at) break;
    past.undo(event);
  }
  past.giveUps(events, at);
  past.suspensions(events, at);
  return past.model(at, Math.max(at, events[0]?.at ?? at)); // of the time before the first event, nothing is known
}

class Past {
  #base;
  #earlier;
  #facts;
  /** @type {Map<string, Row>} */ #rows;
  /** Keys of children, also of those that are not there. @type {Map<string, string[]>} */ #kids;
  /** @type {Map<string, string>} */ #keys = new Map();
  /** Keys that are not there. @type {Set<string>} */ #gone = new Set();
  /** Keys of supervisors that had given up and not ended. @type {Set<string>} */ #gaveUp = new Set();
  /** Pids of processes that were suspended. @type {Set<string>} */ #suspended = new Set();
  /** Roots that have ended; their children are all that is known of them. @type {Set<string>} */ #ended = new Set();
  /**
   * The ends of children whose supervisor had lost its own one and is not there yet: a supervisor that is killed ends
   * before those below it. By the pid of their supervisor, the newest first.
   * @type {Map<string, LogEvent[]>}
   */
  #waiting = new Map();

  /** @param {Model} model @param {readonly Model[]} earlier @param {LogFacts} facts */
  constructor(model, earlier, facts) {
    this.#base = model;
    this.#earlier = earlier;
    this.#facts = facts;
    this.#rows = new Map(model.rows);
    this.#kids = new Map([...model.kids].map(([key, kids]) => [key, [...kids]]));
    for (const row of model.rows.values()) if (row.pid !== null) this.#keys.set(row.pid, row.key);
  }

  /** @param {LogEvent} event */
  undo(event) {
    const { type, pid, name, supervisor, data } = event, above = data["supervisor_pid"];
    if (pid === null) return;
    if (type === "child_started") {
      if (data["old"] || data["along"]) this.#down(pid, data, { along: !data["old"] && Boolean(data["along"]) });
      else this.#remove(pid);
    } else if (type === "child_restarted") this.#down(pid, data, { along: Boolean(data["along"]), reason: data["reason"] });
    else if (type === "child_terminated") {
      if (this.#keys.has(above) || !this.#facts.of(above)?.above) this.#revive(pid, name, data["id"] ?? null, above, supervisor);
      else if (!this.#waiting.get(above)?.push(event)) this.#waiting.set(above, [event]);
    }
  }

  /**
   * Show the supervisors that were giving up, and the children that they did not restart.
   * @param {readonly LogEvent[]} events
   * @param {number} at
   */
  giveUps(events, at) {
    for (const { type, pid, at: then, data } of events) {
      const key = type === "gave_up" && pid !== null ? this.#keys.get(pid) : undefined;
      if (key === undefined) continue;
      if (then <= at) this.#gaveUp.add(key);
      const end = events.findLast((one) =>
        one.type === "child_terminated" && one.data["supervisor_pid"] === pid && one.data["id"] === data["id"] && one.at <= at);
      const row = data["id"] === null || !end ? undefined : this.#rows.get(`${key}/${data["id"]}`);
      if (!row || !end || (row.pid !== null && row.pid !== end.pid)) continue;
      this.#rows.set(row.key, { ...row, pid: null, state: "crashed", last: { at: end.at, reason: end.data["reason"], crash: true } });
      this.#gone.delete(row.key);
    }
  }

  /** Note who was suspended. @param {readonly LogEvent[]} events @param {number} at */
  suspensions(events, at) {
    for (const { type, pid, at: then } of events) {
      if (then > at || pid === null) continue;
      if (type === "suspended") this.#suspended.add(pid);
      else if (type === "resumed") this.#suspended.delete(pid);
    }
  }

  /** @param {string} pid @param {Partial<Row>} changed */
  #change(pid, changed) {
    const key = this.#keys.get(pid);
    const row = key === undefined ? undefined : this.#rows.get(key);
    if (row) this.#rows.set(row.key, { ...row, ...changed });
    return row;
  }

  /**
   * Before its start a restarted child was down.
   * @param {string} pid
   * @param {Record<string, any>} data
   * @param {{along: boolean, reason?: string}} how
   */
  #down(pid, data, { along, reason }) {
    const row = this.#change(pid, { pid: null, state: "restarting", last: reason === undefined ? null : { at: 0, reason, crash: true } });
    this.#keys.delete(pid);
    if (!row) return;
    const now = /** @type {Row} */ (this.#rows.get(row.key));
    const restarts = Math.max(0, (Number.isInteger(data["restarts"]) ? data["restarts"] : row.restarts) - (along ? 0 : 1));
    this.#rows.set(row.key, { ...now, restarts, restarted_along: Math.max(0, row.restarted_along - (along ? 1 : 0)) });
    if ((data["id"] ?? null) === null && data["old"] && row.parent !== null) this.#move(row.key, row.parent, pid, data["old"]);
  }

  /**
   * Before its restart a dynamic child was in the place of its former process.
   * @param {string} key
   * @param {string} above
   * @param {string} pid
   * @param {string} old
   */
  #move(key, above, pid, old) {
    const row = /** @type {Row} */ (this.#rows.get(key)), former = `${above}/${old}`;
    this.#rows.delete(key);
    this.#rows.set(former, { ...row, key: former, id: row.id.replace(pid, old) });
    this.#kids.set(above, insert(former, (this.#kids.get(above) ?? []).filter((one) => one !== key)));
  }

  /** Before its first start a child was not there. @param {string} pid */
  #remove(pid) {
    const row = this.#change(pid, { pid: null });
    this.#keys.delete(pid);
    if (row) this.#gone.add(row.key);
  }

  /**
   * Before its end a child ran.
   * @param {string} pid
   * @param {string|null} name
   * @param {string|null} slot  its id
   * @param {string} parent  a pid
   * @param {string|null} parentName
   */
  #revive(pid, name, slot, parent, parentName) {
    const above = this.#keys.get(parent) ?? this.#root(parent, parentName);
    const kids = this.#kids.get(above) ?? [];
    const key = (slot === null ? undefined : kids.find((one) => this.#rows.get(one)?.id === slot)) ?? `${above}/${slot ?? pid}`;
    const known = this.#earlier.find(({ rows }) => rows.get(key)?.pid === pid);
    const there = this.#gone.has(key) ? undefined : this.#rows.get(key);
    const row = known?.rows.get(key) ?? there
      ?? blank(key, above, slot ?? [this.#facts.of(pid)?.what, pid].filter(Boolean).join(" "), name);
    const { pid: other } = this.#rows.get(key) ?? row;
    if (other !== null) this.#keys.delete(other);
    this.#rows.set(key, { ...row, ...this.#factsOf(pid, row), pid, state: "running", last: null });
    this.#keys.set(pid, key);
    this.#gone.delete(key);
    if (slot === null) this.#kids.set(above, insert(key, kids));
    else if (!kids.includes(key)) this.#kids.set(above, kids.toSpliced(placeOf(key, kids, known?.kids.get(above)), 0, key));
    const parentRow = this.#rows.get(above);
    if (parentRow && parentRow.kind === "worker") this.#rows.set(above, { ...parentRow, kind: "supervisor" });
    for (const event of this.#waiting.get(pid) ?? []) this.undo(event);
    this.#waiting.delete(pid);
    for (const orphan of this.#facts.orphans(pid))
      if (this.#keys.get(orphan.pid) === undefined) this.#revive(orphan.pid, orphan.name, orphan.id, pid, name);
  }

  /** Return what the events tell of a process. @param {string} pid @param {Row} row @returns {Partial<Row>} */
  #factsOf(pid, row) {
    const fact = this.#facts.of(pid);
    return {
      ...(fact?.kind ? { kind: fact.kind } : {}), ...(fact?.what ? { what: fact.what } : {}),
      ...(fact?.restart ? { restart: fact.restart } : {}), ...(fact?.name && fact.name !== fact.id ? { name: fact.name } : {}),
      ...(fact && fact.restarts !== null ? { restarts: fact.restarts, uncounted: false } : { uncounted: row.uncounted ?? false }),
    };
  }

  /** Return the key of a root that has ended. @param {string} pid @param {string|null} name */
  #root(pid, name) {
    const key = pid;
    this.#rows.set(key, { ...blank(key, null, name ?? pid, name === pid ? null : name), pid, kind: "supervisor" });
    this.#kids.set("", [...(this.#kids.get("") ?? []), key]);
    this.#keys.set(pid, key);
    this.#ended.add(key);
    return key;
  }

  /** @param {number} at @param {number} known  the first moment from `at` of which something is known @returns {Model} */
  model(at, known) {
    for (const key of this.#gone) this.#rows.delete(key);
    const highest = this.#facts.highest(known);
    /** A process that no supervisor started has no event; those with lower numbers are older. */
    const there = (/** @type {Row} */ row) => this.#children(row.key).length > 0
      || (row.kind !== "group" && !this.#ended.has(row.key) && (row.since <= at || (row.pid !== null && numberOf(row.pid) <= highest)));
    const alone = [...this.#rows.values()].filter(({ kind }) => kind === "group").flatMap(({ key }) => this.#children(key));
    for (const key of [...alone, ...this.#children("")]) {
      const row = this.#rows.get(key);
      if (row && !there(row)) this.#rows.delete(key);
    }
    /** @type {Map<string, Row>} */ const rows = new Map();
    /** @type {Map<string, readonly string[]>} */ const kids = new Map();
    const walk = (/** @type {string} */ place) => {
      const keys = this.#children(place);
      if (keys.length) kids.set(place, keys);
      for (const key of keys) {
        rows.set(key, this.#then(/** @type {Row} */ (this.#rows.get(key)), at));
        walk(key);
      }
    };
    walk("");
    return { ...this.#base, rows, kids, health: null, feed: [], restarts: 0 };
  }

  /** @param {string} place */
  #children(place) {
    return (this.#kids.get(place) ?? []).filter((key) => this.#rows.has(key));
  }

  /** Return a row with nothing that became true after the moment. @param {Row} row @param {number} at @returns {Row} */
  #then(row, at) {
    const runs = row.pid !== null;
    const same = runs && this.#base.rows.get(row.key)?.pid === row.pid;
    const started = this.#facts.of(row.pid)?.at ?? null;
    const strategy = row.kind !== "supervisor" && row.strategy === null ? null
      : row.pid === null ? row.strategy
      : this.#facts.strategy(row.pid, at, same ? row.strategy : null);
    return {
      ...row, strategy,
      state: this.#gaveUp.has(row.key) ? "gave_up"
        : row.pid === null ? row.state
        : this.#suspended.has(row.pid) ? "suspended"
        : "running",
      since: started !== null && started <= at ? started : 0, last: row.last && row.last.at <= at ? row.last : null, mailbox: null,
      budget: null, children: null, doing: null, again_at: null,
    };
  }
}

/**
 * Return the keys of dynamic children, which end with their pids, with one more: in the order of their start.
 * @param {string} key
 * @param {readonly string[]} kids
 */
function insert(key, kids) {
  const number = (/** @type {string} */ one) => numberOf(one.slice(one.lastIndexOf("/") + 1));
  const others = kids.filter((one) => one !== key), next = others.findIndex((one) => number(one) > number(key));
  return others.toSpliced(next < 0 ? others.length : next, 0, key);
}

/**
 * Return the place of a child after the siblings that came before it; the last place if those are not known.
 * @param {string} key
 * @param {readonly string[]} kids
 * @param {readonly string[]} [known]
 */
function placeOf(key, kids, known) {
  if (!known) return kids.length;
  const before = new Set(known.slice(0, known.indexOf(key)));
  return kids.findLastIndex((one) => before.has(one)) + 1;
}

/** @param {string} key @param {string|null} parent @param {string} id @param {string|null} name @returns {Row} */
const blank = (key, parent, id, name) => ({
  key, parent, id, name, pid: null, kind: "worker", what: UNKNOWN, strategy: null, restart: null, state: "running", since: 0, restarts: 0,
  restarted_along: 0, uncounted: true, last: null, budget: null, mailbox: null, critical: false,
});
