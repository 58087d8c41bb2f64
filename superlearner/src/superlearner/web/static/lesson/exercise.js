/**
 * `exercise`: the task, the learner's answer, the verdict on it, hints one after the other, and the solution.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { make, root } from "../base/dom.js";
import { loadPart, style } from "../base/late.js";
import { counted } from "../base/words.js";
import { SlCode } from "../components/code-editor.js";
import { html, nothing } from "../vendor/lit-html.js";
import { ChoiceForm } from "./choice.js";
import { heightOf, onCtrlEnter } from "./editing.js";
import { draft, keep } from "./lesson-drafts.js";
import { goOn } from "./lesson-model.js";
import { LessonBlock, mayCode, mayOperate, NOT_KEPT, signIn } from "./lesson-block.js";
import { listing, written } from "./lesson-text.js";
import { reviewed } from "./reviewing.js";

/** @import { Checked } from "./verdict.js" */
/** @import { DrawingForm } from "./drawing-form.js" */
/** @import { TimesForm } from "./times-form.js" */
/** @import { Block } from "./lesson-model.js" */
/** @typedef {Api.CourseEarlier} Earlier */

const LEAST_LINES = 8, MOST_LINES = 24;
/** Width of what is left and right of a diagram in a verdict, in px. */
const AROUND = 37;

const loadTimes = () => import("./times-form.js");
const loadDrawing = () => Promise.all([
  import("./drawing-form.js"), import("./drawing-run.js"), import("./drawn-solution.js"), style("lesson/drawing.css"),
]);
/** Crashes on an axis of time, which few sessions have. @type {Awaited<ReturnType<typeof loadTimes>>} */ let times;
/** A drawn tree, which few sessions have. @type {Awaited<ReturnType<typeof loadDrawing>>} */ let drawing;

/** Verdicts, which stand here after a check. @type {typeof import("./verdict.js")} */ let verdicts;

/** Load the forms that a session has, before its exercises are made. @param {Block[]} blocks */
export async function loadForms(blocks) {
  const kinds = new Set(blocks.map(({ choice }) => choice?.kind));
  await loadPart(Promise.all([
    kinds.has("times") ? loadTimes().then((loaded) => (times = loaded)) : null,
    kinds.has("tree") ? loadDrawing().then((loaded) => (drawing = loaded)) : null,
  ]));
}

/**
 * Return why a passed answer is right, and another right one.
 * @param {string|null|undefined} why  HTML of the server
 * @param {string|null|undefined} other  Python
 */
const whyRight = (why, other) => (why
  ? make("div", { class: "why-right", role: "group", "aria-label": "Why it is right" }, make("h4", {}, "Why it is right"), written(why),
    other ? make("details", { class: "other-way" }, make("summary", {}, "Another way to write it"), listing(other, "Another right answer"))
      : null)
  : null);

export class LessonExercise extends LessonBlock {
  /** @type {SlCode|null} */ #editor = null;
  /** @type {ChoiceForm|TimesForm|DrawingForm|null} */ #form = null;
  /** @type {Checked|null} */ #checked = null;
  /** Lines for which the editor has room. */
  #lines = 0;
  /** The answer has changed since it was checked. */
  #changed = false;
  /** @type {HTMLElement[]} */ #hints = [];
  /** @type {HTMLElement|null} */ #solution = null;
  /** Why it is right, once it has passed. @type {HTMLElement|null} */ #why = null;
  /** Why the last hint was refused; it stands at its button. */
  #refused = "";
  #task = document.createElement("div");
  /** @type {HTMLElement} */ #answer = document.createElement("div");

  begin() {
    const { block } = this,
      known = draft(this.draftOf) ?? (typeof this.state.answer === "string" && !block.review ? this.state.answer : block.code ?? "");
    this.#task = written(block.text ?? "");
    if (!block.review) {
      this.#hints = (block.earned?.hints ?? []).map(written);
      this.#why = whyRight(block.earned?.why, block.earned?.other);
    }
    if (block.choice && block.choice.kind !== "times" && block.choice.kind !== "tree") {
      this.#form = new ChoiceForm(this.state.id, block.choice, () => this.#typed());
      this.#form.source = known;
      this.#answer = this.#form.element;
    } else {
      this.#editor = new SlCode();
      this.#editor.setAttribute("label", `Your answer to ${block.title}`);
      this.#editor.value = known;
      this.#lines = Math.max(LEAST_LINES, known.split("\n").length + 2);
      this.#editor.style.height = heightOf(this.#lines);
      this.#editor.addEventListener("input", () => this.#typed());
      if (block.choice?.kind === "times") this.#answer = this.#withTimes(this.#editor, block.choice);
      else if (block.choice) this.#answer = this.#withDrawing(this.#editor, block.choice);
      else this.#answer = this.#editor;
    }
    if (known === this.state.passing) this.#formed = this.source;
    onCtrlEnter(this, () => void this.check());
  }

