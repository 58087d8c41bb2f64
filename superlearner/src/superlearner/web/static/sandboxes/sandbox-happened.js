/**
 * What happened in a sandbox: the events of its tree and the platform's notices in one list, newest first; those with
 * a line of its code lead there.
 *
 * @module
 */

import { byId, closest } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { time } from "../base/words.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { at, linesIn } from "./sandbox-words.js";

/** @import { FeedEvent } from "../live/model.js" */

const MOST = 100;
const place = byId("happened", HTMLElement);
/** @type {readonly FeedEvent[]} */ let events = [];
/** @type {ReadonlyMap<string, number>} */ let lines = new Map();
/** The node of the events while it runs, "" otherwise. */ let node = "";
/** @type {readonly Api.SandboxNotice[]} */ let notices = [];

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

/** @param {readonly Api.SandboxNotice[]} all */
export function showNotices(all) {
  notices = all;
  draw();
}

/** @param {number} line */
const link = (line) => html`<button type="button" class="link" data-line=${line}>${at(line)}</button>`;

/** Return a text whose places in the code are links. @param {string} text */
const split = (text) => linesIn(text).map((part) => (typeof part === "number" ? link(part) : part));

function draw() {
  const all = [
    ...events.map((one) => ({
      key: `e${one.id}`, at: one.at, text: one.text, level: one.level,
      why: node && one.event && one.parts?.signals && one.kind !== "stopped" ? one.ref ?? one.event : 0, who: one.parts?.who ?? "",
      line: one.parts?.reason ? lines.get(one.pid ?? "") ?? 0 : 0,
    })),
    ...notices.map((one, back) =>
      ({ key: `n${notices.length - back} ${one.at}`, at: one.at, text: one.text, level: "info", why: 0, who: "", line: 0 })),
  ].toSorted((one, other) => other.at - one.at).slice(0, MOST);
  render(all.length === 0
    ? html`<li class="hint"><p>Nothing has happened yet. Kill a process and read here what its supervisor did.</p></li>`
    : repeat(all, (one) => one.key, (one) => html`<li data-level=${one.level}><time>${time(one.at)}</time><p>${split(one.text)}</p>${one.why
      ? html`<a class="link" href=${whyAddress(one.why, node)} aria-label=${`Why? ${one.who}`.trim()}>Why?</a>`
      : nothing}${one.line ? link(one.line) : nothing}</li>`),
    place);
}
