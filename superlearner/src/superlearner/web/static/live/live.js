/**
 * The live feed: one socket, and always an answer to the question whether what is on the page is still true.
 *
 * After a quiet moment a frame is on the page at once; those that follow it before the next picture are taken together
 * with that. Waiting for the picture with the first one, too, would show nothing sooner and everything later: the
 * picture then begins with this work instead of finding it done.
 *
 * A lost connection is retried for ever, at most 0.8 s apart, unless it is the session that ended: then the page is
 * loaded anew, which leads to the sign-in page. A server that is connected but says nothing, because a
 * callback does not return, is told apart from one that is gone. A node that is gone is not asked for again until it is
 * said to be back. A hidden tab throws frames away and asks for a snapshot
 * when it is looked at again, so that nothing piles up.
 *
 * @module
 */

import { chosen, root } from "../base/dom.js";
import { Shorthand } from "./shorthand.js";

/** @typedef {import("./model.js").Message} Message */
/** @typedef {"connecting"|"live"|"silent"|"lost"|"gone"} Status */

/** Silence after which the server is said not to answer: it speaks twice a second. */
const SILENCE_MS = 2000;
/** Silence after which the connection is made anew: it may be the network that is gone. */
const PATIENCE_MS = 6000;
/** How long a snapshot that was asked for may take. */
const ANSWER_MS = 2000;
/** What the server closes with when the node is not there (any more). */
const NODE_GONE = 4404;
const RETRY_MS = 100;
const RETRY_LIMIT_MS = 800;

export class Feed {
  /** @type {WebSocket|null} */ #socket = null;
  /** What is to be looked at as soon as the socket is open. @type {string|null} */ #wish = null;
  #shorthand = new Shorthand();
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
    document.addEventListener("visibilitychange", () => this.#looked(), { signal });
    window.addEventListener("online", () => this.#reconnectNow(), { signal });
    window.addEventListener("sl-node-back", () => this.#status === "gone" && this.#reconnectNow(), { signal });
    window.addEventListener("pagehide", () => this.#drop(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.#reconnectNow(), { signal });
  }

  /** For good: nothing more is heard. */
  stop() {
    this.#end.abort();
    this.#batch = [];
    this.#drop();
  }

  /** How often this feed speaks by itself, in seconds; 0: only when there is something to say. @param {number} every */
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
    socket.onopen = () => this.#wish !== null && socket.send(this.#wish);
    socket.onmessage = (event) => this.#received(String(event.data));
    socket.onclose = (event) => (event.code === NODE_GONE ? this.#gone() : this.#closed());
  }

  /** Asks for a fresh snapshot; without an answer the connection is made anew. */
  sync() {
    clearTimeout(this.#answer);
    this.#answer = setTimeout(() => this.#again(), ANSWER_MS);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send('{"k":"sync"}');
  }

  /**
   * Looks at another part of the topic, now and after a new connection.
   * @param {string} url
   * @param {Record<string, string>} ask  what the address asks besides the node
   */
  look(url, ask) {
    this.url = url;
    this.#wish = JSON.stringify({ k: "look", ask });
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(this.#wish);
  }

  /** @param {string} text */
  #received(text) {
    const message = this.#shorthand.read(JSON.parse(text));
    if (message.k === "s") {
      clearTimeout(this.#answer);
      this.#tries = 0;
      this.#stale = false;
      this.#say("live");
    } else if (this.#status === "silent") this.#say("live");
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

  #looked() {
    if (document.hidden) return;
    this.#flush();
    if (this.#stale) this.sync();
  }

  /** Starts waiting for the next frame anew. */
  #listen() {
    clearTimeout(this.#silence);
    clearTimeout(this.#patience);
    if (this.#status === "live" && this.#silenceMs) this.#silence = setTimeout(() => this.#say("silent"), this.#silenceMs);
    if (this.#patienceMs) this.#patience = setTimeout(() => this.#again(), this.#patienceMs);
  }

  #drop() {
    for (const timer of [this.#silence, this.#patience, this.#answer, this.#retry]) clearTimeout(timer);
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  #gone() {
    this.#drop();
    this.#say("gone");
  }

  #closed() {
    this.#say(this.#status === "connecting" && this.#tries < 3 ? "connecting" : "lost");
    if (this.#tries > 0) void this.#knock();
    this.#again();
  }

  /** Asks whether this page would still be shown: a browser does not tell why a socket was refused. */
  async #knock() {
    try {
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
      if (answer.status === 401 || answer.type === "opaqueredirect") location.reload();
    } catch {
      // the server does not answer at all: the next try will tell
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
  #say(status) {
    if (status === this.#status) return;
    this.#status = status;
    this.onStatus(status);
  }
}

/**
 * Where a topic is to be had, of the node that the page shows: same host, same scheme, below the same path.
 * @param {string} topic
 * @param {Record<string, string>} [options]  what the topic is asked besides
 * @param {string} [node]  another node than the page's; "" for the one that is meant where none is named
 */
export function liveUrl(topic, options = {}, node = chosen()) {
  const asked = new URLSearchParams({ ...options, ...(node ? { node } : {}) }).toString();
  return `${location.origin.replace(/^http/, "ws")}${root()}/live/${topic}${asked ? `?${asked}` : ""}`;
}
