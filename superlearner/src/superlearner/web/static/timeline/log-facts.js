/**
 * What the lifecycle events tell of each process: when its supervisor started it, what it runs, how often its slot had
 * been restarted by then, and the strategies of supervisors. Pure.
 *
 * @module
 */

/** @import { LogEvent } from "./past.js" */

/**
 * `at`: its start, null if that is not in memory. `restarts`: of its slot at its start, null if that is not known.
 * @typedef {object} Fact
 * @property {string} pid
 * @property {string|null} above  the pid of its supervisor
 * @property {string|null} id
 * @property {number} place  of its slot among the children of its supervisor
 * @property {string|null} name
 * @property {number|null} at
 * @property {number|null} ended
 * @property {string|null} reason  of its end
 * @property {string|null} by  the name of its supervisor
 * @property {"supervisor"|"worker"|null} kind
 * @property {string|null} restart
 * @property {string|null} what
 * @property {number|null} restarts
 */
/**
 * A strategy that a supervisor had from `at` on, or until `at` if `until`.
 * @typedef {{at: number, strategy: string, until: boolean, changed: boolean}} Plan
 */

/** @param {unknown} value */
const text = (value) => (typeof value === "string" && value !== "" ? value : null);

/** Return the number of a pid: a process that was started later has a higher one. @param {string} pid */
export const numberOf = (pid) => Number(pid.split(".")[1] ?? NaN);

/** Return the last process of a slot, besides another one. @param {readonly Fact[]} siblings @param {string|null} id @param {string} pid */
const lastOf = (siblings, id, pid) => siblings.findLast((one) => id !== null && one.id === id && one.pid !== pid);

export class LogFacts {
  /** @type {Map<string, Fact>} */ #facts = new Map();
  /** Processes of each supervisor, by its pid. @type {Map<string, Fact[]>} */ #below = new Map();
  /** @type {Map<string, Plan[]>} */ #plans = new Map();
  /** The highest number of a pid up to each event with a higher one. @type {{at: number, highest: number}[]} */ #highest = [];

  /** @param {readonly LogEvent[]} events  oldest first */
  constructor(events) {
    for (const event of events) this.#read(event);
  }

  /** @param {LogEvent} event */
  #read({ type, at, pid, name, supervisor, data }) {
    const above = text(data["supervisor_pid"]);
    if (type === "strategy_changed" && pid !== null) {
      this.#plan(pid, { at, strategy: data["strategy_before"], until: true, changed: true });
      this.#plan(pid, { at, strategy: data["strategy"], until: false, changed: true });
    }
    if (type === "child_restarted" && above !== null) this.#plan(above, { at, strategy: data["strategy"], until: false, changed: false });
    if (pid === null) return;
    if (numberOf(pid) > (this.#highest.at(-1)?.highest ?? 0)) this.#highest.push({ at, highest: numberOf(pid) });
    if (type === "child_terminated") Object.assign(this.#of(pid, above, data["id"], name), { ended: at, reason: text(data["reason"]) });
    if (type !== "child_started" && type !== "child_restarted") return;
    const fact = this.#of(pid, above, data["id"], name);
    Object.assign(fact, {
      at, by: supervisor,
      kind: data["type"] === "supervisor" || data["child_strategy"] ? "supervisor" : type === "child_started" ? "worker" : fact.kind,
    });
    Object.assign(fact, {
      restart: text(data["restart"]), what: text(data["what"]),
      restarts: Number.isInteger(data["restarts"]) ? data["restarts"] : null,
    });
    this.#plan(pid, { at, strategy: data["child_strategy"], until: false, changed: false });
    if (type === "child_restarted" || data["old"] || data["along"]) this.#continue(fact);
  }

  /**
   * The children of a restarted supervisor continue the counts of their ids, which the events of their starts, before
   * that of the supervisor, do not have.
   * @param {Fact} fact
   */
  #continue({ pid, above, id }) {
    const before = lastOf(this.#below.get(above ?? "") ?? [], id, pid);
    for (const child of this.#below.get(pid) ?? []) {
      if (child.restarts !== 0 || child.id === null) continue;
      child.restarts = (before && lastOf(this.#below.get(before.pid) ?? [], child.id, child.pid)?.restarts) ?? null;
      this.#continue(child);
    }
  }

  /** @param {string} pid @param {string|null} above @param {unknown} id @param {string|null} name */
  #of(pid, above, id, name) {
    let fact = this.#facts.get(pid);
    if (!fact) {
      const siblings = this.#below.get(above ?? "") ?? [];
      const place = siblings.find((one) => id !== null && one.id === id)?.place ?? siblings.length;
      fact = {
        pid, above, id: text(id), place, name, at: null, ended: null, reason: null, by: null, kind: null, restart: null, what: null,
        restarts: null,
      };
      this.#facts.set(pid, fact);
      siblings.push(fact);
      this.#below.set(above ?? "", siblings);
    }
    return fact;
  }

  /** @param {string} pid @param {Omit<Plan, "strategy"> & {strategy: unknown}} plan */
  #plan(pid, { strategy, ...rest }) {
    const known = text(strategy);
    if (known === null) return;
    const plans = this.#plans.get(pid);
    if (plans) plans.push({ strategy: known, ...rest });
    else this.#plans.set(pid, [{ strategy: known, ...rest }]);
  }

  /** @param {string|null} pid */
  of(pid) {
    return pid === null ? undefined : this.#facts.get(pid);
  }

  /**
   * Return the children without an event about their end: their supervisor was killed.
   * @param {string} pid  of the supervisor
   * @returns {Fact[]}
   */
  orphans(pid) {
    return (this.#below.get(pid) ?? []).filter(({ ended }) => ended === null).sort((one, other) => one.place - other.place);
  }

  /**
   * Return the strategy of a supervisor at a moment; null if it is not known.
   * @param {string} pid
   * @param {number} at
   * @param {string|null} now  its strategy now, if it still runs
   */
  strategy(pid, at, now) {
    const plans = this.#plans.get(pid) ?? [];
    const before = plans.findLast((plan) => !plan.until && plan.at <= at);
    if (before) return before.strategy;
    const next = plans.find((plan) => plan.at > at);
    return next?.strategy ?? now;
  }

  /** Return the highest number of a pid of an event up to a moment. @param {number} at */
  highest(at) {
    return this.#highest.findLast((one) => one.at <= at)?.highest ?? 0;
  }
}
