/**
 * A drawn tree that runs: its processes are started in the workbench, shown as they are, and can be killed.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { make } from "../base/dom.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { mayCode, signIn } from "./lesson-block.js";
import { showTree, workbench } from "./workbench.js";

/** @param {string} text */
const sourceOf = (text) =>
  `from superlearner.course.engine.drawn_tree import start_drawing\nawait start_drawing(${JSON.stringify(text)})`;

export class DrawingRun {
  element = make("div", { class: "drawing-run" });
  #acts = make("div", { class: "acts" });
  #place = make("div", { class: "cell-tree", role: "group", "aria-label": "The processes of the drawing", hidden: true });
  #busy = false;
  #failed = "";
  /** The text that runs; "" before the first run. */
  #runs = "";

  /** @param {import("./drawing-form.js").DrawingForm} form */
  constructor(form) {
    this.form = form;
    this.element.append(this.#acts, this.#place);
    this.paint();
  }

  async run() {
    if (this.#busy || !this.#may) return;
    const { text } = this.form;
    this.#busy = true;
    this.#failed = "";
    this.paint();
    try {
      await workbench().run(sourceOf(text));
      this.#runs = text;
      this.#place.hidden = false;
      await showTree(this.#place, this.form.root);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#failed = error.message.replace(/^(?:line \d+: )?ValueError: /, "");
    } finally {
      this.#busy = false;
      this.paint();
    }
  }

  /** A run would show the counts, so they are predicted first. */
  get #may() {
    return mayCode() && (this.form.predicted || Boolean(this.#runs));
  }

  paint() {
    const old = this.#runs !== "" && this.#runs !== this.form.text;
    this.#place.toggleAttribute("data-old", old);
    render(html`<button type="button" class="btn" ?disabled=${!this.#may} aria-disabled=${this.#busy ? "true" : nothing}
      aria-describedby=${mayCode() ? nothing : "rights"} @click=${() => void this.run()}>${this.#busy
      ? "Starting…"
      : this.#runs ? "Start it again" : "Run this tree"}</button>
      ${this.#failed ? html`<p class="note" data-level="bad" role="alert">${this.#failed}</p>`
      : mayCode()
      ? html`<span class="hint">${this.#runs
        ? old ? "The drawing has changed since. Below is the old one."
        : "Kill a process and watch what restarts. A restarted dynamic supervisor has no agents."
        : this.form.predicted
        ? "Starts the processes that you drew, so that you can kill them."
        : "Predict first: fill in each number, then run the tree."}</span>`
      : html`<span class="hint">${signIn("run it")}</span>`}`, this.#acts);
  }
}
