/**
 * The live feed: one socket, and the connection status, which says whether the page is up to date.
 *
 * After a quiet period a frame is applied at once; frames that follow before the next repaint are applied together
 * with it. Delaying the first one, too, would show nothing sooner and everything later, because the repaint would
 * start with that work instead of finding it done.
 *
 * A lost connection is retried forever, at most 0.8 s apart, unless the session has ended: then the page is reloaded,
 * which leads to the sign-in page. A connected but silent server, blocked by a callback, is distinguished from one
 * that is gone. A node that is gone is not contacted again until it is reported back. A hidden tab discards frames
 * and requests a snapshot when it becomes visible, so nothing piles up.
 *
 * @module
 */

import { chosen, root } from "../base/dom.js";

/** @import { Message } from "./model.js" */
/** @typedef {"connecting"|"live"|"silent"|"lost"|"gone"} Status */

/** Silence after which the server counts as not responding: it sends twice a second. */
const SILENCE_MS = 2000;
/** Time for the first picture, after which the server counts as silent. */
const FIRST_MS = 5000;
/** Silence after which the connection is replaced: the network may be down. */
const PATIENCE_MS = 6000;
/** Time limit for a requested snapshot. */
const ANSWER_MS = 2000;
/** Close code of the server for a node that does not exist (any more). */
const NODE_GONE = 4404;
/** Close code of the server after a change of the user's role: the page may show what it no longer should. */
const CHANGED = 4410;
/** Close code of the server when the teacher ended the lesson: the page stays. */
const LESSON_OVER = 4411;
const RETRY_MS = 100;
const RETRY_LIMIT_MS = 800;

export class Feed {
  /** @type {WebSocket|null} */ #socket = null;
  /** The view to request as soon as the socket is open. @type {string|null} */ #wish = null;
  /** @type {Message[]} */ #batch = [];
  #scheduled = false;
  #tries = 0;
  #stale = false;
  #retry = 0;
  #silence = 0;
  #begun = false;
  #patience = 0;
  #answer = 0;
  #silenceMs = SILENCE_MS;
  #patienceMs = PATIENCE_MS;
  /** @type {Status} */ #status = "connecting";
  #end = new AbortController();

