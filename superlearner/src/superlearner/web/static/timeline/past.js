/**
 * The supervision tree at an earlier moment, from the tree of now and the lifecycle events since then, and the marks
 * and steps of the time axis. Pure.
 *
 * @module
 */

/** @typedef {import("../live/model.js").Model} Model */
/** @typedef {import("../live/model.js").Row} Row */
/**
 * An event of `GET /events`; `seq` is its number on the node.
 * @typedef {{id: string, type: string, at: number, pid: string|null, name: string|null, supervisor: string|null, text: string, seq: number|null, data: Record<string, any>}} LogEvent
 */
/** @typedef {"crash"|"restart"|"start"|"stop"} Mark */

/** The types of events that the page reads. */
export const TYPES = ["child_started", "child_terminated", "child_restarted", "restart_failed", "gave_up", "strategy_changed"];

const QUIET = /^(normal|shutdown|\(?'?shutdown'?,)/;

/** @param {LogEvent} event @returns {Mark} */
export function markOf({ type, data }) {
  if (type === "child_started") return data["old"] || data["along"] ? "restart" : "start";
  if (type === "child_restarted") return "restart";
  if (type === "gave_up" || type === "restart_failed") return "crash";
  if (type === "child_terminated") return data["by"] === "supervisor" || QUIET.test(data["reason"] ?? "") ? "stop" : "crash";
  return "start";
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
 * Return the tree after the events up to `at`: the later ones are undone, the newest first. States, mailboxes and
 * budgets of that moment are not known.
 * @param {Model} model  the tree of now
 * @param {readonly LogEvent[]} events  oldest first
 * @param {number|null} at  null: now
 * @param {readonly Model[]} [earlier]  trees of before, the newest first: names and places of children that have ended
 * @returns {Model}
 */
export function treeAt(model, events, at, earlier = []) {
  if (at === null) return model;
  const past = new Past(model, earlier);
  for (let place = events.length - 1; place >= 0; place--) {
    const event = events[place];
    if (!event || event.at <= at) break;
    past.undo(event);
  }
  return past.model();
}

class Past {
  #base;
  #earlier;
  /** @type {Map<string, Row>} */ #rows;
  /** Keys of children, also of those that are not there. @type {Map<string, string[]>} */ #kids;
  /** @type {Map<string, string>} */ #keys = new Map();
  /** Keys that are not there. @type {Set<string>} */ #gone = new Set();

  /** @param {Model} model @param {readonly Model[]} earlier */
  constructor(model, earlier) {
    this.#base = model;
    this.#earlier = earlier;
    this.#rows = new Map(model.rows);
    this.#kids = new Map([...model.kids].map(([key, kids]) => [key, [...kids]]));
    for (const row of model.rows.values()) if (row.pid !== null) this.#keys.set(row.pid, row.key);
  }

  /** @param {LogEvent} event */
  undo({ type, pid, name, data }) {
    if (pid === null) return;
    if (type === "child_started") {
      if (data["old"] || data["along"]) this.#down(pid, { along: !data["old"] && Boolean(data["along"]) });
      else this.#remove(pid);
    } else if (type === "child_restarted") this.#down(pid, { along: Boolean(data["along"]), reason: data["reason"] });
    else if (type === "child_terminated") this.#revive(pid, name, data);
    else if (type === "strategy_changed") this.#change(pid, { strategy: null }); // the event has the former one as text only
  }

  /** @param {string} pid @param {Partial<Row>} changed */
  #change(pid, changed) {
    const key = this.#keys.get(pid);
    const row = key === undefined ? undefined : this.#rows.get(key);
    if (row) this.#rows.set(row.key, { ...row, ...changed });
    return row;
  }

  /** Before its start a restarted child was down. @param {string} pid @param {{along: boolean, reason?: string}} how */
  #down(pid, { along, reason }) {
    const row = this.#change(pid, { pid: null, state: "restarting", last: reason === undefined ? null : { at: 0, reason, crash: true } });
    this.#keys.delete(pid);
    if (!row) return;
    const now = /** @type {Row} */ (this.#rows.get(row.key));
    this.#rows.set(row.key, { ...now, ...(along ? { restarted_along: Math.max(0, row.restarted_along - 1) } : { restarts: Math.max(0, row.restarts - 1) }) });
  }

  /** Before its first start a child was not there. @param {string} pid */
  #remove(pid) {
    const row = this.#change(pid, { pid: null });
    this.#keys.delete(pid);
    if (row) this.#gone.add(row.key);
  }

  /** Before its end a child ran. @param {string} pid @param {string|null} name @param {Record<string, any>} data */
  #revive(pid, name, data) {
    const above = this.#keys.get(data["supervisor_pid"]);
    if (above === undefined) return; // its supervisor is not known either
    const kids = this.#kids.get(above) ?? [];
    const id = data["id"] ?? pid;
    const key = kids.find((one) => this.#rows.get(one)?.id === id) ?? `${above}/${id}`;
    const known = this.#earlier.find(({ rows }) => rows.get(key)?.pid === pid);
    const row = this.#rows.get(key) ?? known?.rows.get(key) ?? blank(key, above, id, name);
    if (row.pid !== null) this.#keys.delete(row.pid);
    this.#rows.set(key, { ...row, pid, state: "running", last: null });
    this.#keys.set(pid, key);
    this.#gone.delete(key);
    if (!kids.includes(key)) this.#kids.set(above, kids.toSpliced(placeOf(key, kids, known?.kids.get(above)), 0, key));
    const parent = this.#rows.get(above);
    if (parent && parent.kind === "worker") this.#rows.set(above, { ...parent, kind: "supervisor" });
  }

  /** @returns {Model} */
  model() {
    for (const key of this.#gone) this.#rows.delete(key);
    const kids = new Map([...this.#kids].map(([key, all]) => [key, all.filter((one) => this.#rows.has(one))]));
    return { ...this.#base, rows: this.#rows, kids };
  }
}

/** Return the place of a child after the siblings that came before it; the last place if those are not known. @param {string} key @param {readonly string[]} kids @param {readonly string[]} [known] */
function placeOf(key, kids, known) {
  if (!known) return kids.length;
  const before = new Set(known.slice(0, known.indexOf(key)));
  return kids.findLastIndex((one) => before.has(one)) + 1;
}

/** @param {string} key @param {string} parent @param {string} id @param {string|null} name @returns {Row} */
const blank = (key, parent, id, name) => ({ key, parent, id, name, pid: null, kind: "worker", what: "", strategy: null, restart: null, state: "running", since: 0, restarts: 0, restarted_along: 0, last: null, budget: null, mailbox: null, critical: false });

