/**
 * `predict`: choose what will happen, lock it in, then the run answers. `reflect`: write, then compare.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { icon, make, spoken } from "../base/dom.js";
import { html, nothing } from "../vendor/lit-html.js";
import { draft, keep } from "./lesson-drafts.js";
import { LessonBlock, mayOperate, NOT_KEPT } from "./lesson-block.js";
import { missingIn, placeOf, turned } from "./lesson-model.js";
import { sentence, tableOf } from "./lesson-rows.js";
import { written } from "./lesson-text.js";
import { trace } from "./lesson-trace.js";
import { reviewed, today } from "./reviewing.js";

/**
 * @typedef {Partial<Api.CoursePredicted> & Pick<Api.CoursePredicted, "option"|"misconception"|"say"|"explain">} Told
 *   after a reload the run itself is missing
 */

export class LessonPredict extends LessonBlock {
  /** The number of the option; 0 for none. */
  #chosen = 0;
  /** @type {Told|null} */ #told = null;
  #question = document.createElement("div");
  /** @type {HTMLElement|null} */ #explain = null;

  begin() {
    const { block } = this, { answer, option, misconception, say } = block.earned ?? {};
    this.#question = written(block.text ?? "");
    if (block.review) return void (this.#chosen = Number(draft(this.draftOf) ?? 0));
    this.#chosen = Number(this.state.answer ?? draft(this.draftOf) ?? 0);
    if (answer !== null && answer !== undefined && option)
      this.#tell({ option, misconception: misconception ?? null, say: say ?? null, explain: answer });
  }

  /** @param {Told} told */
  #tell(told) {
    this.#told = told;
    this.#explain = told.explain ? written(told.explain) : null;
  }

