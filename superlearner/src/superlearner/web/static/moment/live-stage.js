/**
 * `<restart-live>`: plays a restart of the tree as soon as it has happened.
 *
 * One restart is played at a time; the next one completes it at once. At more than three events a second only a
 * supervisor that gives up is played. The pane counts the others and, when they have ended, shows the end of the newest
 * one. It stays closed after it was closed, and in windows without room for it. On a phone it closes a moment after the
 * end.
 *
 * With the attribute `picture` it is always open: when nothing plays, it shows the moment that `atRest` returns. A click
 * ends what plays. With the attribute `brief` it closes a moment after the end on every screen.
 *
 * Events: `restart-end` when `busy` has become false; `restart-open` with the key of the process when it opens, or of a
 * supervisor that gives up; `restart-down` after a change of `down`.
 *
 * @module
 */

import { requestOn } from "../base/api.js";
import { chosen, icon, make } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { counted, time } from "../base/words.js";
import { isSettled } from "../live/bursts.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { raised, reachable, speeds, withNames } from "./captions.js";
import { RestartStage } from "./stage.js";
import { fallen, headline, pace } from "./story.js";

/** @import { FeedEvent } from "../live/model.js" */
/** @import { Moment } from "./schedule.js" */

/** Events in a second above which nothing is played. */
const MOST = 3;
const LARGE = 1.35;
/** The size of the drawing in a pane: at most this high, but not smaller than it can be read. A give-up one level deep fits in `low`. */
const PANE = { largest: 0.9, smallest: 0.75, height: 269, around: 98, low: 258 };
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
/** A storm is over after this time without a restart. */
const CALM_MS = 1000;
/** How long the end of a restart that was played stays before a newer one takes its place. */
const READ_MS = 4000;
/** @type {ReadonlySet<string>} */ const NOBODY = new Set();
/** Windows with room for the pane: large ones, and phones, where it takes the lower half. */
const ROOMY = "(min-width: 901px) and (min-height: 760px), (max-width: 600px) and (min-height: 600px)";

/** Return whether an entry is the give-up of a root, with which its rows leave the tree. @param {FeedEvent} entry */
const isEndOfTree = ({ kind, key }) => kind === "gave_up" && !key?.includes("/");

export class RestartLive extends HTMLElement {
  #stage = new RestartStage();
  #said = make("div", { class: "said" });
  #head = make("div", { class: "about" });
  #pace = make("div", { class: "pace" });
  #closed = false;
  #room = matchMedia(ROOMY);
  #phone = matchMedia("(max-width: 600px)");
  /** The newest event of the feed that was seen; NaN before the first look. */
  #seen = NaN;
  /** Times of the last restarts, in ms. @type {number[]} */
  #recent = [];
  /** The time at which a supervisor gave up last, in ms. */ #fell = -Infinity;
  /** @type {AbortController|null} */ #asking = null;
  /** The restarts of the tree that are in the feed, oldest first. @type {FeedEvent[]} */ #restarts = [];
  /** The event of the restart that is shown. */ #shown = 0;
  /** How many restarts were not played when it was shown, itself included. */ #folded = 0;
  /** The time at which the last play came to its end, in ms. */ #ended = -Infinity;
  #settling = 0;
  /** Its height in pixels; it grows only, until it is closed. */ #need = 0;
  #down = NOBODY;
  #picture = false;
  /** Buttons to share the restart that is shown, loaded with the first one. @type {HTMLElement[]} */ #shares = [];
  /** Key of the text that was rendered last. */ #told = "";
  /** The node of the restarts. */ #node = chosen();
  /** @type {(() => Moment)|null} */ #atRest = null;
  #resting = 0;
  #held = "";

