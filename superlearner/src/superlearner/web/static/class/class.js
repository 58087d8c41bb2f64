/**
 * The page /class: how far each learner is, those who are stuck first or by a column, and sign-in links for all of them.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { attribute, byId, icon, root, spoken, write } from "../base/dom.js";
import { loadPart } from "../base/late.js";
import { confirm } from "../base/confirm.js";
import { copyButton } from "../base/copying.js";
import { signInLink } from "../base/sign-in-link.js";
import { complain, toast } from "../base/toast.js";
import { asSentence, counted, sentence, time } from "../base/words.js";
import { linedText } from "../process/message-text.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { openLinks } from "./links.js";
import { inOrder, sessionOf } from "./order.js";
import { mostStuckAt } from "./stuck.js";

const EVERY_MS = 2000;

const page = byId("class", HTMLElement);
const table = byId("class-table", HTMLTableElement);
const none = byId("class-none", HTMLElement);
const dialog = byId("learner", HTMLDialogElement);
const resetDialog = byId("reset", HTMLDialogElement);
const resetForm = byId("reset-form", HTMLFormElement);
const resetSession = byId("reset-session", HTMLSelectElement);
const resetWrong = byId("reset-wrong", HTMLElement);
/** The header cells of the sessions. @type {NodeListOf<HTMLElement>} */
const heads = table.querySelectorAll("thead [data-number]");
/** The header cells that sort. @type {NodeListOf<HTMLElement>} */
const sorters = table.querySelectorAll("thead [data-sort]");
/** The column by which the rows are sorted. */
let order = { column: "stuck", descending: true };
/** The titles of the sessions, by number. */
const names = new Map([...heads].map((one) => [Number(one.dataset.number), one.querySelector("a")?.title ?? ""]));
/** The learner in the dialog; "" while it is closed. */
let learnerName = "";
/** The learners of the newest answer. @type {Api.CourseLearner[]} */
let learners = [];
/** The number of the newest request. */
let newest = 0;
let timer = 0;

document.addEventListener("visibilitychange", () => document.hidden || void look());
dialog.onclose = () => (learnerName = "");
byId("reset-cancel", HTMLButtonElement).onclick = () => resetDialog.close();
byId("links-open", HTMLButtonElement).onclick = () => openLinks(look);
byId("lesson-end", HTMLButtonElement).onclick = () => void endLesson();
for (const one of sorters)
  one.querySelector("button")?.addEventListener("click", () => {
    const column = one.dataset.sort ?? "", again = column === order.column;
    order = { column, descending: again ? !order.descending : one.dataset.first === "descending" };
    draw();
  });
void look();

/** Ask for what is shown, draw it, and ask again. */
async function look() {
  clearTimeout(timer);
  const mine = (newest += 1);
  const name = learnerName;
  try {
    /** @type {[Api.CourseLearner[], Api.CourseLearnerWork|null]} */ const [found, work] = await Promise.all([
      platform("GET", "/course/learners"),
      name ? askWork(name) : null,
    ]);
    if (mine !== newest) return;
    learners = found;
    draw();
    if (work && name === learnerName) drawWork(work);
    byId("lost", HTMLElement).hidden = true;
    page.dataset.ready = "yes";
  } catch (error) {
    if (mine !== newest) return;
    fail(error);
  }
  if (!document.hidden) timer = setTimeout(() => void look(), EVERY_MS);
}

/** @param {unknown} error */
function fail(error) {
  const known = error instanceof ApiError && error.status > 0 ? error : null;
  if (known?.code === "missing_scope" || known?.code === "unauthorized") {
    render(html`<h2>This page is for teachers</h2>
      <p>${signInLink("Sign in")} as a teacher or the owner to see how far your learners are.</p>`, none);
    none.hidden = false;
    page.dataset.ready = "refused";
    return;
  }
  write(byId("lost", HTMLElement), known ? known.message : "The server does not answer. What you see is from before.");
  byId("lost", HTMLElement).hidden = false;
}

/** End the lesson, once the teacher has confirmed it. */
async function endLesson() {
  if (!(await confirm("End the lesson?",
    `All ${counted(learners.length, "learner")} are signed out and their sandboxes stop. Code and progress stay; unused sign-in `
      + `links no longer work. Tokens, such as those for terminals, stay valid.`,
    "End the lesson")))
    return;
  try {
    const ended = await platform("POST", "/course/end-lesson");
    toast(`The lesson is over: no learner is signed in, and ${counted(ended.sandboxes.length, "sandbox", "sandboxes")} stopped.`);
  } catch (error) {
    complain(error, "End the lesson");
  }
  void look();
}

