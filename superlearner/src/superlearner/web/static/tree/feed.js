/**
 * `<sl-feed>`: events in the server's words, newest first, and below them those stored before. Choosing one goes to the
 * process. Entries that repeat are one row with a count. Nothing changes under the pointer or the keyboard focus.
 *
 * @module
 */

import { requestOn } from "../base/api.js";
import { attribute, chosen, icon, make, write } from "../base/dom.js";
import { Held } from "../live/held.js";
import { oneByOne } from "../live/one-by-one.js";
import { byTime, rowText, storedText, Storms, withStored } from "../live/storms.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { eventRow, storedRow } from "./feed-row.js";

/** @import { FeedEvent } from "../live/model.js" */
/** @import { Line } from "../live/storms.js" */

const WAITS = "Events are shown with the first picture of the tree.";
const YET = "Nothing has happened yet. Kill a process and read here what its supervisor did.";
const AWAY = "The node is not connected, and no earlier event of its tree is known here.";

/** Stored entries that are listed at most. */
const MOST_BEFORE = 20;
/** Minimum interval between two questions about what was stored meanwhile. */
const STORED_MS = 1500;
const ONE = { count: 1 };

/** Return the newest stored entries of the node, newest first. @returns {Promise<Api.RestartLine[]>} */
async function readStored() {
  const node = chosen() || document.querySelector("#node option")?.textContent || ""; // without one, the list is of all nodes
  /** @type {Api.RestartLine[]} */ const found = await requestOn(node, "GET", `/restarts?settled=true&per_page=${MOST_BEFORE}`);
  return byTime(found.filter(({ outage }) => !outage)); // the server has them by their end
}

/**
 * Return whether two entries are about the same incident: its line may be corrected.
 * @param {Api.RestartLine} one
 * @param {Api.RestartLine} other
 */
const isSame = (one, other) => one.incident && other.incident && Math.abs(one.at - other.at) < 0.01
  && one.line?.split(" ", 1)[0] === other.line?.split(" ", 1)[0];

/** Return whether a stored entry has no event: crashes and failed starts have one. @param {Api.RestartLine} one */
const hasNoEvent = ({ incident, crash }) => incident && !crash;

/**
 * Return the time that decides whether a stored entry is older than the events: what ended among them is one of them.
 * @param {Api.RestartLine} one
 */
const endOf = (one) => (hasNoEvent(one) || (one.count ?? 1) > 1 ? one.at : one.until ?? one.at);

