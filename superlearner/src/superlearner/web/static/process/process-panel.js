/**
 * The base class of most parts of the detail pane: data is read when the part is shown, and again when the tree reports
 * a change of the process, with `every` also at intervals. It follows a restart to the successor, and keeps the data of
 * a process that has ended, with the time of reading.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { attribute, make, renew } from "../base/dom.js";
import { reasons } from "./process-asks.js";
import { atPlace, time } from "../base/words.js";

/** @import { Seen } from "./process-tabs.js" */

const PAUSE_MS = 250;
/** Interval for data that changes without a change of the row. */
export const LIVE_MS = 2000;

/** @template T */
export class Panel extends HTMLElement {
  /** @type {Seen|null} */ seen = null;
  /** The last data read; null: none. @type {T|null} */ known = null;
  /** The time of the last read, by the local clock; 0: never. */ readAt = 0;
  /** The time of the read before that. */ readBefore = 0;
  /** Changes of a row cause at most one request in this time. */ pause = PAUSE_MS;
  /** Interval in ms for data that changes without a change of the row; 0: none. */ every = 0;
  /** The pid of the last read. @type {string|null} */ readOf = null;

  /** @type {AbortController|null} */ #asking = null;
  /** @type {ApiError|null} */ #refused = null;
  #timer = 0;
  /** The pid of the pending request. @type {string|null} */ #busy = null;
  /** The process has changed since the pending request. */ #more = false;
  #asked = -Infinity;
  #left = false;
  #foot = make("p", { class: "read" });
  content = make("div", { class: "parts" });

  connectedCallback() {
    if (!this.content.isConnected) this.append(this.content, this.#foot);
  }

  /** Request the data about a process. @param {string} _pid @param {AbortSignal} _signal @returns {Promise<T>} */
  read(_pid, _signal) {
    throw new Error("This should never happen: a panel says what it reads.");
  }

  /** Show `known`, or a placeholder. @param {Seen} _seen */
  paint(_seen) {}

  /** Reset the part for another process. */
  forget() {}

  /** Return whether a change of the row requires another read. @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row !== before.row;
  }

  /** @param {Seen} seen */
  look(seen) {
    const before = this.seen;
    this.seen = seen;
    const other = before?.row.key !== seen.row.key;
    if (other) {
      this.known = null;
      this.readAt = this.readBefore = 0;
      this.readOf = null;
      this.#refused = null;
      this.#drop();
      this.forget();
    }
    if (seen.gone) this.#drop();
    else if (other || before === null || this.#left) this.again(0);
    else if (before.row.pid !== seen.row.pid || this.stale(seen, before)) this.again(this.pause);
    this.#left = false;
    this.renew();
  }

  leave() {
    this.#drop();
    this.#left = true;
  }

  /** Read soon. @param {number} [pause] */
  again(pause = 0) {
    clearTimeout(this.#timer);
    if (pause && this.#busy !== null && this.#busy === this.seen?.row.pid) {
      this.#more = true; // show the pending answer first: frequent changes must not starve it
      return;
    }
    const wait = Math.max(pause ? 20 : 0, this.#asked + pause - performance.now());
    this.#timer = setTimeout(() => void this.#fetch(), pause ? wait : 0);
  }

  /** Draw everything again. */
  renew() {
    if (!this.seen) return;
    this.paint(this.seen);
    attribute(this, "data-read", this.readAt && this.readOf === this.seen.row.pid ? this.readOf : null);
    attribute(this.#foot, "data-bad", this.#refused !== null);
    // Keeps a button that has the focus
    renew(this.#foot, this.#words(this.seen).map((one) => (typeof one === "string" ? document.createTextNode(one) : one)));
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#busy = null;
  }

  async #fetch() {
    this.#asking?.abort();
    const { seen } = this;
    const pid = seen?.row.pid;
    if (!seen || !pid || seen.gone) return;
    if (document.hidden && this.readOf === pid) return this.#later();
    this.#asked = performance.now();
    this.#busy = pid;
    this.#more = false;
    const asking = (this.#asking = new AbortController());
    try {
      const answer = await this.read(pid, asking.signal);
      if (asking.signal.aborted) return;
      this.known = answer;
      this.readBefore = this.readAt;
      this.readAt = Date.now() / 1000;
      this.readOf = pid;
      this.#refused = null;
    } catch (error) {
      if (asking.signal.aborted || !(error instanceof ApiError)) return;
      this.#refused = error;
    } finally {
      if (this.#asking === asking) this.#busy = null;
    }
    this.renew();
    if (this.#more) this.again(this.pause);
    else this.#later();
  }

  /** Read again after the interval, if there is one. */
  #later() {
    if (!this.every || this.#left) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fetch(), this.every);
  }

  /** @param {Seen} seen @returns {(Node|string)[]} */
  #words(seen) {
    const read = this.readAt
      ? `Read at ${time(this.readAt)}${this.readOf && this.readOf !== seen.row.pid ? ` from ${this.readOf}` : ""}. `
      : "";
    if (seen.gone) return read ? [`${read}The process is gone; this is what was known.`] : ["The process is gone; nothing was read of it."];
    const { pid, last } = seen.row;
    if (pid === null && last?.start) {
      const at = atPlace(last.where, last.reason);
      return [`${read}No process runs here. Its last start failed at ${time(last.at)}: ${last.reason}${at}.`];
    }
    if (pid === null) return [`${read}No process runs here at the moment.`];
    const again = make("button", { type: "button", class: "link" }, "Try again");
    again.onclick = () => this.again();
    if (this.#refused?.code === "process_not_found") return [read, "It has just ended; its successor is read when it is there."];
    if (this.#refused) return [`${read}Could not be read: `, ...reasons(this.#refused), " ", again];
    return read ? [] : ["Reading…"];
  }
}
