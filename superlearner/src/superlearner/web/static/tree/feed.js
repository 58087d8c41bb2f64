/**
 * `<sl-feed>`: events in the server's words, newest first. Choosing one goes to the process.
 *
 * @module
 */

import { attribute, icon, make, write } from "../base/dom.js";
import { time } from "../base/words.js";

/** @typedef {import("../live/model.js").FeedEvent} FeedEvent */

/** @type {Record<import("../live/model.js").Level, string>} */
const MARKS = { ok: "running", info: "stopped", warn: "restarting", bad: "crashed" };

const YET = "Nothing has happened yet. Kill a process and read here what its supervisor did.";
const ENDED = "The node has ended. Nothing had happened in its tree before that.";

export class SlFeed extends HTMLElement {
  /** @type {readonly FeedEvent[]} */ #feed = [];
  /** @type {Map<number, {event: FeedEvent, item: HTMLLIElement}>} */ #items = new Map();
  #list = make("ol", { class: "events", tabindex: 0, "aria-label": "What happened, newest first" });
  #empty = make("p", { class: "hint" }, YET);
  #latest = make("span", { class: "latest" });
  #toggle = make("button", { type: "button", class: "dock-toggle", "aria-expanded": "false" },
    make("span", { class: "dock-title" }, "What happened"), this.#latest, icon("up"));

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.append(make("h2", {}, "What happened"), this.#toggle, this.#empty, this.#list);
    this.#toggle.onclick = () => this.#expand(!("open" in this.dataset));
    this.#list.onclick = (event) => this.#choose(event.target);
    this.#list.onkeydown = (event) => this.#pressed(event);
  }

  /** @param {readonly FeedEvent[]} feed  oldest first */
  show(feed) {
    if (feed === this.#feed) return;
    this.#feed = feed;
    this.#empty.hidden = feed.length > 0;
    this.#list.hidden = feed.length === 0;
    const ids = new Set(feed.map((event) => event.id));
    for (const [id, { item }] of this.#items) {
      if (ids.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    /** @type {Element|null} */
    let at = this.#list.firstElementChild;
    for (const event of [...feed].reverse()) {
      const known = this.#items.get(event.id);
      const item = known?.item ?? make("li", { "data-id": event.id });
      if (known?.event !== event) fill(item, event);
      this.#items.set(event.id, { event, item });
      if (at === item) at = at.nextElementSibling;
      else this.#list.insertBefore(item, at);
    }
    const last = feed.at(-1);
    write(this.#latest, last ? last.text : "Nothing yet");
    attribute(this.#latest, "data-level", last?.level);
  }

  /** Show whether the node is available while there are no events. @param {boolean} there */
  live(there) {
    write(this.#empty, there ? YET : ENDED);
  }

  /** Open or close the sheet in narrow windows. @param {boolean} open */
  #expand(open) {
    attribute(this, "data-open", open);
    attribute(this.#toggle, "aria-expanded", String(open));
  }

  /** @param {EventTarget|null} target */
  #choose(target) {
    const item = target instanceof Element ? target.closest("[data-id]") : null;
    const event = item instanceof HTMLElement ? this.#items.get(Number(item.dataset.id))?.event : undefined;
    if (!event?.key) return;
    this.#expand(false);
    const act = target instanceof Element ? target.closest("[data-act]") : null;
    if (act instanceof HTMLElement) this.dispatchEvent(new CustomEvent(`sl-${act.dataset.act}`, { detail: act.dataset.act === "signals" ? event.id : event.key }));
    else this.dispatchEvent(new CustomEvent("sl-goto", { detail: event.key }));
  }

  /** Move between events with the arrow keys, so that the list is a single tab stop. @param {KeyboardEvent} event */
  #pressed(event) {
    const links = [...this.#list.querySelectorAll("button")];
    const place = links.findIndex((link) => link === document.activeElement);
    const to = { ArrowDown: place + 1, ArrowUp: Math.max(0, place - 1), Home: 0, End: links.length - 1 }[event.key];
    const link = to === undefined ? undefined : links[to];
    if (!link) return;
    event.preventDefault();
    link.focus();
  }
}

/**
 * @param {HTMLLIElement} item
 * @param {FeedEvent} event
 */
function fill(item, event) {
  attribute(item, "data-kind", event.kind);
  attribute(item, "data-level", event.level);
  attribute(item, "data-key", event.key);
  const moment = make("time", { datetime: new Date(event.at * 1000).toISOString() }, time(event.at));
  item.replaceChildren(icon(event.kind === "gave_up" ? "gave-up" : MARKS[event.level] ?? "stopped", "glyph"), sentence(event), moment);
}

/**
 * Return the sentence with a link to its process and the reason highlighted; the words are unchanged.
 * @param {FeedEvent} event
 */
function sentence(event) {
  const line = make("p");
  const who = event.parts?.who;
  let rest = event.text;
  if (who && event.key && rest.startsWith(who)) {
    line.append(make("button", { type: "button", class: "link", tabindex: -1 }, who));
    rest = rest.slice(who.length);
  }
  const reason = event.parts?.reason;
  const at = reason ? rest.indexOf(reason) : -1;
  if (reason && at >= 0) {
    line.append(rest.slice(0, at), make("code", {}, reason));
    rest = rest.slice(at + reason.length);
  }
  line.append(rest);
  if (event.key && event.parts?.signals && event.kind !== "stopped") line.append(" ", act("signals", "Signals", event), " ", act("why", "Why?", event));
  return line;
}

/** @param {string} what @param {string} text @param {FeedEvent} event */
const act = (what, text, event) => make("button", { type: "button", class: "link act", "data-act": what, tabindex: -1, "aria-label": `${text} ${event.parts?.who ?? ""}`.trim() }, text);

customElements.define("sl-feed", SlFeed);
