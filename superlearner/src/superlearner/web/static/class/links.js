/**
 * Sign-in links for a class: a list of names becomes, after a preview, a sheet to print or to copy. Links are shown once
 * and not stored.
 *
 * @module
 */

import { platform } from "../base/api.js";
import { copyButton } from "../base/copying.js";
import { byId, write } from "../base/dom.js";
import { counted, sentence, time } from "../base/words.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { bySurname } from "./order.js";

const dialog = byId("links", HTMLDialogElement);
const form = byId("links-form", HTMLFormElement);
const names = byId("links-names", HTMLTextAreaElement);
const hours = byId("links-hours", HTMLSelectElement);
const place = byId("links-sheet", HTMLElement);
const preview = byId("links-preview", HTMLElement);
const back = byId("links-back", HTMLButtonElement);
const submit = byId("links-submit", HTMLButtonElement);
const wrong = byId("links-wrong", HTMLElement);
let made = () => {};

/** Open the dialog. @param {() => void} then  called when links were made */
export function openLinks(then) {
  made = then;
  dialog.showModal();
  names.focus();
}

/** The links are not shown again. */
dialog.onclose = () => {
  render(nothing, place);
  place.hidden = true;
  form.hidden = false;
  showPreview(null);
};
form.onsubmit = (event) => {
  event.preventDefault();
  void (preview.hidden ? check() : make());
};
form.oninput = () => write(wrong, "");
back.onclick = () => {
  showPreview(null);
  names.focus();
};

/** Preview the learners, before any link is made. */
const check = () => ask("Reading the names…", "?dry_run=true", (/** @type {Api.DryRunResult} */ dry) => showPreview(dry));

const make = () => ask("Making the links…", "", (/** @type {Api.SignInSheet} */ sheet) => {
  show(sheet);
  names.value = "";
  made();
});

/**
 * @template T
 * @param {string} meanwhile  the label of the button while it waits
 * @param {string} query
 * @param {(answer: T) => void} then
 */
async function ask(meanwhile, query, then) {
  submit.disabled = true;
  write(submit, meanwhile);
  try {
    then(await platform("POST", `/users/links${query}`, { names: names.value, ...(hours.value ? { hours: Number(hours.value) } : {}) }));
  } catch (error) {
    const { message = "failed", hint = "" } = /** @type {{message?: string, hint?: string}} */ (error);
    showPreview(null);
    write(wrong, `${message}${hint ? `; ${hint}` : ""}`);
    names.focus();
  } finally {
    submit.disabled = false;
    write(submit, preview.hidden ? "Preview" : "Make the links");
    if (!preview.hidden) submit.focus();
  }
}

/** @param {Api.DryRunResult|null} dry  null: the names can be changed */
function showPreview(dry) {
  render(dry ? html`<p>${sentence(dry.would)}</p><ol>${dry.affects.map((one) => html`<li>${one}</li>`)}</ol>` : nothing, preview);
  preview.hidden = back.hidden = !dry;
  byId("links-fields", HTMLElement).hidden = Boolean(dry);
  write(submit, dry ? "Make the links" : "Preview");
}

/**
 * Show the links in the order of the list, or by surname.
 * @param {Api.SignInSheet} sheet
 * @param {boolean} [sorted]
 */
function show(sheet, sorted = false) {
  const { left_out: without = [], expires_at } = sheet;
  const links = sorted ? sheet.links.toSorted((one, other) => bySurname(one.given, other.given)) : sheet.links;
  const text = () => links.map(({ given, url }) => `${given}\t${url}\n`).join("");
  const print = () => window.print();
  render(html`<p>${counted(links.length, "link")}. Each signs in once, as its learner, until ${time(expires_at)}.
      They are not shown again.</p>
    ${without.length
      ? html`<div class="note" data-level="warn" role="alert"><p><b>Without a link:</b></p><ul>${without.map(leftOut)}</ul></div>`
      : nothing}
    <div class="acts">${copyButton(text, "Copy", "Copy names and links", "btn")}
      <button type="button" class="btn primary" @click=${print}>Print</button></div>
    <table class="table">
      <thead><tr><th scope="col" aria-sort=${sorted ? "ascending" : "none"}><button type="button"
        title=${sorted ? "Sort in the order of your list" : "Sort by surname"} @click=${() => show(sheet, !sorted)}>Name</button></th>
        <th scope="col">Link</th><th scope="col" class="for-print">QR code</th></tr></thead>
      <tbody>${links.map(line)}</tbody></table>`, place);
  form.hidden = true;
  place.hidden = false;
}

/** @param {Api.UnusedLine} line */
const leftOut = ({ line: number, name, why }) => html`<li>Line ${number}, <b>${name}</b>: it ${why}.</li>`;

/** @param {Api.SheetLink} link */
const line = ({ given, user, url, qr_path: path, qr_size: size }) => html`<tr>
  <td>${given}${given === user ? nothing : html`<p class="hint">${user}</p>`}</td><td><code>${url}</code></td>
  <td class="for-print"><svg viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${`Link of ${user} as a QR code`}
    shape-rendering="crispEdges"><path d=${path}></path></svg></td></tr>`;

if (new URLSearchParams(location.search).has("links")) openLinks(() => {});
