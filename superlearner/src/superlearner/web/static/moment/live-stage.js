/**
 * `<restart-live>`: plays a restart of the tree as soon as it has happened.
 *
 * One restart is played at a time; the next one completes it at once. At more than three events a second nothing is
 * played, but for a supervisor that gives up. It is a pane of fixed height, which stays closed after it was closed, and in windows without room for it.
 * With the attribute `over` it covers the picture that it stands in, until a moment after the end or a click; without
 * motion it then plays nothing. On a phone it closes a moment after the end. Events: `restart-end` when `busy` has
 * become false, `restart-open` with the key of the process when it opens.
 *
 * @module
 */

import { request } from "../base/api.js";
import { attribute, icon, make } from "../base/dom.js";
import { still } from "../base/motion.js";
import { whyAddress } from "../base/process-link.js";
import { isSettled } from "../live/bursts.js";
import { html, render } from "../vendor/lit-html.js";
import { withNames } from "./dock.js";
import { RestartStage } from "./stage.js";
import { sentence } from "./story.js";

/** @typedef {import("../live/model.js").FeedEvent} FeedEvent */
/** @typedef {import("./schedule.js").Moment} Moment */

/** Events in a second above which nothing is played. */
const MOST = 3;
const LARGE = 1.35;
/** From this width on, a picture is covered by a large one. */
const ROOM = 800;
/** How long the end stays over a picture, and on a phone. */
const REST_MS = 1600, PHONE_REST_MS = 6000;
/** How long a supervisor that gives up is shown; what happens meanwhile is not. */
const FALL_MS = 4000;
/** Windows with room for the pane: large ones, and phones, where it takes the lower half. */
const ROOMY = "(min-width: 901px) and (min-height: 760px), (max-width: 600px) and (min-height: 600px)";

export class RestartLive extends HTMLElement {
  #stage = new RestartStage();
  #said = make("div", { class: "said" });
  #closed = false;
  #room = matchMedia(ROOMY);
  #phone = matchMedia("(max-width: 600px)");
  /** The newest event of the feed that was seen; NaN before the first look. */
  #seen = NaN;
  /** Times of the last restarts, in ms. @type {number[]} */
  #recent = [];
  /** The time at which a supervisor gave up last, in ms. */ #fell = -Infinity;
  /** @type {AbortController|null} */ #asking = null;
  #over = false;
  #resting = 0;

  connectedCallback() {
    if (this.#stage.isConnected) return;
    this.#stage.setAttribute("fill", "");
    this.#over = this.hasAttribute("over");
    this.#stage.role = "group";
    if (this.#over) return this.#cover();
    this.#stage.tabIndex = 0;
    const close = make("button", { type: "button", class: "btn quiet square", "aria-label": "Close the replay of restarts" }, icon("close"));
    close.onclick = () => {
      this.#closed = this.hidden = true;
      this.#stage.pause();
    };
    this.append(this.#stage, this.#said, close);
    this.#stage.addEventListener("restart-time", () => this.#tell());
    this.#stage.addEventListener("restart-play", () => {
      clearTimeout(this.#resting);
      if (!this.#stage.playing && this.#phone.matches) this.#resting = setTimeout(() => this.#leave(), PHONE_REST_MS);
    });
  }

  /** Cover the picture while it plays. */
  #cover() {
    this.append(this.#stage);
    this.addEventListener("click", () => this.#leave());
    this.#stage.addEventListener("restart-play", () => {
      clearTimeout(this.#resting);
      if (this.#stage.playing) return;
      this.#resting = setTimeout(() => this.#leave(), REST_MS);
      this.dispatchEvent(new Event("restart-end"));
    });
  }

  /** Show the picture again. */
  #leave() {
    clearTimeout(this.#resting);
    this.hidden = true;
    this.#stage.pause();
  }

  /** Whether a restart is about to be played, or plays. */
  get busy() {
    return this.#asking !== null || this.#stage.playing;
  }

  /** Play the newest restart of the feed, if it is new. @param {readonly FeedEvent[]} feed @param {(key: string) => boolean} inTree */
  show(feed, inTree) {
    const restarts = feed.filter((entry) => entry.event && entry.kind !== "stopped" && isSettled(entry));
    const newest = restarts.reduce((most, entry) => Math.max(most, entry.event ?? 0), 0), before = this.#seen;
    this.#seen = newest;
    if (Number.isNaN(before) || newest < before) return; // what happened before the page was opened; or another node
    const now = performance.now(), fresh = restarts.filter(({ event }) => (event ?? 0) > before);
    this.#recent = [...this.#recent.filter((at) => at > now - 1000), ...fresh.map(() => now)];
    const fallen = fresh.findLast(({ kind, key }) => kind === "gave_up" && key && inTree(key));
    const entry = fallen ?? fresh.find(({ event, key }) => event === newest && key && inTree(key));
    const plays = entry && !this.#closed && (this.#over ? !still() : this.#room.matches);
    if (plays && fallen && now > this.#fell + REST_MS) this.#fell = now;
    else if (now < this.#fell + FALL_MS) return;
    else if (this.#recent.length > MOST) return this.#finish();
    if (plays) void this.#play(entry.event ?? 0, entry.key ?? "");
  }

  #finish() {
    this.#asking?.abort();
    this.#asking = null;
    if (this.#over) this.#leave();
    else if (this.#stage.playing) this.#stage.seek(this.#stage.score.end);
    this.dispatchEvent(new Event("restart-end"));
  }

  /** @param {number} event @param {string} key */
  async #play(event, key) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    /** @type {Moment} */ let moment;
    try {
      moment = await request("GET", `/restarts/${event}`, undefined, asking.signal);
    } catch {
      if (this.#asking !== asking) return;
      this.#asking = null; // it is no longer in memory, or may not be seen: the feed has its sentence
      this.dispatchEvent(new Event("restart-end"));
      return;
    }
    if (this.#asking !== asking || this.#closed) return;
    this.#asking = null;
    const opened = this.hidden;
    this.hidden = false;
    if (opened) this.dispatchEvent(new CustomEvent("restart-open", { detail: key }));
    if (this.#over) this.#stage.scale = this.clientWidth > ROOM ? LARGE : 1;
    this.#stage.moment = moment;
    this.#stage.ariaLabel = this.#over ? "The newest restart" : "The newest restart. Space plays and pauses, the arrow keys step.";
    if (!this.#over) this.#stage.reveal();
    this.#stage.play();
  }

  #tell() {
    const { moment, stage } = this.#stage;
    if (!moment) return;
    const told = `${moment.id} ${stage} ${moment.summary}`;
    if (this.#said.dataset.told === told) return;
    attribute(this.#said, "data-told", told);
    render(html`<p data-done=${stage === 6 ? "yes" : "no"}>${withNames(sentence(moment, stage), moment)}</p><a class="btn" href=${whyAddress(moment.id)}>Watch it again</a>`, this.#said);
  }
}

customElements.define("restart-live", RestartLive);