  /** Times can be moved on an axis, or typed. @param {SlCode} editor @param {import("./lesson-model.js").Choice} choice */
  #withTimes(editor, choice) {
    const form = new times.TimesForm(choice, () => {
      editor.value = form.source;
      this.#typed();
    });
    form.source = editor.value;
    editor.addEventListener("input", () => (form.source = editor.value));
    this.#form = form;
    this.#lines = 2;
    editor.style.height = heightOf(this.#lines);
    const place = document.createElement("div");
    place.className = "times";
    place.append(form.element, editor);
    return place;
  }

  /** A tree can be drawn, or typed, and run. @param {SlCode} editor @param {import("./lesson-model.js").Choice} choice */
  #withDrawing(editor, choice) {
    const [{ DrawingForm }, { DrawingRun }] = drawing, form = new DrawingForm(choice, () => {
      editor.value = form.source;
      this.#typed();
      mark();
    });
    const run = new DrawingRun(form);
    const mark = () => {
      run.paint();
      const { problem } = form;
      if (problem) editor.mark(problem.line, 1, problem.say, false);
      else editor.unmark();
    };
    form.source = editor.value;
    run.paint();
    editor.addEventListener("input", () => {
      form.source = editor.value;
      mark();
    });
    this.#form = form;
    const text = make("details", { class: "as-text" }, make("summary", {}, "The same as text"),
      ...(choice.typed ? [written(choice.typed)] : []), editor);
    if (!form.text) text.open = true;
    return make("div", { class: "times" }, form.element, run.element, text);
  }

  get source() {
    return this.#editor?.value ?? this.#form?.source ?? "";
  }

  #typed() {
    keep(this.draftOf, this.source === this.block.code ? null : this.source);
    this.#grow();
    const replaced = this.#before !== null;
    this.#before = null;
    if (!this.#changed && this.#checked) {
      this.#changed = true;
      this.#editor?.unmark();
      this.paint();
    } else if (replaced || this.#tagged !== this.#isPassed) this.paint();
  }

  /** Whether the tag said at the last paint that what stands here has passed. */
  #tagged = false;

  /** Whether the answer in the field has passed. */
  get #isPassed() {
    return this.state.passed && (this.source === this.state.passing || this.source === this.#formed);
  }

  /** The answer that passed, in the form's notation. @type {string|null} */ #formed = null;

  /** Make the editor as high as its content, up to a limit. It never shrinks, so nothing moves up while one types. */
  #grow() {
    const lines = Math.min(MOST_LINES, (this.#editor?.value.split("\n").length ?? 0) + 1);
    if (!this.#editor || lines <= this.#lines) return;
    this.#lines = lines;
    this.#editor.style.height = heightOf(lines);
  }

  async check() {
    if (!mayCode() || this.busy) return;
    const source = this.source;
    this.#refused = "";
    this.say("Checking.");
    /** @type {Checked|null} */
    const checked = await this.ask(async () => {
      verdicts = await loadPart(import("./verdict.js"));
      return platform("POST", `/course/exercises/${this.state.id}/check`, { source });
    }, "Your answer is kept.");
    if (!checked) return this.say(this.failed);
    this.#checked = checked;
    this.#changed = this.source !== source;
    if (!this.#changed && checked.kept) keep(this.draftOf, null);
    this.#mark(checked);
    this.#why = whyRight(checked.why, checked.other) ?? this.#why;
    if (checked.ok) this.#before = null;
    this.change({
      attempts: this.state.attempts + (this.state.attempts && this.state.answer === source ? 0 : 1), answer: source,
      ...(checked.ok ? { passing: source } : {}),
      ...(checked.ok && !this.state.passed ? { passed: true, helped: this.state.hints > 0 || this.state.seen } : {}),
    });
    this.paint();
    this.showVerdict();
    this.say(verdicts.describeVerdict(checked));
  }

  /** @param {Checked} checked */
  #mark(checked) {
    const line = checked.ok ? null : verdicts.lineOf(checked);
    this.#editor?.unmark();
    if (this.#form instanceof ChoiceForm && !this.#changed) this.#form.mark(checked.marks);
    if (line === null || this.#changed) return;
    this.#editor?.mark(line.number, 1, line.say, false);
    this.#editor?.reveal(line.number);
  }

  async #help() {
    const { state } = this, level = this.#hints.length + 1;
    this.#refused = "";
    const hint = await this.ask(() => platform("POST", `/course/exercises/${state.id}/hints`, { level }), "");
    if (!hint) {
      [this.#refused, this.failed] = [this.failed, ""];
      this.paint();
      return this.say(this.#refused);
    }
    this.#hints.push(written(hint.text));
    this.change({ hints: Math.max(state.hints, level) });
    this.paint();
    this.say(`Hint ${level}: ${this.#hints.at(-1)?.textContent ?? ""}`);
  }

  async #solve() {
    const solution = await this.ask(() => platform("POST", `/course/exercises/${this.state.id}/solution`, {}), "");
    if (!solution) return this.say(this.failed);
    const { choice } = this.block, drawn = choice?.kind === "tree" ? drawing[2].drawnSolution(solution.source, choice) : null;
    this.#solution = drawn ?? listing(solution.source, "Solution");
    this.change({ seen: true });
    this.paint();
    this.say("The solution is shown below the hints.");
  }

  #reset() {
    this.#replace(this.block.code ?? "", "Your answer was replaced by the beginning.");
  }

  /**
   * Go on with the code of an exercise on which this one builds: the learner's answer, or ours.
   *
   * @param {Earlier} earlier
   * @param {boolean} ours
   */
  async #continue(earlier, ours) {
    if (!ours) return this.#replace(goOn(`${earlier.answer ?? ""}`, this.source), `Your answer to ${earlier.title} is in the editor.`);
    const solution = await this.ask(() =>
      platform("POST", `/course/exercises/${earlier.id}/solution`, { continued_by: this.state.id }), "");
    if (!solution) return this.say(this.failed);
    this.#replace(goOn(solution.source, this.source), `Our answer to ${earlier.title} is in the editor.`);
  }

  /** Replace the answer; *Bring my answer back* does so until the next edit. @param {string} by @param {string} said */
  #replace(by, said) {
    const before = this.source, stub = this.block.code ?? "";
    const put = (/** @type {string} */ text) => {
      if (this.#editor) this.#editor.value = text;
      if (this.#form) this.#form.source = text;
      keep(this.draftOf, text === stub ? null : text);
    };
    put(by);
    if (by === this.state.passing) this.#formed = this.source;
    this.#typed();
    this.#before = () => {
      put(before);
      this.#before = null;
      this.paint();
    };
    this.paint();
    this.say(said);
  }

  /** Brings back what was replaced last. @type {(() => void)|null} */ #before = null;

  content() {
    const { block, state } = this;
    this.#tagged = this.#isPassed;
    return html`<header class="block-head"><p
      class="which">${this.kindWord("Exercise", ` · ${block.minutes} min`)}</p>${this.#tag()}</header>
      <div class="bench">
        <div class="bench-task"><h3>${block.title}</h3>${this.#task}${this.#helps()}</div>
        <div class="bench-code">
          ${this.#builds()}
          ${this.#answer}
          ${this.failed ? html`<p class="note" data-level="bad" role="alert">${this.failed}</p>` : nothing}
          <div class="acts">
            <button type="button" class="btn primary" ?disabled=${!mayCode()} aria-disabled=${this.busy ? "true" : nothing}
              aria-describedby=${mayCode() ? nothing : "rights"} @click=${() => void this.check()}>${this.busy
              ? "Checking…"
              : this.#checked || (state.attempts && !block.review) ? "Check again"
              : "Check"}<kbd class="for-keys" aria-hidden="true">Ctrl ↵</kbd></button>
            ${this.#before
              ? html`<button type="button" class="btn quiet" @click=${this.#before}>Bring my answer back</button>`
              : html`<button type="button" class="btn quiet" @click=${() => this.#reset()}>Start over</button>`}
            ${mayCode() ? nothing : html`<span class="hint">${signIn("check")} Checking runs your code.</span>`}
          </div>
          ${this.#checked
            ? verdicts.renderVerdict(this.#checked, this.#changed, this.#editor !== null, this.#form instanceof ChoiceForm,
              this.#answer.clientWidth - AROUND)
            : this.#earlier()}
          ${this.#passing()}
          ${this.#why && (block.review ? this.#checked?.ok : this.#tagged) ? this.#why : nothing}
          ${block.review && this.#checked?.ok ? reviewed(state.id) : nothing}
          ${state.passed && (!this.#checked || this.#checked.ok) ? this.nextLink() : nothing}
          ${this.#checked && !this.#checked.kept ? html`<p class="hint">${NOT_KEPT}</p>` : nothing}
        </div>
      </div>`;
  }

  /** Earlier attempts, as long as nothing was checked since the page was opened. */
  #earlier() {
    const { attempts, passed } = this.state;
    if (this.block.review) return html`<p class="hint">Answer it from the beginning. It counts if it passes without a hint.</p>`;
    if (!attempts || (passed && !this.#tagged)) return nothing;
    return html`<p class="hint">${passed ? "Your answer has passed."
      : `${counted(attempts, "attempt")} so far, none has passed; checking an unchanged answer again does not count.`}
      ${mayCode() ? "Check it to see the verdict again." : ""}</p>`;
  }

  /** The way back to the answer that passed, while the field has another one. */
  #passing() {
    const { passed, passing, answer } = this.state;
    if (!passed || this.#tagged || this.block.review || typeof passing !== "string") return nothing;
    const other = this.source === answer
      ? "This answer has not passed, but an earlier one has."
      : "An earlier answer has passed.";
    return html`<p class="hint">${other} <button type="button" class="btn quiet" @click=${() =>
      this.#replace(passing, "Your answer that passed is back.")}>Bring it back</button></p>`;
  }

  /** Ways to go on with what the learner wrote before; what it replaces comes back on request. */
  #builds() {
    const earlier = this.block.builds_on;
    if (!earlier || !this.#editor) return nothing;
    const button = (/** @type {Earlier} */ one, /** @type {boolean} */ ours) =>
      html`<button type="button" class="btn quiet" ?disabled=${ours && !mayOperate()}
        @click=${() => void this.#continue(one, ours)}>${ours ? "Use ours" : "Use my answer"}</button>`;
    return html`<ul class="builds">${earlier.map((one) => html`<li>Builds on
      <a href=${`${root()}/learn/${one.session}#${one.id.replace(".", "-")}`}>${one.title}</a>
      ${one.answer ? button(one, false) : nothing}${button(one, true)}</li>`)}</ul>`;
  }

  #tag() {
    const { passed, helped, attempts } = this.state;
    if (this.block.review)
      return this.#checked?.ok
        ? html`<span class="tag" data-is="done">${this.#hints.length ? "Passed with help" : "Passed"}</span>`
        : nothing;
    if (this.#isPassed) return html`<span class="tag" data-is="done">${helped ? "Passed with help" : "Passed"}</span>`;
    if (passed) return html`<span class="tag" data-is="begun">Passed earlier</span>`;
    return attempts ? html`<span class="tag" data-is="begun">Not passed yet</span>` : nothing;
  }

  #helps() {
    const { state, block } = this, all = block.hints ?? 0, taken = this.#hints.length;
    const passed = block.review ? this.#checked?.ok === true : state.passed, left = taken < all && !passed;
    const label = left ? `Hint ${taken + 1} of ${all}` : "Show the solution";
    const may = left || passed || (state.seen && !block.review) || taken >= all;
    return html`<div class="helps">
      ${this.#hints.length
        ? html`<ol class="hints">${this.#hints.map((hint, place) => html`<li><b>Hint ${place + 1}</b>${hint}</li>`)}</ol>`
        : nothing}
      ${this.#solution ? html`<div role="group" class="solution" aria-label="The solution"
        tabindex="-1"><h3 class="of">The solution</h3>${this.#solution}</div>`
        : may
        ? html`<div class="acts"><button type="button" class="btn" ?disabled=${!mayOperate()} aria-disabled=${this.busy ? "true" : nothing}
          aria-describedby=${mayOperate() ? nothing : "rights"} @click=${() => void (left ? this.#help() : this.#solve())}>${label}</button>
          ${passed ? nothing : html`<span class="hint">A pass after a hint counts as passed with help.</span>`}</div>
          ${this.#refused ? html`<p class="note" data-level="warn" role="alert">${this.#refused}</p>` : nothing}` : nothing}
    </div>`;
  }
}

customElements.define("lesson-exercise", LessonExercise);
