/**
 * `<predict-game level="3" seed="17">`: a tree, a process that is killed, and the question which processes are
 * restarted. After the reader has answered, the runtime does, and its restart plays on the same tree.
 *
 * Its `source` asks and answers: the levels of the game, or the reader's own tree (own-tree.js).
 *
 * Events, which bubble: `predict-question` ({level, seed}) when another question is asked, `predict-answered`
 * ({level, seed, right, picked}) after an answer, `predict-played` when its restart has been played. An `<h1>` inside it
 * becomes its title.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { attribute, make, write } from "../base/dom.js";
import { still } from "../base/motion.js";
import { all } from "../moment/picture.js";
import { quiet } from "../moment/schedule.js";
import { linkButton, saveButton } from "../moment/share.js";
import { RestartStage } from "../moment/stage.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { Picks } from "./picks.js";
import { levels } from "./questions.js";
import { countAnswer, isAnswered, LEVELS, recall } from "./record.js";
import { ask, namesOf, prediction, questionText, result, SECOND, spoken, streak, watching } from "./told.js";

/** @import { Moment, MomentNode } from "../moment/schedule.js" */
/** @import { TextFile } from "../moment/share.js" */
/** @import { Record as Reached } from "./record.js" */
/**
 * @typedef {object} Question
 * @property {string} key  under which its first answer counts
 * @property {string} line  what stands above it
 * @property {string} [hint]
 * @property {MomentNode} tree
 * @property {string} victim  the id of the process that is killed
 * @property {[string, string][]} [links]
 */
/** @typedef {Pick<Api.GameAnswer, "right"|"rule"|"restarted"|"nodes"> & {moment: Moment}} Answer */
/**
 * Where questions come from, who kills, and what is next.
 * @typedef {object} Source
 * @property {string} lock  the button that locks a prediction in
 * @property {number} level  that an answer passes; 0: none
 * @property {string} key  changes with the question
 * @property {string} line  what stands above a question that is not there yet
 * @property {[string, string]|null} missing  why there is no question: what is said first, and the rest
 * @property {object} about  told to the page
 * @property {(signal: AbortSignal) => Promise<Question>} ask
 * @property {(question: Question, picked: string[], signal: AbortSignal) => Promise<Answer>} answer
 * @property {(answer: Answer) => Promise<TextFile>} file
 * @property {(answer: Answer) => string} [address]  of the restart
 * @property {(reached: Reached) => unknown} ways  to other questions
 * @property {() => unknown} instead  the button where there is no question
 * @property {(right: boolean) => unknown} next  buttons after an answer
 * @property {(level: number) => void} [open]
 */

/** The motion is slower than that of a restart which the reader has caused. */
const SPEED = 0.75;

export class PredictGame extends HTMLElement {
  static observedAttributes = ["level", "seed"];

  /** @type {"loading"|"failed"|"unknown"|"asking"|"locking"|"playing"|"told"} */ #phase = "loading";
  /** @type {Question|null} */ #question = null;
  /** @type {Answer|null} */ #answer = null;
  /** @type {Set<string>} */ #picked = new Set();
  #none = false;
  /** Whether this question was answered before: then the answer does not count. */
  #second = false;
  #failed = "";
  /** Why there is no question: what is said first, and the rest. @type {[string, string]|null} */ #missing = null;
  /** That of the question that is asked. */
  #key = "";
  /** @type {Source} */ #source = levels(this);
  /** Its buttons to share a restart, made for each answer. @type {HTMLElement[]} */ #shares = [];
  #shown = 0;
  /** As it was before the question, so that it does not give the result away. */
  #reached = recall();
  /** @type {AbortController|null} */ #asking = null;
  #stage = new RestartStage();
  #picks = new Picks((id) => this.#pick(id));
  #top = make("div", { class: "top-line" });
  #title = make("div", { class: "title" });
  #ways = make("div", { class: "ways" });
  #streak = make("div");
  #ask = make("div", { class: "ask" });
  #field = make("div", { class: "field-of" });
  #dock = make("div", { class: "dock", role: "region", "aria-label": "Your prediction", tabindex: -1 });
  #status = make("p", { class: "vh", role: "status" });

  /** Ask questions of another kind. @param {Source} source */
  set source(source) {
    this.#source = source;
  }

