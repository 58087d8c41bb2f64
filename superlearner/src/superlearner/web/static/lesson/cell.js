/**
 * `cell`: code that a learner runs and changes, in the workbench of the session.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { make, root } from "../base/dom.js";
import { SlCode } from "../components/code-editor.js";
import { html, nothing } from "../vendor/lit-html.js";
import { explainError } from "./cell-error.js";
import { heightOf, onCtrlEnter } from "./editing.js";
import { draft, keep } from "./lesson-drafts.js";
import { LessonBlock, mayCode, signIn } from "./lesson-block.js";
import { definedIn, untouched } from "./lesson-model.js";
import { showTree, workbench } from "./workbench.js";

const bench = workbench();

/** @typedef {{printed: string, value: string|null, error: string|null, missing?: string}} Output  `missing`: a name that is not defined */

/** Characters of what a cell prints that the server sends. */
const LONGEST = 4000;
/** Lines of output for which there is room before the first run. */
const MOST_LINES = 6;
export class LessonCell extends LessonBlock {
  #editor = new SlCode();
  #place = make("div", { class: "cell-tree", role: "group", "aria-label": "What runs in the workbench" },
    make("p", { class: "hint" }, "Processes that your code starts appear here."));
  /** @type {Output|null} */ #output = null;
  #interrupted = false;
  /** Nothing is asked here, so the state is not one of the session. */
  #state = untouched(this.block.id ?? "");

  get state() {
    return this.#state;
  }

  /** The code in its editor. */
  get source() {
    return this.#editor.value;
  }

  /** The lines that the code of the lesson is expected to print, so that nothing below moves when they appear. */
  get #lines() {
    const code = this.block.code ?? "", prints = code.match(/\bprint\(/g)?.length ?? 0, loops = /^for .* in .*:$/m.test(code);
    return Math.min(MOST_LINES, Math.max(1, prints + Number(loops)));
  }

  /** The cells above it on the page. @returns {LessonCell[]} */
  get #above() {
    const all = [.../** @type {NodeListOf<LessonCell>} */ (document.querySelectorAll("lesson-cell"))];
    return all.slice(0, all.indexOf(this));
  }

  /** Run the cells above and then this one, up to the first that raises. */
  async #runAbove() {
    for (const cell of [...this.#above, this]) if (await cell.run() === false) return cell.scrollIntoView({ block: "nearest" });
  }

  begin() {
    const code = (this.block.code ?? "").trimEnd();
    this.#editor.setAttribute("label", "Code to try");
    this.#editor.value = draft(this.state.id) ?? code;
    this.#editor.style.height = heightOf(code.split("\n").length + 1);
    this.#editor.addEventListener("input", () => keep(this.state.id, this.#editor.value === code ? null : this.#editor.value));
    onCtrlEnter(this, () => void this.run());
  }

  /** Run the code; return false if it raised or was not run. */
  async run() {
    if (!mayCode() || this.busy) return false;
    this.say("Running.");
    this.#editor.unmark();
    this.#interrupted = false;
    this.#output = null; // it is about the code before
    const found = await this.ask(() => this.#outcome(), "Your code is kept.");
    if (!found) {
      this.say(this.failed);
      return false;
    }
    this.#output = found;
    this.paint();
    this.querySelector(".ran")?.scrollIntoView({ block: "nearest" });
    this.say([found.error ?? "It has run.", found.printed, found.value ?? ""].filter(Boolean).join(" "));
    return found.error === null;
  }

  /** Run the code; what it raises is an outcome, too. @returns {Promise<Output>} */
  async #outcome() {
    try {
      const ran = await bench.run(this.#editor.value, () => this.#begins());
      return { printed: ran.printed, value: ran.type === "NoneType" ? null : ran.text, error: null };
    } catch (error) {
      if (!(error instanceof ApiError) || !["eval_failed", "validation_error", "timeout"].includes(error.code)) throw error;
      const of = (/** @type {string} */ field) => error.details.find((detail) => detail.field === field)?.problem ?? "";
      const found = explainError(error.message, Number(of("line"))), { line } = found;
      const said = this.#interrupted ? "Interrupted. Names that were made are kept." : found.said;
      if (line && !this.#interrupted) this.#editor.mark(line, 1, said, false);
      const missing = /NameError: name '(\w+)' is not defined/.exec(said)?.[1] ?? "";
      return { printed: of("printed"), value: null, error: said, missing };
    }
  }

  /** Show what runs, and that it can be interrupted: before its first run a workbench is not known. */
  #begins() {
    this.paint();
    void showTree(this.#place);
  }

  #stop() {
    this.#interrupted = true;
    bench.interrupt().catch(() => this.say("It could not be interrupted: the server does not answer."));
  }

  #reset() {
    this.#editor.value = (this.block.code ?? "").trimEnd();
    keep(this.state.id, null);
    this.#editor.unmark();
    this.#output = null;
    this.paint();
    this.say("The code of the lesson is back.");
  }

  async #anew() {
    const done = await this.ask(async () => { await bench.restart(); return true; }, "");
    if (done) this.#output = null;
    this.paint();
    void showTree(this.#place);
    this.say(done ? "The workbench has started again, without names." : this.failed);
  }

  /** Return what to do about a name that a cell above defines. @param {string} name */
  #suggest(name) {
    const above = this.#above, cell = above[definedIn(name, above.map(({ source }) => source))];
    if (!cell) return nothing;
    const where = cell.closest("section")?.querySelector("h2")?.textContent ?? "";
    return html` Run the cells above first: <a href="#${cell.id}">one in <i>${where}</i></a> defines <code>${name}</code>.
      <button type="button" class="btn" @click=${() => void this.#runAbove()}>Run the cells above and this one</button>`;
  }

  content() {
    const output = this.#output;
    return html`<header class="block-head"><p class="which">Run it</p></header>
      <div class="bench"><div class="bench-code">
      ${this.#editor}
      ${this.failed ? html`<p class="note" data-level="bad" role="alert">${this.failed}</p>` : nothing}
      <div class="acts">
        <button type="button" class="btn primary" ?disabled=${!mayCode()} aria-disabled=${this.busy ? "true" : nothing}
          aria-describedby=${mayCode() ? nothing : "rights"} @click=${() => void this.run()}>${this.busy ? "Running…" : "Run"}<kbd
          class="for-keys" aria-hidden="true">Ctrl ↵</kbd></button>
        ${this.busy && bench.node ? html`<button type="button" class="btn" @click=${() => this.#stop()}>Interrupt</button>` : nothing}
        <button type="button" class="btn quiet" @click=${() => this.#reset()}>Start over</button>
        ${bench.node ? html`<button type="button" class="btn quiet" @click=${() => void this.#anew()}>Forget all names</button>
          <a class="btn quiet" target="_blank" href=${`${root()}/supervisors?node=${encodeURIComponent(bench.node)}`}>See its tree<span
            class="vh"> (opens another tab)</span></a>`
          : nothing}
        ${mayCode() ? nothing : html`<span class="hint">${signIn("run it")}</span>`}
      </div>
      <div class="ran-room" data-lines=${this.#lines}>${output ? html`<div role="group" class="ran" aria-label="Output"
        data-ok=${output.error ? "no" : "yes"}>
        ${output.printed ? html`<pre tabindex="0">${output.printed}</pre>` : nothing}
        ${output.printed.length >= LONGEST
          ? html`<p class="hint">The output is cut after ${LONGEST.toLocaleString("en")} characters.</p>`
          : nothing}
        ${output.value === null ? nothing : html`<pre tabindex="0" class="value">${output.value}</pre>`}
        ${output.error ? html`<p class="note" data-level="bad">${output.error}${
          output.missing ? html`.${this.#suggest(output.missing)}` : nothing}</p>` : nothing}
        ${output.printed || output.value !== null || output.error ? nothing : html`<p class="hint">It has run and printed nothing.</p>`}
      </div>` : html`<p class="hint">${this.busy ? "" : "What it prints appears here."}</p>`}</div>
      </div>${this.#place}</div>`;
  }
}

customElements.define("lesson-cell", LessonCell);
