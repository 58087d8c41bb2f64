/**
 * `<restart-live>`: plays a restart of the tree as soon as it has happened.
 *
 * One restart is played at a time; the next one completes it at once. At more than three events a second only a
 * supervisor that gives up is played, and the pane counts what it did not play. It has a fixed height. It stays closed
 * after it was closed, and in windows without room for it. On a phone it closes a moment after the end.
 *
 * With the attribute `picture` it is always open: when nothing plays, it shows the moment that `atRest` returns. A click
 * ends what plays. With the attribute `brief` it closes a moment after the end on every screen.
 *
 * Events: `restart-end` when `busy` has become false, `restart-open` with the key of the process when it opens.
 *
 * @module
 */

import { requestOn } from "../base/api.js";
import { attribute, chosen, icon, make } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { counted, time } from "../base/words.js";
import { isSettled } from "../live/bursts.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { raised, reachable, withNames } from "./dock.js";
import { RestartStage } from "./stage.js";
import { headline, sentence, span } from "./story.js";

/** @typedef {import("../live/model.js").FeedEvent} FeedEvent */
/** @typedef {import("./schedule.js").Moment} Moment */

/** Events in a second above which nothing is played. */
const MOST = 3;
const LARGE = 1.35;
/** From this width on, a picture is large. */
const ROOM = 800;
/** How long the end stays in a picture, and on a phone. */
const REST_MS = 6000;
/** How long a supervisor that gives up is shown; what happens meanwhile is not. */
const FALL_MS = 4000;
/** Events of one fall come within this time. */
const ONE_FALL_MS = 1600;
/** What belongs to a restart is in the feed at most this much later. */
const LATE_S = 0.05;
const NONE = { count: 0, event: 0, key: "" };
/** Windows with room for the pane: large ones, and phones, where it takes the lower half. */
const ROOMY = "(min-width: 901px) and (min-height: 760px), (max-width: 600px) and (min-height: 600px)";

export class RestartLive extends HTMLElement {
  #stage = new RestartStage();
  #said = make("div", { class: "said" });
  #head = make("div", { class: "about" });
  #closed = false;
  #room = matchMedia(ROOMY);
  #phone = matchMedia("(max-width: 600px)");
  /** The newest event of the feed that was seen; NaN before the first look. */
  #seen = NaN;
  /** Times of the last restarts, in ms. @type {number[]} */
  #recent = [];
  /** The time at which a supervisor gave up last, in ms. */ #fell = -Infinity;
  /** @type {AbortController|null} */ #asking = null;
  /** Restarts since the one that is shown, and the newest of them. @type {{count: number, event: number, key: string}} */ #newer = NONE;
  #picture = false;
  /** The node of the restarts. */ #node = chosen();
  /** @type {(() => Moment)|null} */ #atRest = null;
  #resting = 0;