  connectedCallback() {
    if (this.#stage.isConnected) return;
    for (const name of ["fill", "live"]) this.#stage.setAttribute(name, "");
    this.#picture = this.hasAttribute("picture");
    this.#stage.role = "group";
    this.#stage.addEventListener("restart-play", () => {
      if (this.#stage.playing) this.#rested();
      else this.#rest();
      this.#hold();
      if (!this.busy) this.dispatchEvent(new Event("restart-end"));
    });
    this.#stage.addEventListener("restart-time", () => this.#follow());
    if (this.#picture) {
      this.append(this.#stage, this.#pace);
      this.#stage.addEventListener("click", () => this.shows && this.leave());
      new ResizeObserver(() => this.#fit()).observe(this);
      return;
    }
    this.#stage.tabIndex = 0;
    const close = make("button", { type: "button", class: "btn quiet square", "aria-label": "Close the replay of restarts" },
      icon("close"));
    close.onclick = () => {
      this.#closed = this.hidden = true;
      this.#asking?.abort();
      this.#asking = null;
      this.#stage.pause();
      this.#hold();
    };
    this.append(this.#head, this.#stage, this.#said, close);
    this.#room.onchange = () => this.#hold();
  }

  /** The ids of the processes that a paused replay shows as not running. One that plays is over soon, and holds nothing. */
  get down() {
    return this.#down;
  }

  /** Whether a replay may be shown: there is room for it, and the reader has not closed the pane. */
  get opens() {
    return this.#picture || (!this.#closed && this.#room.matches);
  }

  #hold() {
    const { stage } = this, { moment } = stage,
      held = moment && moment.id >= 0 && !this.hidden && this.opens && !stage.playing && stage.time < stage.score.end;
    const down = held ? stage.down : NOBODY;
    if (down.size === this.#down.size && [...down].every((id) => this.#down.has(id))) return;
    this.#down = down;
    this.dispatchEvent(new Event("restart-down"));
  }

  #follow() {
    this.#hold();
    this.#tell();
    if (this.#stage.time < this.#stage.score.end) return;
    if (this.#stage.playing) this.#ended = performance.now();
    this.#settle();
  }

  /** Close it, or show the picture at rest. */
  leave() {
    this.#stage.pause();
    this.#rested();
    clearTimeout(this.#settling);
    if (this.#picture) this.#showRest();
    else this.hidden = true;
    this.#hold();
  }

  /** Close it after a moment, unless it stays open. */
  #rest() {
    this.#rested();
    if (this.#picture || this.#phone.matches || this.hasAttribute("brief")) this.#resting = setTimeout(() => this.leave(), REST_MS);
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

  /** Draw the picture as large as there is room for it; the pane gets the height it needs, and then grows only if it must. */
  #fit() {
    if (this.#picture || this.#phone.matches) return this.#stage.fit(this.#picture && this.clientWidth > ROOM ? LARGE : 1);
    const { largest, smallest, height, around, low } = PANE, least = this.#stage.least(largest);
    const size = this.#need ? smallest / largest : Math.max(smallest / largest, Math.min(1, height / least));
    this.#need = Math.max(this.#need, around + Math.max(low, least * size));
    this.style.setProperty("--need", `${Math.ceil(this.#need)}px`);
    this.#stage.fit(largest);
  }

  /** Follow another node, or another program on it. @param {string} node */
  follow(node) {
    this.#asking?.abort();
    this.#asking = null;
    this.#node = node;
    [this.#seen, this.#recent, this.#fell, this.#restarts] = [NaN, [], -Infinity, []];
    this.leave();
  }

  get stage() {
    return this.#stage;
  }

  /** Return what a picture shows of a moment; it may be set. @param {Moment} moment */
  cut = (moment) => moment;

  /** Key of the process whose restart plays elsewhere on the page, or "". Until it is "" again, only a click changes what is shown. */
  set held(/** @type {string} */ key) {
    const free = this.#held !== "" && key === "";
    this.#held = key;
    if (free && !this.hidden) this.#settle();
  }

  /** Return whether the restart of a process plays elsewhere on the page. @param {string} key */
  #holds(key) {
    return key === this.#held || this.#held.startsWith(`${key}/`);
  }

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

  /**
   * Play the newest restart of the feed, if it is new.
   * @param {readonly FeedEvent[]} feed
   * @param {(key: string) => boolean} inTree
   * @param {number} skew  server time minus local time, in seconds
   */
  show(feed, inTree, skew) {
    const restarts = feed.filter((entry) => entry.event && entry.kind !== "stopped" && isSettled(entry));
    const newest = restarts.reduce((most, entry) => Math.max(most, entry.event ?? 0), 0), before = this.#seen;
    this.#seen = newest;
    this.#restarts = restarts.filter((entry) => entry.key && (inTree(entry.key) || isEndOfTree(entry)));
    const now = performance.now();
    if (Number.isNaN(before) || newest < before) { // the page was just opened, or shows another node: count, and play nothing
      const since = Date.now() / 1000 + skew - 1;
      this.#recent = restarts.filter(({ at }) => at > since).map(() => now);
      this.#shown = newest;
      return;
    }
    const fresh = restarts.filter(({ event }) => (event ?? 0) > before);
    this.#recent = [...this.#recent.filter((at) => at > now - 1000), ...fresh.map(() => now)];
    const ours = fresh.filter((one) => this.#restarts.includes(one) && !this.#holds(one.key ?? ""));
    const fallen = ours.findLast(({ kind }) => kind === "gave_up"), entry = fallen ?? ours.find(({ event }) => event === newest);
    const plays = entry && this.opens;
    if (!this.hidden) this.#tell();
    if (plays && fallen && now > this.#fell + ONE_FALL_MS) this.#fell = now;
    else if (now < this.#fell + FALL_MS) return this.#settle();
    else if (this.#recent.length > MOST) {
      this.#finish();
      return this.#settle();
    }
    if (plays) void this.#play(entry.event ?? 0, entry.key ?? "");
  }

  /** The number of restarts after the one that is shown, and the newest; a give-up is an entry beside its restart. */
  get #newer() {
    const { moment } = this.#stage, end = this.#picture ? Infinity : moment ? moment.at + (moment.took ?? 0) + LATE_S : -Infinity;
    const newer = this.#restarts.filter(({ at, event }) => (event ?? 0) > this.#shown && at > end);
    return { count: newer.filter(({ kind }) => kind !== "gave_up").length || newer.length, last: newer.at(-1) };
  }

  /** Count the restarts that are not played, and show the newest when they have ended; unless the reader has paused. */
  #settle() {
    if (!this.opens || !this.#newer.last) return;
    this.#tell();
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      const { stage } = this, { count, last } = this.#newer;
      if (last && this.opens && !this.#holds(last.key ?? "") && !this.#asking && (this.hidden || stage.time >= stage.score.end))
        void this.#play(last.event ?? 0, last.key ?? "", count);
    }, Math.max(CALM_MS, this.#ended + READ_MS - performance.now()));
  }

  #finish() {
    const asked = this.#asking !== null;
    this.#asking?.abort();
    this.#asking = null;
    if (this.#picture && (asked || this.shows)) this.leave();
    else if (this.#stage.playing) this.#stage.seek(this.#stage.score.end);
    if (asked) this.dispatchEvent(new Event("restart-end"));
  }

  /** @param {number} event @param {string} key @param {number} [folded]  how many were not played: show its end at once */
  async #play(event, key, folded = 0) {
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
    const fell = fallen(moment);
    if (opened) this.#need = 0;
    if (opened || fell) this.dispatchEvent(new CustomEvent("restart-open", { detail: fell ?? key }));
    [this.#shown, this.#folded, this.#ended] = [event, folded, -Infinity];
    this.#stage.moment = this.#picture ? this.cut(moment) : moment;
    this.#fit();
    this.#stage.ariaLabel = this.#picture ? "The newest restart" : "The newest restart. Space plays and pauses, the arrow keys step.";
    if (!this.#picture) {
      this.#stage.reveal();
      void this.#share().catch(() => {}); // the server is gone, which the page shows
    }
    this.#asking = null;
    if (!folded) return this.#stage.play();
    this.#stage.seek(this.#stage.score.end);
    this.#rest();
    this.dispatchEvent(new Event("restart-end"));
  }

  async #share() {
    if (this.#shares.length) return;
    const { linkButton, saveButton } = await import("./share.js"), shown = () => this.#stage.moment?.ref || this.#shown;
    this.#shares = [
      linkButton(() => `${location.origin}${whyAddress(shown(), this.#node)}`, "Copy the link to this restart", "link"),
      saveButton(() => requestOn(this.#node, "GET", `/restarts/${shown()}/file`), "link"),
    ];
    this.#told = "";
    this.#tell();
  }

  #tell() {
    const { moment, stage } = this.#stage;
    if (!moment) return;
    const { count, last } = this.#newer, slow = this.#picture && !this.shows ? "" : pace(moment, this.#stage.duration);
    const folded = this.#stage.playing ? 0 : this.#folded,
      told = `${moment.id} ${stage} ${moment.summary} ${count} ${folded} ${this.#stage.speed} ${slow}`;
    if (this.#told === told) return;
    this.#told = told;
    const hurry = (/** @type {number} */ speed) => {
      this.#stage.speed = speed;
      this.#tell();
    };
    render(html`${this.#picture ? html`<span>${slow}</span>` : nothing}${speeds(this.#stage.speed, hurry)}`, this.#pace);
    if (this.#picture) return;
    render(
      html`<b>${headline(moment)}</b><time>${time(moment.at)}</time><span data-folded=${folded ? "" : nothing}>${folded
        ? `${counted(folded, "restart")} skipped; showing the newest`
        : slow}</span>
        ${last
          ? html`<button type="button" class="link"
            @click=${() => void this.#play(last.event ?? 0, last.key ?? "")}>${counted(count, "newer restart")}: play the newest</button>`
          : nothing}<div class="share">${this.#shares}</div>`,
        this.#head);
    render(
      html`<p data-done=${stage === 6 ? "yes" : "no"}>${
        withNames(moment, stage)
      }</p>${moment.line ? raised(moment.line, stage === 6) : nothing}<div class="acts">${this.#pace}<a class="btn"
        href=${whyAddress(moment.ref || moment.id, this.#node)}>Watch it again</a></div>`,
      this.#said);
    reachable(this.#said.querySelector("p"), stage === 6);
  }
}

customElements.define("restart-live", RestartLive);