/** Draw the learners. */
function draw() {
  const stuck = learners.filter((one) => one.stuck).length, hardest = mostStuckAt(learners);
  render(html`<span><b>${learners.length}</b> ${learners.length === 1 ? "learner" : "learners"}</span>${stuck
    ? html`<span data-look="restarting"><b>${stuck}</b> stuck${hardest ? html`, <b>${hardest.count}</b> at <a
      href=${`${root()}${hardest.page}`}>${hardest.title}</a>` : nothing}</span>` : nothing}`, byId("class-counts", HTMLElement));
  byId("links-open", HTMLElement).hidden = false;
  if (!learners.length)
    render(html`<h2>No learners yet</h2><p>Make sign-in links for your class: paste the names, then print the sheet or copy it.</p>`, none);
  byId("class-results", HTMLAnchorElement).hidden = byId("class-exercises", HTMLAnchorElement).hidden
    = byId("lesson-end", HTMLButtonElement).hidden = !learners.length;
  none.hidden = learners.length > 0;
  table.hidden = byId("class-about", HTMLElement).hidden = !learners.length;
  const begun = new Set(learners.flatMap(({ sessions }) => sessions.map(({ number }) => number)));
  for (const one of heads) one.hidden = !begun.has(Number(one.dataset.number));
  const numbers = [...names.keys()].filter((number) => begun.has(number));
  for (const one of sorters)
    attribute(one, "aria-sort", one.dataset.sort !== order.column ? "none" : order.descending ? "descending" : "ascending");
  const sorted = inOrder(learners, order.column, order.descending);
  render(repeat(sorted, ({ name }) => name, (one) => row(one, numbers)), byId("class-rows", HTMLElement));
}

/** @param {Api.CourseLearner} learner @param {number[]} numbers  of the sessions with a column */
function row(learner, numbers) {
  const { name, shown, at, session: place, current, stuck, sessions, predicted: right, mispredicted: wrong } = learner;
  const begun = new Map(sessions.map((one) => [one.number, one])), here = sessionOf(learner);
  return html`<tr role="row">
    <th role="rowheader" scope="row"><button type="button" aria-haspopup="dialog" @click=${() => open(name, shown)}>${shown}</button></th>
    <td role="cell">${at === null ? html`<span class="hint">never</span>` : html`<time>${minute(at)}</time>`}</td>
    <td role="cell" class="works-on" ?data-stuck=${stuck}>${here && current?.session !== place && !stuck
      ? html`<b>${names.get(here.number)}</b>${current ? html`<br>` : nothing}`
      : nothing}${current ? worksOn(current, stuck) : nothing}${inSandbox(learner)}</td>
    <td role="cell">${here ? html`${here.done} of ${here.parts} <span class="hint">(${here.number})</span>` : nothing}</td>
    <td role="cell">${right + wrong
      ? html`${right} right${wrong ? html`, <span class="missed">${wrong} wrong</span>` : nothing}` : nothing}</td>
    ${numbers.map((number) => session(number, begun.get(number)))}</tr>`;
}

/** Return a time that is known to the minute. @param {number} at */
const minute = (at) => time(at).slice(0, -":00".length);

/** @param {Api.CourseLearnerExercise} current @param {boolean} stuck */
const worksOn = ({ title, session: number, attempts, hints, seen, passed, helped, said, fact }, stuck) => html`${stuck
  ? html`${icon("stuck", "glyph")}<span class="stuck">Stuck: </span>`
  : nothing}<b>${title}</b> <span>(${number})</span>, ${counted(attempts,
  "attempt")}${hints ? `, ${counted(hints, "hint")}` : ""}${seen ? ", solution opened" : ""}${passed
  ? html`, <span class="passed">${helped ? "passed with help" : "passed"}</span>.`
  : html`. <span>${spoken(sentence(said.split("\n")[0] || (fact ?? "")))}</span>`}`;