  /** @param {number} option */
  #choose(option) {
    this.#chosen = option;
    keep(this.draftOf, `${option}`);
    this.failed = "";
    this.paint();
  }

  async #lock() {
    const choice = this.#chosen;
    if (!choice || !mayOperate()) return;
    /** @type {Api.CoursePredicted|null} */
    const told = await this.ask(() => platform("POST", `/course/predictions/${this.state.id}`, { choice }), "Your prediction is kept.");
    if (!told) return this.say(this.failed);
    const first = this.state.attempts === 0;
    this.#tell(told);
    if (told.kept) keep(this.draftOf, null);
    this.change({ attempts: this.state.attempts + 1, answer: choice, ...(first ? { passed: told.right } : {}) });
    this.paint();
    this.say(
      [
        told.right ? "Right." : "Not what happens.", `The run: ${told.happened}.`,
        told.right ? "" : told.say ?? told.misconception?.fact ?? "", this.#explain?.textContent ?? "",
      ].join(" "));
    this.showVerdict();
  }

  content() {
    const { block, state } = this, name = placeOf(state.id), told = this.#told;
    const order = (block.options ?? []).map((text, place) => ({ text, number: place + 1 }));
    return html`<header class="block-head"><p class="which">${this.kindWord("Predict")}</p>${told
      ? html`<span class="tag" data-is=${this.#right ? "done" : "begun"}>${this.#right ? "Right" : "Locked in"}</span>`
      : nothing}</header>
      <fieldset class="options"><legend>${this.#question}</legend>
        ${(block.review ? turned(order, today()) : order).map(({ text, number }) => this.#option(text, number, name))}
      </fieldset>
      ${this.failed ? html`<p class="note" data-level="bad" role="alert">${this.failed}</p>` : nothing}
      ${told
        ? this.#result(told)
        : html`<div class="acts"><button type="button" class="btn primary" ?disabled=${!this.#chosen || !mayOperate()}
          aria-disabled=${this.busy ? "true" : nothing} aria-describedby=${mayOperate() ? nothing : "rights"}
          @click=${() => void this.#lock()}>${this.busy ? "It runs…" : "Lock in"}</button>
          <span class="hint">${mayOperate()
            ? `${this.block.decides === "count" ? "Then the files are counted." : "Then it runs, and the run decides."} `
              + `${block.review ? "" : "Your first answer counts."}`
            : "Locking in is for users who may change what runs."}</span></div>`}`;
  }

  get #right() {
    return this.#told?.option === this.#chosen;
  }

  /** @param {string} text @param {number} number @param {string} name */
  #option(text, number, name) {
    const told = this.#told, mine = this.#chosen === number, right = told?.option === number;
    const word = !told ? "" : right ? (mine ? "your prediction, right" : "what happens") : mine ? "your prediction" : "";
    return html`<label class="option" data-is=${!told ? nothing : right ? "right" : mine ? "wrong" : "left"}><input type="radio"
      name=${name} value=${number} .checked=${mine} ?disabled=${told !== null || this.busy || !mayOperate()}
      @change=${() => this.#choose(number)}><span>${spoken(text)}</span>${word
      ? html`<small>${icon(right ? "check" : "cross", "glyph")}${word}</small>`
      : nothing}</label>`;
  }

  /** @param {Told} told */
  #result(told) {
    const why = told.say ?? told.misconception?.fact ?? "";
    const counts = this.block.decides === "count";
    return html`<div role="group" class="verdict" tabindex="-1" data-ok=${this.#right ? "yes" : "no"} aria-label="Result">
      <p class="verdict-said">${icon(this.#right ? "check" : "cross", "glyph")}<span>${this.#right
        ? (counts ? "Right." : "Right, that is what happens.")
        : counts ? "That is not the count."
        : "That is not what happens."}</span></p>
      ${told.happened && !tableOf(told.excerpt ?? [])
        ? html`<p class="happened"><b>${counts ? "Counted:" : "The run:"}</b> ${spoken(told.happened)}</p>`
        : nothing}
      ${why ? html`<p class="fact">${sentence(why)}</p>` : nothing}
      ${this.#explain}
      ${trace(told.excerpt ?? [], "What happened in the run")}
      ${told.kept === false ? html`<p class="hint">${NOT_KEPT}</p>` : nothing}
      ${this.nextLink()}
      ${told.happened
        ? nothing
        : html`<div class="acts"><button type="button" class="btn" ?disabled=${!mayOperate()}
          @click=${() => void this.#lock()}>${this.busy ? "It runs…" : "Run it again"}</button></div>`}
    </div>
    ${this.block.review ? reviewed(this.state.id) : nothing}`;
  }
}

export class LessonReflect extends LessonBlock {
  #question = document.createElement("div");
  /** @type {HTMLElement|null} */ #model = null;
  #kept = true;
  #field = make("textarea", { rows: 5, maxlength: 20_000 });

  begin() {
    const name = placeOf(this.state.id);
    this.#question = written(this.block.text ?? "");
    if (this.block.earned?.answer) this.#model = written(this.block.earned.answer);
    this.#field.setAttribute("aria-label", this.#question.textContent?.trim() ?? "");
    this.#field.setAttribute("aria-describedby", `${name}-count`);
    this.#field.value = draft(this.state.id) ?? (typeof this.state.answer === "string" ? this.state.answer : "");
    this.#field.oninput = () => {
      keep(this.state.id, this.#field.value === this.state.answer ? null : this.#field.value);
      this.failed = "";
      this.paint();
    };
  }

  get #missing() {
    return missingIn(this.#field.value);
  }

  async #send() {
    const text = this.#field.value;
    if (this.#missing || !mayOperate()) return;
    const told = await this.ask(() => platform("POST", `/course/reflections/${this.state.id}`, { text }), "What you wrote is kept.");
    if (!told) return this.say(this.failed);
    this.#model = written(told.answer);
    this.#kept = told.kept;
    if (this.#field.value === text && told.kept) keep(this.state.id, null);
    this.change({ attempts: this.state.attempts + 1, passed: true, answer: text });
    this.paint();
    this.say(`A model answer: ${this.#model.textContent ?? ""}`);
  }

  content() {
    const same = this.#model && this.#field.value === this.state.answer, name = placeOf(this.state.id);
    return html`<header class="block-head"><p class="which">${this.kindWord("Reflect")}</p>${this.#model
      ? html`<span class="tag" data-is="done">Answered</span>`
      : nothing}</header>
      ${this.#question}${this.#field}
      ${this.failed ? html`<p class="note" data-level="bad" role="alert">${this.failed}</p>` : nothing}
      <div class="acts">${same
        ? nothing
        : html`<button type="button" class="btn primary" ?disabled=${this.#missing !== "" || !mayOperate()}
          aria-disabled=${this.busy ? "true" : nothing}
          @click=${() => void this.#send()}>${this.#model ? "Keep the change" : "Compare with a model answer"}</button>`}
        <span class="hint" id="${name}-count">${this.#missing ? this.#missing
          : same ? (this.#kept ? "Your words are kept, and private." : NOT_KEPT)
          : "Your words are private."}</span></div>
      ${this.#model
        ? html`<div role="group" class="model" tabindex="-1"
          aria-label="A model answer"><h3 class="of">A model answer</h3>${this.#model}${this.nextLink()}</div>`
        : nothing}`;
  }
}

customElements.define("lesson-predict", LessonPredict);
customElements.define("lesson-reflect", LessonReflect);
