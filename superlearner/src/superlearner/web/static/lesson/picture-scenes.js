/**
 * A step of a server's callbacks, and of a mailbox, as drawn.
 *
 * @module
 */

import { html, nothing } from "../vendor/lit-html.js";
import { arrival, changedLines } from "./picture-steps.js";

/** @import { Callback, MailboxStep } from "./picture-steps.js" */

/** @type {Record<string, string>} */
const PARAMETERS = {
  init: "arg", handle_call: "request, caller, state", handle_cast: "request, state", handle_info: "message, state",
  terminate: "reason, state",
};
const STATES = { waiting: "waits", new: "arrives", passed: "no match, stays", taken: "matches, taken" };

/** @param {Callback[]} steps @param {number} now */
export function stateScene(steps, now) {
  const step = steps[now];
  if (!step) return nothing;
  const same = step.before === step.after;
  return html`<div class="state-scene">
    <ol class="lives" aria-hidden="true">${steps.map(({ callback }, place) =>
      html`<li data-when=${place === now ? "now" : place < now ? "past" : "later"}>${callback}</li>`)}</ol>
    <div class="flow">
      <section class="part" data-part="message"><h3 class="of">${arrival(step)}</h3><pre>${step.message}</pre></section>
      <section class="part" data-part="before"><h3 class="of">State before</h3>${step.before === null
        ? html`<p class="hint">none yet</p>`
        : html`<pre>${step.before}</pre>`}</section>
      <section class="part" data-part="callback"><h3 class="of">${step.result === "None"
        ? "Callback"
        : "Callback and its result"}</h3><pre><b>${step.callback}</b>(${
          PARAMETERS[step.callback] ?? ""
        })${step.result === "None" ? "" : `\n→ ${step.result}`}</pre></section>
      <section class="part" data-part="after"
        data-same=${same ? "yes" : nothing}><h3 class="of">State after${
          same ? ": the same" : ""
        }</h3><pre>${changedLines(step.after, step.before).map(
        ({ text, changed }, place) => html`${place ? "\n" : ""}${changed ? html`<mark>${text}</mark>` : text}`)}</pre></section>
    </div></div>`;
}

/** @param {MailboxStep[]} steps @param {number} now */
export function mailboxScene(steps, now) {
  const step = steps[now];
  if (!step) return nothing;
  const most = Math.max(...steps.map(({ queue }) => queue.length));
  return html`<div class="mailbox-scene">
    <div class="waits-for" data-kind=${step.kind}><h3 class="of">${step.kind === "gives up"
      ? "Waits no longer for"
      : "Waits for"}</h3><p>${step.pattern
      ? html`<code>${step.pattern}</code>`
      : html`<span class="hint">nothing: it does something else</span>`}</p></div>
    <div class="queue"><h3 class="of">Mailbox, oldest first</h3><ol>${Array.from({ length: most }, (_, place) => {
      const one = step.queue[place];
      return one
        ? html`<li data-state=${one.state}><code>${one.text}</code><span class="from">from ${one.of}</span><b>${STATES[one.state]}</b></li>`
        : html`<li data-state="empty"><span class="hint">empty</span></li>`;
    })}</ol></div></div>`;
}
