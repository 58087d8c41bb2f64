/**
 * The verdict on an answer: one sentence, its line, the steps that were reached, and the excerpt of the trace.
 *
 * @module
 */

import { icon } from "../base/dom.js";
import { counted } from "../base/words.js";
import { html, nothing } from "../vendor/lit-html.js";
import { sentence, told } from "./lesson-rows.js";
import { figure } from "./lesson-trace.js";
import { fitRows } from "./marked-rows.js";

/** @import { Row } from "./lesson-model.js" */
/** @typedef {Api.CourseChecked} Checked */

const UNCHANGED = "Unchanged since the last check.";

/** @param {Checked} checked */
const wrong = (checked) => checked.checks.find((step) => !step.ok) ?? null;

/**
 * Return the line that the verdict names, and what it says about it.
 * @param {Checked} checked
 * @returns {{number: number, say: string}|null}
 */
export function lineOf(checked) {
  const say = wrong(checked)?.say ?? "", found = /^line (\d+): /.exec(say);
  return found?.[1] ? { number: Number(found[1]), say } : null;
}

/** Return the verdict for assistive technology. @param {Checked} checked */
export function describeVerdict(checked) {
  const passed = checked.checks.filter((step) => step.ok).length;
  const failed = wrong(checked), said = (failed?.say || failed?.step || "").replaceAll("`", "");
  return checked.ok
    ? `Passed: ${counted(passed, "step")}.`
    : `${checked.unchanged ? `${UNCHANGED} ` : ""}Not passed: ${said}${/[.?!]$/.test(said) ? "" : "."} ${counted(passed, "step")} passed.`;
}

/** What is said in lines, such as a tree, stands below its sentence. @param {string} say */
function lines(say) {
  const [first = "", ...more] = say.split("\n");
  return more.length ? html`${sentence(first)}<pre class="read-as" tabindex="0">${more.join("\n")}</pre>` : sentence(first);
}

/**
 * Return the last rows of a failed check that fit, and the marked one as a sentence; nothing without rows.
 * @param {Row[]} rows
 * @param {string} say  what was wrong
 * @param {number} room  px that they may take
 */
function markedTrace(rows, say, room) {
  if (!rows.length) return nothing;
  const marked = rows.find((row) => row.marked);
  const about = `The last messages of the run.${marked ? ` Marked: ${told(marked).replace(/^0 s: /, "")}.` : ""}`;
  return figure(rows, about, fitRows(rows, say, room), room, true);
}

/**
 * @param {Checked} checked
 * @param {boolean} changed  the answer has changed since
 * @param {boolean} marked  its line is marked in the editor
 * @param {boolean} inForm  its rows are marked in the form
 * @param {number} room  px that a diagram may take
 */
export function renderVerdict(checked, changed, marked, inForm, room) {
  const failed = wrong(checked), line = marked && !changed ? lineOf(checked) : null, facts = checked.misconceptions;
  const rows = checked.ok ? [] : checked.marks;
  return html`<div role="group" class="verdict" data-ok=${checked.ok ? "yes" : "no"} data-old=${changed ? "yes" : nothing}
    aria-label="Verdict">
    <p class="verdict-said">${icon(checked.ok ? "check" : "cross", "glyph")}<span>${checked.ok
      ? "Passed: all steps hold."
      : rows.length ? sentence((failed?.say ?? "").split("\n", 1)[0]?.replace(/:$/, ".") ?? "")
      : lines(failed?.say || failed?.step || "It has not passed.")}</span></p>
    ${rows.length && !inForm ? html`<ul class="steps marks" aria-label="Rows">${rows.map((row) => html`<li
      data-ok=${row.ok ? "yes" : "no"}>${icon(row.ok ? "check" : "cross", "glyph")}<span><code>${row.key}</code><span
      class="vh">${row.ok ? ": right" : ": wrong"}</span>${row.say && row.say !== failed?.say
        ? html` ${sentence(row.say)}` : nothing}</span></li>`)}</ul>` : nothing}
    ${checked.unchanged && !checked.ok ? html`<p class="hint">${UNCHANGED}</p>` : nothing}
    ${changed ? html`<p class="hint">This is about the answer before your last change.</p>` : nothing}
    ${line ? html`<p class="hint">The line is marked in your answer.</p>` : nothing}
    ${facts.map((one) => html`<p class="fact"><b>Look at this:</b> ${sentence(one.fact)}</p>`)}
    <ul class="steps" aria-label="Steps">${checked.checks.map((step) => html`<li
      data-ok=${step.ok ? "yes" : "no"}>${icon(step.ok ? "check" : "cross", "glyph")}<span>${step.ok
      ? html`<span class="vh">passed: </span>` : html`<b>This step fails:</b> `}${sentence(step.step)}${step.ok && step.say
      ? html` <span class="hint">${sentence(step.say)}</span>`
      : nothing}</span></li>`)}</ul>
    ${checked.ok ? nothing : markedTrace(checked.excerpt, failed?.say ?? "", room)}
    ${checked.printed
      ? html`<details class="printed"><summary>Printed and logged: ${counted(checked.printed.trimEnd().split("\n").length,
        "line")}</summary><pre tabindex="0">${checked.printed}</pre></details>`
      : nothing}
  </div>`;
}