/** Return how the newest sandbox of a learner is, and the runs that failed since, as sentences. @param {Api.CourseLearner} learner */
const inSandbox = ({ sandboxes: [newest], failed_runs: failed }) => html`${newest
  ? html` <a href=${sandboxPage(newest.id)}>${newest.id}</a> <span>${newest.status === "ended"
    ? html`ended: ${spoken(asSentence(linedText(newest.reason ?? "")))}` : newest.crashes ? crashed(newest) : `${newest.status}.`}</span>`
  : nothing}${failed ? html` <span>${counted(failed.runs, "Run")} failed, the last at
  <time>${time(failed.at)}</time>: ${spoken(asSentence(linedText(failed.why.split("\n", 1)[0] ?? "")))}</span>` : nothing}`;

/** @param {Api.CourseLearner["sandboxes"][number]} one */
const crashed = ({ status, crashes, crash, crashed_at: at }) => html`${status}, ${counted(crashes, "crash", "crashes")}, the last at
  <time>${time(at ?? 0)}</time>: ${spoken(asSentence(linedText(crash ?? "")))}`;

/** @param {string} id */
const sandboxPage = (id) => `${root()}/sandboxes?sandbox=${encodeURIComponent(id)}`;

/** @param {number} number @param {Api.CourseLearner["sessions"][number]|undefined} one */
const session = (number, one) => one
  ? html`<td role="cell" class="num" data-number=${number} ?data-done=${one.state.startsWith("passed")}>${one.state.startsWith("passed")
    ? html`<span aria-hidden="true">✓</span><span class="vh">core path passed, </span>` : nothing}${one.passed}/${one.exercises}</td>`
  : html`<td role="cell" class="num" data-number=${number}></td>`;

/** @param {string} name @param {string} shown */
function open(name, shown) {
  learnerName = name;
  write(byId("learner-name", HTMLElement), shown);
  render(html`<p class="hint">Loading…</p>`, byId("learner-work", HTMLElement));
  render(acts(name, shown), byId("learner-acts", HTMLElement));
  dialog.showModal();
  byId("learner-name", HTMLElement).focus();
  /** @type {Api.CourseLearnerWork|undefined} */ let work;
  const show = () => work && name === learnerName && drawWork(work);
  void askWork(name).then((found) => {
    work = found;
    show();
  }, fail);
  void loadPart(import("./learner-answer.js")).then(show, fail);
}

/** @param {string} name @returns {Promise<Api.CourseLearnerWork>} */
const askWork = (name) => platform("GET", `/course/learners/${encodeURIComponent(name)}`);

/**
 * Return what a teacher can do for a learner: make a sign-in link, which is shown once, and reset their work.
 * @param {string} name
 * @param {string} shown
 * @param {Api.SignInLinkMade} [made]
 * @param {string} [failed]
 * @returns {unknown}
 */
const acts = (name, shown, made, failed) => html`${made
  ? html`<code>${made.url}</code>${copyButton(() => made.url, "Copy", "Copy the link")}
    <span class="hint">Signs ${shown} in once, until ${time(made.expires_at)}.${made.replaced
      ? " The earlier unused link no longer works." : nothing}</span>
    <svg viewBox=${`0 0 ${made.qr_size} ${made.qr_size}`} role="img" aria-label=${`Link of ${shown} as a QR code`}
      shape-rendering="crispEdges"><path d=${made.qr_path}></path></svg>`
  : html`<button type="button" class="btn" @click=${() => void makeLink(name, shown)}>New sign-in link</button>
    <label>for <select id="link-hours">${[...byId("links-hours", HTMLSelectElement).options].map((one) => html`<option
      value=${one.value}>${one.text}</option>`)}</select></label>`}
  <button type="button" class="btn" @click=${() => reset(name, shown)}>Reset…</button>
  ${failed ? html`<span class="wrong" role="alert">${failed}</span>` : nothing}`;

/** @param {string} name @param {string} shown */
async function makeLink(name, shown) {
  const hours = byId("link-hours", HTMLSelectElement).value, wanted = { qr: true, ...(hours ? { hours: Number(hours) } : {}) };
  const then = await platform("POST", `/users/${encodeURIComponent(name)}/link`, wanted).then((made) => acts(name, shown, made),
    (error) => acts(name, shown, undefined, error instanceof Error ? error.message : "failed"));
  if (name === learnerName) render(then, byId("learner-acts", HTMLElement));
}

/**
 * Ask which work of a learner to forget, and forget it.
 * @param {string} name
 * @param {string} shown
 */