  /**
   * @param {string} url
   * @param {(messages: Message[]) => void} onMessages
   * @param {(status: Status) => void} onStatus
   */
  constructor(url, onMessages, onStatus) {
    this.url = url;
    this.onMessages = onMessages;
    this.onStatus = onStatus;
    const { signal } = this.#end;
    document.addEventListener("visibilitychange", () => this.#handleVisibility(), { signal });
    window.addEventListener("sl-held", () => this.#begun && this.#hold(), { signal });
    window.addEventListener("online", () => this.#reconnectNow(), { signal });
    window.addEventListener("sl-node-back", () => this.#status === "gone" && this.#reconnectNow(), { signal });
    window.addEventListener("pagehide", () => this.#drop(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.#reconnectNow(), { signal });
  }

  /** Close the feed permanently. */
  stop() {
    this.#end.abort();
    this.#batch = [];
    this.#drop();
  }

  /** Set the interval, in seconds, at which this feed sends by itself; 0: only on changes. @param {number} every */
  expect(every) {
    this.#silenceMs = every ? Math.max(SILENCE_MS, every * 2500) : 0;
    this.#patienceMs = every ? Math.max(PATIENCE_MS, every * 5000) : 0;
    this.#listen();
  }

  start() {
    this.#begun = true;
    this.#wish = null;
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    this.#listen();
    this.#hold();
    socket.onopen = () => this.#wish !== null && socket.send(this.#wish);
    socket.onmessage = (event) => this.#received(String(event.data));
    socket.onclose = (event) => {
      if (event.code === CHANGED) location.reload();
      else if (event.code === LESSON_OVER) this.#handleLessonEnd();
      else if (event.code === NODE_GONE) this.#handleEnd();
      else this.#closed();
    };
  }

  /** Request a snapshot; without an answer, reconnect. */
  sync() {
    clearTimeout(this.#answer);
    this.#answer = setTimeout(() => this.#again(), ANSWER_MS);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send('{"k":"sync"}');
  }

  /**
   * Change the view of the topic, now and after reconnecting.
   * @param {string} url
   * @param {Record<string, string>} ask  query parameters besides the node
   */
  look(url, ask) {
    this.url = url;
    this.#wish = JSON.stringify({ k: "look", ask });
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(this.#wish);
  }

  /** @param {string} text */
  #received(text) {
    /** @type {Message} */
    const message = JSON.parse(text);
    if (message.k === "s") {
      clearTimeout(this.#answer);
      this.#tries = 0;
      this.#stale = false;
      this.#setStatus("live");
    } else if (this.#status === "silent") this.#setStatus("live");
    this.#listen();
    if (document.hidden) this.#stale = true;
    if (this.#stale) return;
    this.#batch.push(message);
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#flush();
    });
    this.#flush();
  }

  #flush() {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length) this.onMessages(batch);
  }

  #handleVisibility() {
    if (document.hidden) return;
    this.#flush();
    if (this.#stale) this.sync();
  }

  /** Restart the timer that waits for the next frame. */
  #listen() {
    clearTimeout(this.#silence);
    clearTimeout(this.#patience);
    const silence = this.#status === "live" ? this.#silenceMs : this.#status === "connecting" ? FIRST_MS : 0;
    if (silence) this.#silence = setTimeout(() => this.#setStatus("silent"), silence);
    if (this.#patienceMs) this.#patience = setTimeout(() => this.#again(), this.#patienceMs);
  }

  /** If it is known that the loop of the page's node is held, nothing will come: say so at once. */
  #hold() {
    if (!document.documentElement?.dataset["held"] || this.#status === "gone") return;
    if (new URL(this.url).searchParams.get("node") !== chosen()) return;
    this.#status = "silent";
    this.onStatus("silent");
  }

  #drop() {
    for (const timer of [this.#silence, this.#patience, this.#answer, this.#retry]) clearTimeout(timer);
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  #handleLessonEnd() {
    this.stop();
    this.#setStatus("gone");
    window.dispatchEvent(new Event("sl-lesson-over"));
  }

  #handleEnd() {
    this.#drop();
    this.#setStatus("gone");
  }

  #closed() {
    this.#setStatus(this.#status === "connecting" && this.#tries < 3 ? "connecting" : "lost");
    if (this.#tries > 0) void this.#knock();
    this.#again();
  }

  /** Check whether the session is still valid: browsers do not report why a socket was refused. */
  async #knock() {
    try {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
      if (answer.status === 401 || answer.status === 403 || answer.type === "opaqueredirect") location.reload();
    } catch {
      // the server does not answer: the next try will show
    }
  }

  #again() {
    this.#drop();
    const pause = Math.min(RETRY_LIMIT_MS, RETRY_MS * 2 ** this.#tries) * (0.5 + Math.random() / 2);
    this.#tries += 1;
    this.#retry = setTimeout(() => this.start(), pause);
  }

  #reconnectNow() {
    if (!this.#begun) return;
    this.#drop();
    this.#tries = 0;
    this.start();
  }

  /** @param {Status} status */
  #setStatus(status) {
    if (status === this.#status) return;
    this.#status = status;
    this.onStatus(status);
  }
}

/**
 * Return the URL of a topic for the page's node: same host, scheme and base path.
 * @param {string} topic
 * @param {Record<string, string>} [options]  query parameters
 * @param {string} [node]  another node than the page's; "" for the default one
 */
export function liveUrl(topic, options = {}, node = chosen()) {
  const query = new URLSearchParams({ ...options, ...(node ? { node } : {}) }).toString();
  return `${location.origin.replace(/^http/, "ws")}${root()}/live/${topic}${query ? `?${query}` : ""}`;
}
