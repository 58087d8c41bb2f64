/**
 * `<predict-game level="3" seed="17">`: a tree, a process that is killed, and the question which processes are
 * restarted. The runtime answers after the reader has, and its restart plays on the same tree.
 *
 * Events, which bubble: `predict-question` ({level, seed}) when another question is asked, `predict-answered`
 * ({level, seed, right, picked}) after an answer. An `<h1>` inside it becomes its title.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { attribute, make, write } from "../base/dom.js";
import { still } from "../base/motion.js";
import { all } from "../moment/picture.js";
import { RestartStage } from "../moment/stage.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { Picks } from "./picks.js";
import { before, newSeed, unknown } from "./questions.js";
import { countAnswer, isAnswered, recall } from "./record.js";
import { ask, asked, levels, LEVELS, prediction, result, SECOND, spoken, streak, watching } from "./told.js";

/** @import { MomentNode } from "../moment/schedule.js" */
/** @typedef {Api.GameQuestion & {tree: MomentNode}} Question */
/** @typedef {Api.GameAnswer} Answer */

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
  /** The question that is asked, as `level/seed`. */
  #key = "";
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

  get level() {
    return Number(this.getAttribute("level") ?? 1);
  }

  get seed() {
    return Number(this.getAttribute("seed") ?? NaN);
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

  /** Ask a question. @param {number} level @param {number} [seed] */
  ask(level, seed = newSeed(this.seed)) {
    this.setAttribute("level", `${level}`);
    this.setAttribute("seed", `${seed}`);
  }

  async #load(again = false) {
    if (!this.hasAttribute("seed")) return this.setAttribute("seed", `${newSeed()}`);
    const [level = "", seed = ""] = ["level", "seed"].map((name) => this.getAttribute(name) ?? "1"), key = `${level}/${seed}`;
    if (key === this.#key && !again) return;
    this.#key = key;
    this.#asking?.abort();
    this.#stage.pause();
    const asking = (this.#asking = new AbortController());
    this.#reached = recall();
    this.#missing = unknown(level, seed);
    this.#phase = this.#missing ? "unknown" : "loading";
    this.#keepFocus(() => this.#paint());
    if (this.#missing) return write(this.#status, this.#missing.join(" "));
    this.dispatchEvent(new CustomEvent("predict-question", { detail: { level: this.level, seed: this.seed }, bubbles: true }));
    try {
      const question = await platform("GET", `/game/levels/${level}?seed=${seed}`, undefined, asking.signal);
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

  /** @param {Question} question */
  #open(question) {
    const here = this.contains(document.activeElement);
    this.#question = question;
    this.#answer = null;
    this.#picked = new Set();
    this.#none = false;
    this.#second = isAnswered(question.level, question.seed);
    this.#failed = "";
    this.#phase = "asking";
    this.#picks.show(question);
    this.#stage.moment = before(question, (this.#shown -= 1));
    this.#paint();
    write(this.#status, `Level ${question.level} of ${LEVELS}, ${question.title}. ${asked(question)}${this.#second ? ` ${SECOND}` : ""}`);
    if (here) this.#picks.focus();
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
      const answer = await platform("GET",
        `/game/levels/${question.level}/answer?seed=${question.seed}&picked=${encodeURIComponent(picked.join(","))}`,
        undefined, asking.signal);
      if (asking.signal.aborted) return;
      this.#answer = answer;
      countAnswer(question.level, question.seed, answer.right);
      write(this.#status, spoken(answer, this.#second));
      this.#stage.moment = { ...answer.moment, id: (this.#shown -= 1) };
      this.#play();
      this.dispatchEvent(
        new CustomEvent("predict-answered", {
          detail: { level: question.level, seed: question.seed, right: answer.right, picked }, bubbles: true,
        }));
    } catch (error) {
      if (asking.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#phase = "asking";
      this.#failed = `${error.message} Your prediction is kept. ${error.status
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

  #again() {
    if (this.#question) this.#open(this.#question);
  }

  /** Judge the processes that have been started so far. */
  #follow() {
    if (this.#phase !== "playing") return;
    if (this.#stage.time >= this.#stage.score.end) {
      this.#phase = "told";
      this.#reached = recall();
      this.#keepFocus(() => this.#paint(), ".primary");
      this.#dock.querySelector(".said h3")?.scrollIntoView({ block: "nearest" }); // on a phone the result is below the tree
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
        html`<p class="which">${this.#phase === "unknown"
          ? "\u00a0"
          : `Level ${this.level} of ${LEVELS}`}</p><h2>${first}</h2><p class="hint">${rest}</p>`,
        this.#ask);
    else if (this.#question) render(ask(this.#question, this.#stage.layout.rows), this.#ask);
  }

  #paint() {
    attribute(this, "data-phase", this.#phase);
    attribute(this.#field, "aria-busy", this.#waits);
    render(levels(this.level, this.#reached, this.#question?.levels ?? [], (level) => this.ask(level)), this.#ways);
    render(streak(this.#reached), this.#streak);
    this.#paintAsk();
    this.#mark();
    render(this.#dockOf(), this.#dock);
  }

  #dockOf() {
    const picked = this.#question ? all(this.#question.tree).map(({ id }) => id).filter((id) => this.#picked.has(id)) : [];
    switch (this.#phase) {
      case "loading":
        return html`<div class="said"><h3>Your prediction</h3><p class="picked">It begins when the question is here.</p></div><div
          class="acts"><button type="button" class="btn primary" disabled>Lock in</button></div>`;
      case "unknown":
        return html`<div class="acts"><button type="button" class="btn primary" @click=${() => this.ask(1)}>Go to level 1</button></div>`;
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
            @click=${() => void this.#lock()}>Lock in</button></div>`;
      }
      case "playing":
        return html`${watching(picked.length)}<div class="acts"><button type="button" class="btn"
          @click=${() => this.#stage.seek(this.#stage.score.end)}>Show the result</button></div>`;
      case "told":
        return this.#answer ? html`${result(this.#answer, this.#second)}${this.#next(this.#answer.right)}` : nothing;
    }
  }

  /** @param {boolean} right */
  #next(right) {
    const last = this.level >= LEVELS, on = right && !last;
    return html`<div class="acts"><button type="button" class="btn quiet" @click=${() => void this.#save()}>Save as a file</button>
      <button type="button" class="btn quiet" @click=${() => this.#play(true)}>Watch again</button>
      ${right ? nothing : html`<button type="button" class="btn" @click=${() => this.#again()}>Try again</button>`}
      ${last
        ? nothing
        : html`<button type="button" class=${on ? "btn primary" : "btn"} @click=${() => this.ask(this.level + 1)}>Next level</button>`}
      <button type="button" class=${on ? "btn" : "btn primary"} @click=${() => this.ask(this.level)}>Another one like this</button></div>`;
  }

  /** Save the answer as a file that plays it anywhere. */
  async #save() {
    const answer = this.#answer, { saveFile } = await import("../moment/share.js");
    if (!answer) return;
    const picked = answer.nodes.flatMap(({ id, verdict }) => (verdict === "right" || verdict === "wrong" ? [id] : []));
    const query = `seed=${answer.seed}&picked=${encodeURIComponent(picked.join(","))}`;
    await saveFile(() => platform("GET", `/game/levels/${answer.level}/file?${query}`));
  }

  #pressed = (/** @type {KeyboardEvent} */ event) => {
    const on = event.target instanceof HTMLElement ? event.target : document.body;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey
      || document.querySelector("dialog[open]"))
      return;
    if ((on !== document.body && !this.contains(on)) || on.matches("input, textarea, select")) return;
    const node = on.matches(".pick"), level = /^\d$/.test(event.key) ? Number(event.key) || LEVELS : 0;
    if (level) this.ask(level);
    else if (event.key === "Enter" && (node || on === document.body)) {
      if (this.#phase === "told") this.#dock.querySelector("button.primary")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      else void this.#lock();
    } else if (!(node || on === document.body) || !this.#question || !this.#picks.moved(event)) return;
    event.preventDefault();
  };
}

customElements.define("predict-game", PredictGame);