export class SlFeed extends HTMLElement {
  /** @type {readonly FeedEvent[]} */ #feed = [];
  /** @type {readonly Line[]} */ lines = [];
  #storms = new Storms();
  /** Storms of which all entries are shown. @type {Set<string>} */ #open = new Set();
  #list = make("ol", { class: "events", tabindex: 0, "aria-label": "What happened, newest first", hidden: true });
  #empty = make("p", { class: "hint" }, WAITS);
  #latest = make("span", { class: "latest" });
  #note = make("span", { class: "held" });
  #held = new Held(this.#list, this.#note, () => this.#draw());
  #toggle = make("button", { type: "button", class: "dock-toggle", "aria-expanded": "false" },
    make("span", { class: "dock-title" }, "What happened"), this.#latest, icon("up"));

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.append(make("div", { class: "events-head" }, make("h2", {}, "What happened"), this.#note), this.#toggle, this.#empty, this.#list);
    this.#toggle.onclick = () => this.#expand(!("open" in this.dataset));
    this.#list.onclick = (event) => this.#choose(event.target);
    this.#list.onkeydown = (event) => this.#pressed(event);
    window.addEventListener("sl-restarts", () => {
      if (this.#run !== null) this.#storing ||= setTimeout(() => void this.#reads(() => this.#readMeanwhile()), STORED_MS);
    });
  }

  /** @param {readonly FeedEvent[]} feed  oldest first @param {string|null} [run]  of the server */
  show(feed, run = "") {
    const newest = feed.at(-1)?.id ?? 0;
    if (run && (run !== this.#run || newest < this.#newest)) void this.#readBefore(run, feed[0]?.at ?? Infinity);
    this.#newest = newest;
    if (feed === this.#feed) return;
    this.#feed = feed;
    this.lines = this.#storms.take(feed, run);
    this.#update();
  }

  /** The run for which #before was read. @type {string|null} */ #run = null;
  /** The number of the newest event: a restarted service numbers its events anew. */ #newest = 0;
  /** Entries stored before the first event, newest first. @type {readonly Api.RestartLine[]} */ #before = [];

  /** One at a time. */ #reads = oneByOne();
  /** Increases with each new run, so that late answers are dropped. */ #turn = 0;

  /** Read the entries stored before the first event. @param {string} run @param {number} first  its time */
  #readBefore(run, first) {
    this.#run = run;
    const turn = ++this.#turn;
    return this.#reads(async () => {
      const found = turn === this.#turn ? await readStored().catch(() => []) : []; // without them, nothing has happened yet
      if (turn !== this.#turn) return;
      this.#before = found.filter((one) => endOf(one) < first);
      this.#meanwhile = found.filter((one) => hasNoEvent(one) && one.at >= first);
      write(this.#empty, this.#there ? YET : AWAY);
      this.#update();
    });
  }

  #storing = 0;
  /** Stored entries since the first event that have no event, such as a hang that ended, newest first. */
  #meanwhile = /** @type {readonly Api.RestartLine[]} */ ([]);

  /** Read what was stored meanwhile. */
  async #readMeanwhile() {
    this.#storing = 0;
    const turn = this.#turn, found = (await readStored().catch(() => [])).filter(hasNoEvent);
    if (turn !== this.#turn || !found.length) return;
    this.#before = this.#before.map((one) => found.find((other) => isSame(one, other)) ?? one);
    this.#meanwhile = found.filter((one) => !this.#before.some((other) => isSame(one, other)));
    this.#update();
  }

  #there = true;

  #update() {
    const last = this.lines.reduce((/** @type {Line|null} */ newest, line) => (newest && newest.to >= line.to ? newest : line), null);
    const stored = this.#meanwhile[0] ?? this.#before[0], newest = last && last.to >= (this.#meanwhile[0]?.at ?? 0) ? last : null;
    write(this.#latest, newest ? rowText(newest) : stored ? storedText(stored) : "Nothing yet");
    attribute(this.#latest, "data-level", newest?.event.level);
    if (this.#held.allows([...this.lines, ...this.#meanwhile.map(() => ONE)])) this.#draw();
  }

  #draw() {
    const { lines } = this, before = this.#before, rows = withStored(lines, this.#meanwhile);
    const now = rows.length ? "" : this.#there ? "No new events. " : "The node is not connected. ";
    this.#empty.hidden = rows.length + before.length > 0;
    this.#list.hidden = !this.#empty.hidden;
    this.#shown = new Map(lines.map((line) => [line.id, line]));
    render(html`${repeat(rows, (row) => ("id" in row ? row.id : row.ref),
      (row) => ("id" in row ? eventRow(row, this.#open.has(row.id), this.#there) : storedRow(row)))}${before.length
      ? html`<li class="hint">${now}Stored earlier:</li>${before.map(storedRow)}`
      : nothing}`, this.#list);
  }

  /** The rows as they are drawn. @type {ReadonlyMap<string, Line>} */ #shown = new Map();

  /** Show whether the node is available while there are no events. @param {boolean} there */
  live(there) {
    if (there === this.#there) return;
    this.#there = there;
    write(this.#empty, there ? YET : AWAY);
    if (this.#run !== null) this.#update();
  }

  /** Open or close the sheet in narrow windows. @param {boolean} open */
  #expand(open) {
    attribute(this, "data-open", open);
    attribute(this.#toggle, "aria-expanded", String(open));
  }

  /** @param {EventTarget|null} target */
  #choose(target) {
    if (!(target instanceof Element) || target.closest("a")) return;
    const item = target.closest("[data-id]");
    const id = item instanceof HTMLElement ? item.dataset.id ?? "" : "";
    const event = this.#shown.get(id)?.event;
    const act = target.closest("[data-act]");
    const what = act instanceof HTMLElement ? act.dataset.act : target.closest(".each") ? "each" : "goto";
    if (what === "each") return;
    if (what === "all") {
      if (!this.#open.delete(id)) this.#open.add(id);
      return this.#draw();
    }
    if (!event?.key) return;
    this.#expand(false);
    this.dispatchEvent(new CustomEvent(`sl-${what}`, { detail: what === "signals" ? event.id : event.key }));
  }

  /** Move between events with the arrow keys, so that the list is a single tab stop. @param {KeyboardEvent} event */
  #pressed(event) {
    const links = [.../** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll("button, a"))];
    const place = links.findIndex((link) => link === document.activeElement);
    const to = { ArrowDown: place + 1, ArrowUp: Math.max(0, place - 1), Home: 0, End: links.length - 1 }[event.key];
    const link = to === undefined ? undefined : links[to];
    if (!link) return;
    event.preventDefault();
    link.focus();
  }
}

customElements.define("sl-feed", SlFeed);