  connectedCallback() {
    if (this.#stage.isConnected) return;
    for (const name of ["fill", "live"]) this.#stage.setAttribute(name, "");
    this.#picture = this.hasAttribute("picture");
    this.#stage.role = "group";
    this.#stage.addEventListener("restart-play", () => {
      this.#rested();
      if (!this.#stage.playing && (this.#picture || this.#phone.matches || this.hasAttribute("brief"))) this.#resting = setTimeout(() => this.leave(), REST_MS);
      if (!this.busy) this.dispatchEvent(new Event("restart-end"));
    });
    if (this.#picture) {
      this.append(this.#stage);
      this.#stage.addEventListener("click", () => this.shows && this.leave());
      new ResizeObserver(() => this.#fit()).observe(this);
      return;
    }
    this.#stage.tabIndex = 0;
    const close = make("button", { type: "button", class: "btn quiet square", "aria-label": "Close the replay of restarts" }, icon("close"));
    close.onclick = () => {
      this.#closed = this.hidden = true;
      this.#asking?.abort();
      this.#asking = null;
      this.#stage.pause();
    };
    this.append(this.#head, this.#stage, this.#said, close);
    this.#stage.addEventListener("restart-time", () => this.#tell());
  }

  /** Close it, or show the picture at rest. */
  leave() {
    this.#stage.pause();
    this.#rested();
    if (this.#picture) this.#showRest();
    else this.hidden = true;
  }

  #rested() {
    clearTimeout(this.#resting);
    this.#resting = 0;
  }

  #showRest() {
    const moment = this.#atRest?.();
    if (!moment) return;
    this.#stage.moment = moment;
    this.#fit();
    this.#stage.ariaLabel = moment.summary;
    this.#stage.seek(this.#stage.score.end);
  }

  /** Draw the picture as large as there is room for it. */
  #fit() {
    this.#stage.fit(this.#picture && this.clientWidth > ROOM ? LARGE : 1);
  }

  /** Follow another node, or another program on it. @param {string} node */
  follow(node) {
    this.#asking?.abort();
    this.#asking = null;
    this.#node = node;
    [this.#seen, this.#recent, this.#fell] = [NaN, [], -Infinity];
    this.leave();
  }

  get stage() {
    return this.#stage;
  }

  /** Return what a picture shows of a moment; it may be set. @param {Moment} moment */
  cut = (moment) => moment;

  /** Whether a restart is about to be played, or plays. */
  get busy() {
    return this.#asking !== null || this.#stage.playing;
  }

  /** Whether a restart is shown, and not the picture at rest. */
  get shows() {
    return this.#stage.playing || this.#resting !== 0;
  }

  /** Returns the picture when nothing plays; its summary is the label. */
  set atRest(/** @type {() => Moment} */ make) {
    this.#atRest = make;
    if (!this.shows && !this.busy) this.#showRest();
  }

  /** Play the newest restart of the feed, if it is new. @param {readonly FeedEvent[]} feed @param {(key: string) => boolean} inTree */
  show(feed, inTree) {
    const restarts = feed.filter((entry) => entry.event && entry.kind !== "stopped" && isSettled(entry));
    const newest = restarts.reduce((most, entry) => Math.max(most, entry.event ?? 0), 0), before = this.#seen;
    this.#seen = newest;
    const now = performance.now();
    if (Number.isNaN(before) || newest < before) { // the page was just opened, or shows another node: count, and play nothing
      const last = Math.max(...restarts.map(({ at }) => at));
      this.#recent = restarts.filter(({ at }) => at > last - 1).map(() => now);
      return;
    }
    const fresh = restarts.filter(({ event }) => (event ?? 0) > before);
    this.#recent = [...this.#recent.filter((at) => at > now - 1000), ...fresh.map(() => now)];
    const fallen = fresh.findLast(({ kind, key }) => kind === "gave_up" && key && inTree(key));
    const entry = fallen ?? fresh.find(({ event, key }) => event === newest && key && inTree(key));
    const plays = entry && !this.#closed && (this.#picture || this.#room.matches);
    if (plays && fallen && now > this.#fell + ONE_FALL_MS) this.#fell = now;
    else if (now < this.#fell + FALL_MS) return this.#count(fresh, inTree);
    else if (this.#recent.length > MOST) {
      this.#finish();
      return this.#count(fresh, inTree);
    }
    if (plays) void this.#play(entry.event ?? 0, entry.key ?? "");
  }

  /** Count restarts that are not played. @param {readonly FeedEvent[]} fresh @param {(key: string) => boolean} inTree */
  #count(fresh, inTree) {
    const { moment } = this.#stage;
    if (this.#picture || this.hidden || this.#asking || !moment) return;
    const newer = fresh.filter(({ at, key }) => at > moment.at + (moment.took ?? 0) + LATE_S && key && inTree(key)), last = newer.at(-1);
    if (!last) return;
    this.#newer = { count: this.#newer.count + newer.length, event: last.event ?? 0, key: last.key ?? "" };
    this.#tell();
  }

  #finish() {
    const asked = this.#asking !== null;
    this.#asking?.abort();
    this.#asking = null;
    if (this.#picture && (asked || this.shows)) this.leave();
    else if (this.#stage.playing) this.#stage.seek(this.#stage.score.end);
    if (asked) this.dispatchEvent(new Event("restart-end"));
  }

  /** @param {number} event @param {string} key */
  async #play(event, key) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    /** @type {Moment} */ let moment;
    try {
      moment = await requestOn(this.#node, "GET", `/restarts/${event}`, undefined, asking.signal);
    } catch {
      if (this.#asking !== asking) return;
      this.#asking = null; // it is no longer in memory, or may not be seen: the feed has its sentence
      if (this.#picture && !this.shows) this.#showRest();
      this.dispatchEvent(new Event("restart-end"));
      return;
    }
    if (this.#asking !== asking || this.#closed) return;
    const opened = this.hidden;
    this.hidden = false;
    if (opened) this.dispatchEvent(new CustomEvent("restart-open", { detail: key }));
    this.#newer = NONE;
    this.#stage.moment = this.#picture ? this.cut(moment) : moment;
    this.#fit();
    this.#stage.ariaLabel = this.#picture ? "The newest restart" : "The newest restart. Space plays and pauses, the arrow keys step.";
    if (!this.#picture) this.#stage.reveal();
    this.#stage.play();
    this.#asking = null;
  }

  #tell() {
    const { moment, stage } = this.#stage;
    if (!moment) return;
    const newer = this.#newer, told = `${moment.id} ${stage} ${moment.summary} ${newer.count}`;
    if (this.#said.dataset.told === told) return;
    attribute(this.#said, "data-told", told);
    render(html`<b>${headline(moment)}</b><span>${time(moment.at)} · ${moment.took === null ? "slow-motion replay" : html`it took ${span(moment.took)}, <i>this is a slow-motion replay</i>`}</span>
      ${newer.count ? html`<button type="button" class="link" @click=${() => void this.#play(newer.event, newer.key)}>${counted(newer.count, "newer restart")}: play the last</button>` : nothing}`, this.#head);
    render(html`<p data-done=${stage === 6 ? "yes" : "no"}>${withNames(sentence(moment, stage), moment)}</p>${moment.line ? raised(moment.line, stage === 6) : nothing}<a class="btn" href=${whyAddress(moment.id, this.#node)}>Watch it again</a>`, this.#said);
    reachable(this.#said.querySelector("p"), stage === 6);
  }
}

customElements.define("restart-live", RestartLive);