function reset(name, shown) {
  write(byId("reset-title", HTMLElement), `Reset ${shown}?`);
  write(resetWrong, "");
  const learner = learners.find((one) => one.name === name), begun = new Set(learner?.sessions.map(({ number }) => number));
  render([html`<option value="" hidden>Choose…</option><option value="all">all sessions</option>`,
    ...[...names].filter(([number]) => begun.has(number))
    .map(([number, title]) => html`<option value=${number}>${title}</option>`)], resetSession);
  resetSession.value = learner?.stuck && learner.current ? String(learner.current.session) : "";
  resetForm.onsubmit = (event) => {
    event.preventDefault();
    void forget(name, shown, Number(resetSession.value) || null);
  };
  resetDialog.showModal();
}

/** @param {string} learner @param {string} shown @param {number|null} session  null for all */
async function forget(learner, shown, session) {
  try {
    const { forgotten } = await platform("DELETE", "/course/progress", { learner, session });
    toast(`${session ? `Session ${session}` : "All sessions"} of ${shown}: ${counted(forgotten, "entry", "entries")} deleted.`);
  } catch (error) {
    return write(resetWrong, error instanceof ApiError ? error.words : "failed");
  }
  resetDialog.close();
  void look();
}

/** Draw the work of a learner, without their answers until the code that shows them is loaded. @param {Api.CourseLearnerWork} work */
function drawWork({ name, shown, exercises, predictions }) {
  attribute(dialog, "data-learner", name);
  const theirs = learners.find((one) => one.name === name)?.sandboxes ?? [];
  render(html`${exercises.length
    ? html`<table class="table"><thead><tr><th scope="col">Exercise</th><th scope="col">Work</th><th scope="col">Last</th></tr></thead>
      <tbody>${repeat(exercises, ({ id }) => id, exercise)}</tbody></table>`
    : html`<p class="hint">${shown} has not begun an exercise yet.</p>`}${predictions.length
    ? html`<h3>Predictions</h3><p class="hint">From the sessions; the game Predict is not included.</p>
      <ul class="learner-steps">${predictions.map(prediction)}</ul>`
    : nothing}${theirs.length ? html`<h3>Sandboxes</h3>
      <ul class="learner-steps">${theirs.map(sandbox)}</ul>` : nothing}`, byId("learner-work", HTMLElement));
}

/** @param {Api.CourseLearner["sandboxes"][number]} one */
const sandbox = (one) => html`<li><span><a href=${sandboxPage(one.id)}>${one.id}</a> ${one.reason === null
  ? one.crashes ? crashed(one) : `${one.status}.`
  : html`${one.status} at <time>${time(one.at)}</time>: ${spoken(sentence(linedText(one.reason)))}`}</span></li>`;

/** @param {Api.CourseLearnerWork["predictions"][number]} one */
const prediction = ({ session: number, question, right, page: place }) => html`<li data-ok=${right ? "yes" : "no"}>${
  icon(right ? "check" : "cross", "glyph")}<span><span class="vh">${right ? "right: " : "wrong: "}</span><a href=${
  `${root()}${place}`}>Session ${number}</a>: ${spoken(question)}</span></li>`;

/** @param {Api.CourseLearnerWork["exercises"][number]} one */
const exercise = ({ id, title, page: place, attempts, passed, helped, hints, seen, said, steps, fact, answer, at }) => html`<tr>
  <td><a href=${`${root()}${place}`}>${title}</a> <code>${id}</code>
    ${said ? html`<p class="fact said">${spoken(sentence(said))}</p>` : nothing}
    ${steps.length ? html`<ul class="learner-steps">${steps.map(({ step, ok }) => html`<li data-ok=${ok ? "yes" : "no"}>${
      icon(ok ? "check" : "cross", "glyph")}<span><span
      class="vh">${ok ? "passed: " : "failed: "}</span>${spoken(sentence(step))}</span></li>`)}</ul>` : nothing}
    ${fact ? html`<p class="hint">Shown with the verdict: ${spoken(fact)}</p>` : nothing}
    ${answer && customElements.get("learner-answer") ? html`<details><summary>Newest answer</summary><learner-answer .answer=${{
      title, source: answer, said }}></learner-answer></details>` : nothing}</td>
  <td>${passed ? (helped ? "passed with help" : "passed") : "open"}<p class="hint">${counted(attempts, "attempt")}${hints
    ? `, ${counted(hints, "hint")} opened` : ", no hints opened"}${seen ? ", solution opened" : nothing}</p></td>
  <td><time>${time(at)}</time></td></tr>`;
