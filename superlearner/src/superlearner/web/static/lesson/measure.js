/**
 * `measure`: a claim, and a run that shows it with figures. It asks for nothing, and nothing of it is kept.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { loadPart } from "../base/late.js";
import { html, nothing } from "../vendor/lit-html.js";
import { LessonBlock, mayOperate } from "./lesson-block.js";
import { untouched } from "./lesson-model.js";
import { sentence } from "./lesson-rows.js";
import { written } from "./lesson-text.js";
import { trace } from "./lesson-trace.js";

/** @import { Figure } from "./figures.js" */

/** The table of the figures, once there are some. @type {typeof import("./figures.js")} */ let table;

export class LessonMeasure extends LessonBlock {
  /** @type {Api.CourseMeasured|null} */ #measured = null;
  #claim = document.createElement("div");
  /** Nothing is asked here, so the state is not one of the session. */
  #state = untouched(this.block.id ?? "");

  get state() {
    return this.#state;
  }

  begin() {
    this.#claim = written(this.block.text ?? "");
  }

  async #measure() {
    if (!mayOperate() || this.busy) return;
    this.say("Measuring.");
    /** @type {Api.CourseMeasured|null} */
    const measured = await this.ask(async () => {
      const found = await platform("POST", `/course/measures/${this.state.id}`, {});
      table = await loadPart(import("./figures.js"));
      return found;
    }, "");
    if (!measured) return this.say(this.failed);
    this.#measured = measured;
    this.paint();
    this.say(`Measured: ${measured.happened}.`);
  }

  content() {
    const measured = this.#measured;
    return html`<header class="block-head"><p class="which">Measure</p></header>
      ${this.#claim}
      ${this.failed ? html`<p class="note" data-level="bad" role="alert">${this.failed}</p>` : nothing}
      ${measured ? html`<div role="group" class="measured" aria-label="Result">
        <p class="happened"><b>The run:</b> ${sentence(measured.happened)}.</p>
        ${figures(measured.figures)}
        ${trace(measured.excerpt, "Messages at the beginning of the run")}
      </div>` : nothing}
      <div class="acts"><button type="button" class="btn" data-first=${measured ? nothing : "yes"} ?disabled=${!mayOperate()}
        aria-disabled=${this.busy ? "true" : nothing} aria-describedby=${mayOperate() ? nothing : "rights"}
        @click=${() => void this.#measure()}>${this.busy ? "Measuring…" : measured ? "Measure again" : "Measure it"}</button>
        ${mayOperate() ? nothing : html`<span class="hint">Measuring is for users who may change what runs.</span>`}</div>`;
  }
}

/** @param {Figure[]} all */
function figures(all) {
  const { columns, rows } = table.tableOf(all);
  if (!rows.length) return nothing;
  return html`<table class="figures" data-columns=${columns.length}>
    <caption class="vh">Figures of the run</caption>
    ${columns.length > 1 ? html`<thead><tr><td></td>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>` : nothing}
    <tbody>${rows.map((row) => html`<tr><th scope="row">${row.name}</th>${row.values.map((figure, place) =>
      html`<td data-of=${columns[place] || nothing} data-series=${place}>${cell(figure, row.values)}</td>`)}</tr>`)}</tbody>
  </table>`;
}

/** @param {Figure|null} figure @param {(Figure|null)[]} beside  the figures of the same row */
function cell(figure, beside) {
  if (!figure) return nothing;
  const part = table.share(figure, beside);
  return html`<span class="value">${table.valueText(figure)}</span>${part === null
    ? nothing
    : html`<svg class="bar-of" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect width=${Math.max(0.5, 100 * part)}
      height="6"></rect></svg>`}`;
}

customElements.define("lesson-measure", LessonMeasure);
