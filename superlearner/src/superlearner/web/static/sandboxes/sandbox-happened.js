/**
 * What happened in a sandbox: the events of its tree and the platform's notices in one list, newest first; those with
 * a line of its code lead there. Each run begins a new list, above the stored restarts of earlier runs.
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
/** Of the run. @type {readonly Api.SandboxNotice[]} */ let notices = [];
/** Restarts from this time on belong to the run. */ let since = 0;
/** The stored restarts of a sandbox, newest first, its node, and the time from which they are its own. */
let stored = { node: "", restarts: /** @type {readonly Api.RestartLine[]} */ ([]), created: 0 };

/** Call a function with the line that was chosen. @param {(line: number, text: string) => void} go */
export function wireHappened(go) {
  place.onclick = (event) => {
    const link = closest(event.target, "button");
    if (link) go(Number(link.dataset["line"]), link.closest("li")?.querySelector("p")?.textContent ?? "");
  };
}

/** @param {readonly FeedEvent[]} all @param {ReadonlyMap<string, number>} at @param {string} on  the node while it runs, "" otherwise */
export function showEvents(all, at, on) {
  events = all;
  node = on;
  lines = at;
  draw();
}

/** @param {readonly Api.SandboxNotice[]} all @param {string} id @param {string} on  the sandbox and its node */
export function showNotices(all, id, on) {
  ({ notices, since } = noticesOfRun(all, id, on));
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
  const { run, earlier } = restartsOfRuns(stored.restarts, stored.created, since);
  const recorded = run.filter((one) => one.kept);
  const hasReplay = (/** @type {FeedEvent} */ one) =>
    one.event && one.parts?.signals && one.kind !== "stopped" && (node || recorded.some((restart) => covers(restart, one)));
  const all = [
    ...events.map((one) => ({
      key: `e${one.id}`, at: one.at, text: one.text, level: one.level, on: node || stored.node,
      why: hasReplay(one) ? one.ref ?? one.event ?? 0 : 0, who: one.parts?.who ?? "",
      line: one.parts?.reason ? lines.get(one.pid ?? "") ?? 0 : 0,
    })),
    ...notices.map((one, back) => ({
      key: `n${notices.length - back} ${one.at}`, at: one.at, text: noticeText(one.text), level: "info", why: 0, who: "", line: 0, on: "",
    })),
    ...(node ? [] : run.filter((one) => !events.some((event) => covers(one, event))).map(entryOf)),
  ].toSorted((one, other) => other.at - one.at).slice(0, MOST);
  const rows = (/** @type {Entry[]} */ entries) => repeat(entries, (one) => one.key, (one) => html`<li
    data-level=${one.level}><time>${time(one.at)}</time><p>${split(one.text)}</p>${one.why
      ? html`<a class="link" href=${whyAddress(one.why, one.on)} aria-label=${`Why? ${one.who}`.trim()}>Why?</a>`
      : nothing}${one.line ? link(one.line) : nothing}</li>`);
  render(html`${all.length === 0
    ? html`<li class="hint"><p>Nothing has happened yet. Kill a process and read here what its supervisor did.</p></li>`
    : rows(all)}${earlier.length
    ? html`<li class="hint earlier"><h2>Earlier runs</h2></li>${rows(earlier.map(entryOf).slice(0, MOST))}`
    : nothing}`,
    place);
}

/** @typedef {{key: string, at: number, text: string, level: string, why: string|number, who: string, line: number, on: string}} Entry */

/** Return the entry of a stored restart. @param {Api.RestartLine} one @returns {Entry} */
const entryOf = (one) => ({
  key: `r${one.ref} ${one.count}`, at: one.at, text: storedText(one), level: one.gave_up ? "bad" : "warn",
  why: one.kept && one.ref ? one.ref : 0, who: one.name ?? "",
  line: findLine(one.where), on: stored.node,
});
