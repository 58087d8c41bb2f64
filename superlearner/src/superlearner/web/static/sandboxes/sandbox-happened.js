/**
 * What happened in a sandbox: the events of its tree and the platform's notices in one list, newest first; those with
 * a line of its code lead there. Each run begins a new list; what happened before it stays, folded below.
 *
 * @module
 */

import { byId, closest } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { time } from "../base/words.js";
import { storedText } from "../live/storms.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { at, covers, findLine, linesIn, noticesOfRun, noticeText, restartsOfRuns } from "./sandbox-words.js";

/** @import { FeedEvent } from "../live/model.js" */

const MOST = 100;
const place = byId("happened", HTMLElement);
/** @type {readonly FeedEvent[]} */ let events = [];
/** @type {ReadonlyMap<string, number>} */ let lines = new Map();
/** The node of the events while it runs, "" otherwise. */ let node = "";
/** Of the run, and of those before. @type {ReturnType<typeof noticesOfRun<Api.SandboxNotice>>} */ let told = noticesOfRun([], "", "");
/** The events of all runs that were seen here, by run and number. @type {Map<string, FeedEvent>} */ const seen = new Map();
/** The run whose events are shown. */ let run = "";
/** The stored restarts of a sandbox, newest first, its node, and the time from which they are its own. */
let stored = { node: "", restarts: /** @type {readonly Api.RestartLine[]} */ ([]), created: 0 };

/** Call a function with the line that was chosen. @param {(line: number, text: string) => void} go */
export function wireHappened(go) {
  place.onclick = (event) => {
    const link = closest(event.target, "button");
    if (link) go(Number(link.dataset["line"]), link.closest("li")?.querySelector("p")?.textContent ?? "");
  };
}

/**
 * @param {readonly FeedEvent[]} all @param {ReadonlyMap<string, number>} at @param {string} on  the node while it runs, "" otherwise
 * @param {string} of  the run
 */
export function showEvents(all, at, on, of) {
  events = all;
  run = of;
  for (const one of all) seen.set(`${of} ${one.id}`, one);
  for (const [key] of [...seen].slice(0, -MOST * 4)) seen.delete(key);
  node = on;
  lines = at;
  draw();
}

/** @param {readonly Api.SandboxNotice[]} all @param {string} id @param {string} on  the sandbox and its node */
export function showNotices(all, id, on) {
  told = noticesOfRun(all, id, on);
  if (!id) seen.clear(); // another sandbox
  draw();
}

/**
 * @param {readonly Api.RestartLine[]} restarts  the stored ones
 * @param {string} on  the node
 * @param {number} created  the time at which the sandbox was made; an earlier one may have had its name
 */
export function showRestarts(restarts, on, created) {
  stored = { node: on, restarts, created };
  draw();
}

/** @param {number} line */
const link = (line) => html`<button type="button" class="link" data-line=${line}>${at(line)}</button>`;

/** Return a text whose places in the code are links. @param {string} text */
const split = (text) => linesIn(text).map((part) => (typeof part === "number" ? link(part) : part));

function draw() {
  const { run: ours, earlier } = restartsOfRuns(stored.restarts, stored.created, told.since);
  const recorded = ours.filter((one) => one.kept);
  const hasReplay = (/** @type {FeedEvent} */ one) =>
    one.event && one.parts?.signals && one.kind !== "stopped" && (node || recorded.some((restart) => covers(restart, one)));
  const all = [
    ...events.map((one) => ({
      key: `e${one.id}`, at: one.at, text: one.text, level: one.level, on: node || stored.node,
      why: hasReplay(one) ? one.ref ?? one.event ?? 0 : 0, who: one.parts?.who ?? "",
      line: one.parts?.reason && !findLine(one.text) ? lines.get(one.pid ?? "") ?? 0 : 0, // the text has the line in the code that ran
    })),
    ...noted(told.notices),
    ...(node ? [] : ours.filter((one) => !events.some((event) => covers(one, event))).map(entryOf)),
  ].toSorted((one, other) => other.at - one.at).slice(0, MOST);
  const before = [
    ...earlier.map(entryOf), ...noted(stored.created ? told.earlier.filter(({ at }) => at >= stored.created) : []),
    ...[...seen].filter(([key, one]) => !key.startsWith(`${run} `) && !earlier.some((restart) => covers(restart, one)))
      .map(([key, { at, text, level }]) => ({ key, at, text, level, why: 0, who: "", line: 0, on: "" })),
  ].toSorted((one, other) => other.at - one.at).slice(0, MOST);
  const rows = (/** @type {Entry[]} */ entries) => repeat(entries, (one) => one.key, (one) => html`<li
    data-level=${one.level}><time>${time(one.at)}</time><p>${split(one.text)}</p>${one.why
      ? html`<a class="link" href=${whyAddress(one.why, one.on)} aria-label=${`Why? ${one.who}`.trim()}>Why?</a>`
      : nothing}${one.line ? link(one.line) : nothing}</li>`);
  render(html`${all.length === 0
    ? html`<li class="hint"><p>Nothing has happened yet. Kill a process and read here what its supervisor did.</p></li>`
    : rows(all)}${before.length
    ? html`<li class="hint"><details><summary>Before the ${told.begun ? `restart at ${time(told.begun)}` : "restart"}</summary>
        <ol class="happened earlier">${rows(before)}</ol></details></li>`
    : nothing}`,
    place);
}

/** @typedef {{key: string, at: number, text: string, level: string, why: string|number, who: string, line: number, on: string}} Entry */

/** Return the entries of notices. @param {readonly Api.SandboxNotice[]} all @returns {Entry[]} */
const noted = (all) => all.map((one, back) => ({
  key: `n${all.length - back} ${one.at}`, at: one.at, text: noticeText(one.text), level: "info", why: 0, who: "", line: 0, on: "",
}));

/** Return the entry of a stored restart. @param {Api.RestartLine} one @returns {Entry} */
const entryOf = (one) => ({
  key: `r${one.ref} ${one.count}`, at: one.at, text: storedText(one), level: one.gave_up ? "bad" : "warn",
  why: one.kept && one.ref ? one.ref : 0, who: one.name ?? "",
  line: findLine(one.where), on: stored.node,
});