  /** Whether an answer is on its way or shown. */
  get answers() {
    return ["locking", "playing", "told"].includes(this.#phase);
  }

  connectedCallback() {
    if (!this.#dock.isConnected) {
      const title = this.querySelector("h1");
      if (title) this.#title.append(title);
      for (const name of ["fill", "whole"]) this.#stage.setAttribute(name, "");
      this.#stage.setAttribute("aria-hidden", "true");
      this.#stage.speed = SPEED;
      this.#stage.addEventListener("restart-placed", () => this.#placed());
      this.#stage.addEventListener("restart-time", () => this.#follow());
      this.#top.append(this.#title, this.#ways, this.#streak);
      this.#field.append(this.#stage, this.#picks.element);
      this.replaceChildren(this.#top, this.#ask, this.#field, this.#dock, this.#status);
    }
    document.addEventListener("keydown", this.#pressed);
    void this.#load();
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.#pressed);
    this.#asking?.abort();
    this.#key = "";
  }

  attributeChangedCallback() {
    queueMicrotask(() => this.isConnected && void this.#load());
  }

  /** Ask the question of the source if it is another one; what is picked of its processes stays. */
  async renew() {
    if (this.#phase !== "asking" || this.#source.missing) return this.#load();
    if (this.#source.key === this.#key) return;
    this.#key = this.#source.key;
    const question = await this.#source.ask(new AbortController().signal), ids = new Set(all(question.tree).map(({ id }) => id));
    if (question.victim !== this.#question?.victim) this.#open(question);
    else this.#open(question, new Set([...this.#picked].filter((id) => ids.has(id))), this.#none);
  }

  async #load(again = false) {
    const source = this.#source, { key } = source;
    if (key === this.#key && !again) return;
    this.#key = key;
    this.#asking?.abort();
    this.#stage.pause();
    const asking = (this.#asking = new AbortController());
    this.#reached = recall();
    this.#missing = source.missing;
    this.#phase = this.#missing ? "unknown" : "loading";
    this.#keepFocus(() => this.#paint());
    if (this.#missing) return write(this.#status, this.#missing.join(" "));
    this.dispatchEvent(new CustomEvent("predict-question", { detail: source.about, bubbles: true }));
    try {
      const question = await source.ask(asking.signal);
      if (!asking.signal.aborted) this.#open(question);
    } catch (error) {
      if (asking.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#phase = "failed";
      this.#missing = [error.message, error.status ? error.hint : "The question could not be loaded."];
      write(this.#status, this.#missing.join(" "));
      this.#keepFocus(() => this.#paint());
    }
  }

  /** @param {Question} question @param {Set<string>} [picked] @param {boolean} [none] */
  #open(question, picked = new Set(), none = false) {
    const here = this.contains(document.activeElement), same = question.victim === this.#question?.victim && !this.#answer;
    this.#question = question;
    this.#answer = null;
    this.#picked = picked;
    this.#none = none;
    this.#second = isAnswered(question.key);
    this.#failed = "";
    this.#phase = "asking";
    this.#picks.show(question);
    this.#stage.moment = quiet((this.#shown -= 1), question.tree);
    this.#keepFocus(() => this.#paint());
    write(this.#status, `${question.line.replace(" ·", ",")}. ${questionText(question)}${this.#second ? ` ${SECOND}` : ""}`);
    if (here && !same) this.#picks.focus();
  }

  /** @param {string} id */
  #pick(id) {
    if (this.#phase !== "asking") return;
    if (!this.#picked.delete(id)) this.#picked.add(id);
    this.#none = false;
    this.#failed = "";
    this.#paint();
  }

  #pickNone() {
    this.#none = !this.#none;
    this.#picked.clear();
    this.#failed = "";
    this.#paint();
  }

  async #lock() {
    const question = this.#question;
    if (this.#phase !== "asking" || !question || !(this.#none || this.#picked.size)) return;
    const picked = [...this.#picked], asking = (this.#asking = new AbortController());
    this.#phase = "locking";
    this.#failed = "";
    this.#keepFocus(() => this.#paint());
    try {
      const source = this.#source, answer = await source.answer(question, picked, asking.signal);
      if (asking.signal.aborted) return;
      this.#answer = answer;
      this.#shares = [saveButton(() => source.file(answer), "btn quiet")];
      if (source.address) this.#shares.push(linkButton(() => source.address?.(answer) ?? "", "Copy the link to this restart", "btn quiet"));
      countAnswer(question.key, source.level, answer.right);
      write(this.#status, spoken(answer, this.#second, namesOf(question)));
      this.#stage.moment = { ...answer.moment, id: (this.#shown -= 1) };
      this.#play();
      this.dispatchEvent(
        new CustomEvent("predict-answered", {
          detail: { ...source.about, right: answer.right, picked }, bubbles: true,
        }));
    } catch (error) {
      if (asking.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#phase = "asking";
      this.#failed = `${error.message.replace(/\.?$/, ".")} Your prediction is kept. ${error.status
        ? error.hint
        : "Lock it in again when the server is back."}`.trim();
      this.#keepFocus(() => this.#paint());
    }
  }

  /** Play the restart; without motion, show its end, or one picture for each stage if that is asked for. @param {boolean} [again] */
  #play(again = false) {
    this.#phase = "playing";
    this.#keepFocus(() => this.#paint());
    this.#stage.seek(0);
    if (still() && !again) this.#stage.seek(this.#stage.score.end);
    else this.#stage.play();
  }

  /** Judge the processes that have been started so far. */
  #follow() {
    if (this.#phase !== "playing") return;
    if (this.#stage.time >= this.#stage.score.end) {
      this.#phase = "told";
      this.#reached = recall();
      this.#keepFocus(() => this.#paint(), ".primary");
      this.dispatchEvent(new Event("predict-played", { bubbles: true }));
      this.#dock.querySelector(".said")?.scrollIntoView({ block: "nearest" }); // in a narrow place the result is below the tree
    } else this.#mark();
  }

  #mark() {
    const { time, score } = this.#stage, told = this.#phase === "told";
    /** @type {Map<string, import("./picks.js").Mark>} */
    const marks = new Map();
    for (const { id, verdict } of this.#answer?.nodes ?? []) {
      if (verdict === "left" || !(told || this.#phase === "playing")) continue;
      const last = score.cues.findLast((cue) => cue.kind === "started" && cue.id === id);
      if (told || (verdict !== "wrong" && last && last.at < time)) marks.set(id, verdict);
    }
    this.#picks.paint(this.#picked, marks, this.#phase === "asking");
  }

  #placed() {
    this.#picks.place(this.#stage.layout, this.#stage.clientWidth);
    this.#paintAsk();
  }

  /** Keep the focus in the dock if what had it is gone. @param {() => void} work @param {string} [next]  what gets it then */
  #keepFocus(work, next) {
    const inside = this.#dock.contains(document.activeElement);
    work();
    const to = next ? this.#dock.querySelector(next) : this.#dock;
    if ((next ? this.contains(document.activeElement) || inside : inside && !this.#dock.contains(document.activeElement))
      && to instanceof HTMLElement)
      to.focus({ preventScroll: true });
  }

  /** Whether there is no question to answer. */
  get #waits() {
    return this.#phase === "loading" || this.#phase === "failed" || this.#phase === "unknown";
  }

  #paintAsk() {
    const [first, rest] = this.#missing ?? ["Loading the question", "\u00a0"];
    if (this.#waits)
      render(
        html`<p class="which">${this.#phase === "unknown" ? "\u00a0" : this.#source.line}</p><h2>${first}</h2><p class="hint">${rest}</p>`,
        this.#ask);
    else if (this.#question) render(ask(this.#question, this.#stage.layout.rows), this.#ask);
  }

  #paint() {
    attribute(this, "data-phase", this.#phase);
    attribute(this.#field, "aria-busy", this.#waits);
    render(this.#source.ways(this.#reached), this.#ways);
    render(streak(this.#reached, this.#source.level > 0), this.#streak);
    this.#paintAsk();
    this.#mark();
    render(this.#dockOf(), this.#dock);
  }

  #dockOf() {
    const name = namesOf(this.#question), ids = this.#question ? all(this.#question.tree).map(({ id }) => id) : [],
      picked = ids.filter((id) => this.#picked.has(id)).map(name), { lock } = this.#source;
    switch (this.#phase) {
      case "loading":
        return html`<div class="said"><h3>Your prediction</h3><p class="picked">It begins when the question is here.</p></div><div
          class="acts"><button type="button" class="btn primary" disabled>${lock}</button></div>`;
      case "unknown":
        return html`<div class="acts">${this.#source.instead()}</div>`;
      case "failed":
        return html`<div class="acts"><button type="button" class="btn primary"
          @click=${() => void this.#load(true)}>Try again</button></div>`;
      case "asking":
      case "locking": {
        const busy = this.#phase === "locking", empty = !this.#none && !this.#picked.size;
        return html`${prediction(picked, this.#none, this.#failed, this.#second)}<div class="acts"><span
          class="keys for-keys"><kbd>Arrows</kbd> move <kbd>Space</kbd> picks <kbd>Enter</kbd> locks in</span>
          <button type="button" class="btn" aria-pressed=${this.#none ? "true" : "false"} ?disabled=${busy}
            @click=${() => this.#pickNone()}>None of them</button>
          <button type="button" class="btn primary" ?disabled=${busy || empty} aria-describedby=${empty ? "predict-picked" : nothing}
            @click=${() => void this.#lock()}>${lock}</button></div>`;
      }
      case "playing":
        return html`${watching(picked.length)}<div class="acts"><button type="button" class="btn"
          @click=${() => this.#stage.seek(this.#stage.score.end)}>Show the result</button></div>`;
      case "told":
        return this.#answer ? html`${result(this.#answer, this.#second, name)}${this.#next(this.#answer.right)}` : nothing;
    }
  }

  /** @param {boolean} right */
  #next(right) {
    return html`<div class="acts more">${this.#shares}<button type="button" class="btn quiet"
      @click=${() => this.#play(true)}>Watch again</button></div><div class="acts">${right
        ? nothing
        : html`<button type="button" class="btn" @click=${() => void this.#load(true)}>Try again</button>`}
      ${this.#source.next(right)}</div>`;
  }

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    const on = event.target instanceof HTMLElement ? event.target : document.body;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey
      || document.querySelector("dialog[open]"))
      return;
    const { open } = this.#source, free = on === document.body && open !== undefined; // beside a tree, only its own keys
    if (!free && !this.contains(on)) return;
    const node = on.matches(".pick"), level = open && /^\d$/.test(event.key) ? Number(event.key) || LEVELS : 0;
    if (level) open?.(level);
    else if (event.key === "Enter" && (node || free)) {
      if (this.#phase === "told") this.#dock.querySelector("button.primary")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      else void this.#lock();
    } else if (!(node || free) || !this.#question || !this.#picks.moved(event)) return;
    event.preventDefault();
  };
}

customElements.define("predict-game", PredictGame);
