/**
 * The lifecycle events that the server has in memory, oldest first. The page asks for newer ones when its live feed
 * brings a change, so it keeps no second connection open.
 *
 * @module
 */

import { request } from "../base/api.js";
import { TYPES } from "./past.js";

/** @import { LogEvent } from "./past.js" */

/** Events of the first answer; the rest is loaded when somebody goes back beyond them. */
const FIRST = 400;
/** The server keeps 10,000 events of all types by default. */
const MOST = 5000;
const PART = 1000;
/** Minimum interval between two requests. */
const PAUSE_MS = 400;

export class EventLog {
  /** @type {readonly LogEvent[]} */ events = [];
  /** True if the server has no older ones. */
  whole = false;
  /** @type {Promise<void>|null} */ #older = null;
  #last = "";
  #timer = 0;
  #asking = false;
  #again = false;
  /** Increases when the log is replaced, so that late answers are dropped. */
  #turn = 0;

  /** @param {() => void} changed @param {(error: unknown) => void} failed */
  constructor(changed, failed) {
    this.changed = changed;
    this.failed = failed;
  }

  /** Load the newest events, after the first connection and after a restart of the server. */
  async begin() {
    const turn = ++this.#turn;
    this.#last = "";
    this.#older = null;
    await this.#load(turn, FIRST);
  }

  /** Load all events that the server has, once. */
  async all() {
    if (!this.whole) await (this.#older ??= this.#load(++this.#turn, MOST));
  }

  /** Ask for newer events soon. */
  soon() {
    if (!this.#timer) this.#timer = setTimeout(() => {
      this.#timer = 0;
      void this.#newer();
    }, PAUSE_MS);
  }

  /** @param {number} turn @param {number} last */
  async #load(turn, last) {
    const found = await this.#ask(`last=${last}&limit=${last}&timeout_ms=300`);
    if (!found || turn !== this.#turn) return;
    this.#last = found.last_id;
    this.events = lifecycle(found.items);
    this.whole = last === MOST || this.events.length < last;
    this.changed();
    this.soon();
  }

  async #newer() {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    if (!this.#last) return;
    const turn = this.#turn;
    this.#asking = true;
    const found = await this.#ask(`last_id=${encodeURIComponent(this.#last)}&limit=${PART}&timeout_ms=50`);
    this.#asking = false;
    if (found && turn === this.#turn) {
      this.#last = found.last_id;
      const gap = found.items.some((/** @type {LogEvent} */ { type }) => type === "gap");
      const newer = lifecycle(found.items);
      if (gap) this.events = newer;
      else if (newer.length) this.events = [...this.events, ...newer].slice(-MOST);
      if (gap || newer.length) this.changed();
      if (found.ended === "limit") this.soon();
    }
    if (this.#again) this.soon();
    this.#again = false;
  }

  /** @param {string} asked @returns {Promise<{items: any[], last_id: string, ended: string}|null>} */
  async #ask(asked) {
    try {
      return await request("GET", `/events?types=${TYPES.join(",")}&${asked}`);
    } catch (error) {
      this.failed(error);
      return null;
    }
  }
}

/** @param {any[]} items @returns {LogEvent[]} */
const lifecycle = (items) => items.filter(({ type }) => TYPES.includes(type));
