/**
 * Announcements to screen readers: one polite sentence, at most every 3 s, that summarises events.
 *
 * @module
 */

import { write } from "../base/dom.js";
import { counted, failures } from "../base/words.js";

/** @import { FeedEvent } from "../live/model.js" */

const PAUSE_MS = 3000;

export class Announcer {
  /** @type {FeedEvent[]} */ #waiting = [];
  #last = -Infinity;
  #timer = 0;
  #seen = 0;

  /** @param {HTMLElement} element  with role=status */
  constructor(element) {
    this.element = element;
  }

  /** Skip the events so far. @param {readonly FeedEvent[]} feed */
  skip(feed) {
    this.#seen = feed.reduce((most, event) => Math.max(most, event.id), 0);
  }

  /** @param {readonly FeedEvent[]} feed */
  hear(feed) {
    const news = feed.filter((event) => event.id > this.#seen);
    if (!news.length) return;
    this.skip(feed);
    this.#waiting.push(...news.filter((event) => event.level !== "ok"));
    if (!this.#waiting.length || this.#timer) return;
    this.#timer = setTimeout(() => this.#speak(), Math.max(0, this.#last + PAUSE_MS - performance.now()));
  }

  #speak() {
    this.#timer = 0;
    this.#last = performance.now();
    const events = this.#waiting;
    this.#waiting = [];
    write(this.element, summary(events));
  }
}

/**
 * @param {FeedEvent[]} events
 * @returns {string}  single events as they are; several are counted, by supervisor if it is the same
 */
export function summary(events) {
  const [first] = events;
  if (events.length === 1 && first) return first.text;
  const ends = events.filter((event) => ["crashed", "killed", "restarted"].includes(event.kind))
    .map((event) => (event.kind === "killed" ? "killed" : event.parts?.reason ?? ""));
  const restarts = events.reduce((sum, event) => sum + (event.kind === "restarted" ? event.parts?.restarted?.length ?? 1 : 0), 0);
  const gaveUp = events.filter((event) => event.kind === "gave_up");
  const places = new Set(events.map((event) => event.parts?.by ?? event.sup ?? ""));
  const [place] = places;
  return [
    ends.length ? failures(ends) : "",
    restarts ? counted(restarts, "restart") : "",
    ...gaveUp.map((event) => event.text),
  ].filter(Boolean).join(", ") + (places.size === 1 && place ? ` in ${place}` : "") || counted(events.length, "event");
}
