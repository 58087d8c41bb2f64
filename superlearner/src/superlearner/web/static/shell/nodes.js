/**
 * The node switcher in the header, which follows changes of the list of nodes, and the note for a node that is gone.
 * The list comes over a socket that only sends changes.
 *
 * @module
 */

import { attribute, chosen, make, onlyOwn, renew, root } from "../base/dom.js";
import { Feed, liveUrl } from "../live/live.js";
import { dropNodeGone, nameAbsence, showNodeGone, wireAgain } from "./node-gone.js";

/**
 * @typedef {{k: string, nodes: string[], rests: boolean, left: Record<string, string>, awaited?: string[],
 *   held?: Record<string, string>, sandboxes: number, restarts: number}} Told
 */

/** The choice of all nodes, which leads to the view of the cluster that is nearest to the page. */
const ALL = "*";

/**
 * Return the text of the entry and the page that shows all nodes and is nearest to a page.
 * @param {string} page  its path, without the prefix
 * @param {boolean} isTable
 */
export function allNodesFrom(page, isTable) {
  if (page === "/") return { text: "All nodes", href: "/" };
  if (page === "/timeline") return { text: "All nodes: page Start", href: "/" };
  const view = isTable ? "?view=processes" : page === "/supervisors" ? "?view=trees" : "";
  return { text: page === "/cluster" ? "All nodes" : "All nodes: page Cluster", href: `/cluster${view}` };
}

/** Return the entry for all nodes, from this page. */
const everywhere = () =>
  allNodesFrom(location.pathname.slice(root().length), new URL(location.href).searchParams.get("view") === "table");

/** Return the URL of this page for another node. @param {string} node  "" for the default one */
export function here(node) {
  const address = new URL(location.href);
  if (node) address.searchParams.set("node", node);
  else address.searchParams.delete("node");
  for (const name of ["process", "pin"]) address.searchParams.delete(name); // they belong to the node that is left
  return address.href;
}

/** Return the names of the nodes, the default one first. */
export function nodes() {
  const select = document.getElementById("node");
  return select instanceof HTMLSelectElement
    ? [...select.options].filter(({ value }) => value !== ALL).map((one) => one.value || (one.textContent ?? ""))
    : [];
}

/** Activate the switcher and keep it up to date. */
export function followNodes() {
  window.addEventListener("sl-lesson-over", showLessonOver, { once: true });
  const select = document.getElementById("node");
  if (!(select instanceof HTMLSelectElement)) return followLesson();
  select.onchange = () => location.assign(select.value === ALL ? `${root()}${everywhere().href}` : here(select.value));
  /** Counter of sandbox changes. @type {number|null} */ let seen = null;
  /** Counter of restarts. @type {number|null} */ let counted = null;
  /** The names of the nodes and of the services that are looked for. @type {string|null} */ let known = null;
  const reached = document.getElementById("reached");
  /** @param {any[]} told */
  const take = (told) => {
    const { nodes: names, rests, left, awaited, held = {}, sandboxes, restarts } = /** @type {Told} */ (told.at(-1));
    const looked = document.querySelector("main.error [data-awaited]")?.getAttribute("data-awaited");
    if (looked && names.includes(looked)) return location.reload();
    show(select, names, rests, awaited ?? [], left[chosen() || (names[0] ?? "")]);
    const holds = held[chosen()] ?? false, { documentElement: top } = document;
    if (holds !== (top.dataset["held"] ?? false)) {
      attribute(top, "data-held", holds);
      window.dispatchEvent(new Event("sl-held"));
    }
    const now = JSON.stringify([names, awaited, held]);
    if (known !== null && known !== now) window.dispatchEvent(new Event("sl-nodes"));
    known = now;
    if (seen !== null && seen !== sandboxes) window.dispatchEvent(new Event("sl-sandboxes"));
    seen = sandboxes;
    if (counted !== null && counted !== restarts) window.dispatchEvent(new Event("sl-restarts"));
    counted = restarts;
  };
  wireAgain();
  take([JSON.parse(select.dataset["told"] ?? "null")]); // what has changed since the page was rendered is a change, too
  const feed = new Feed(liveUrl("platform", {}, ""), take, (status) => {
    if (reached) reached.hidden = status !== "lost";
  });
  feed.expect(0);
  addEventListener("DOMContentLoaded", () => feed.start(), { once: true }); // the module of the page listens to changes then
}

/** On a page without a switcher, wait for the end of the lesson. */
function followLesson() {
  if (!document.getElementById("gone")) return;
  const feed = new Feed(liveUrl("platform", {}, ""), () => {}, () => {});
  feed.expect(0);
  feed.start();
}

/** Say that the learner is signed out, and leave the page as it is: it may have an answer that was not checked. */
function showLessonOver() {
  const note = document.getElementById("gone");
  if (!note) return;
  renew(note, [make("span", {}, make("b", {}, "The lesson is over."), " You are signed out. Your code and your progress are kept; what you "
    + "do on this page now is not. For the next lesson, your teacher gives you a new link.")]);
  note.hidden = false;
  document.documentElement.dataset["over"] = "";
}

/**
 * @param {HTMLSelectElement} select
 * @param {string[]} names
 * @param {boolean} rests  the first node is temporarily unavailable
 * @param {string[]} awaited  services that are looked for
 * @param {string} [why]  reason if the shown node was left
 */
function show(select, names, rests, awaited, why) {
  const unused = "unused" in select.dataset; // Playground and Learn do not depend on a node
  const [first = "", ...others] = names;
  const gone = !unused && (chosen() === "" ? rests : !others.includes(chosen()));
  const was = gone && chosen() && !awaited.includes(chosen())
    ? [make("option", { value: chosen(), selected: true }, `${chosen()} (${nameAbsence(why)})`)] : [];
  select.replaceChildren(make("option", { value: "" }, rests ? `${first} (gone)` : first),
    ...others.map((name) => make("option", { value: name }, name)),
    ...awaited.map((name) => make("option", { value: name }, `${name} (waiting)`)),
    ...was);
  if (select.options.length > 1 && !onlyOwn()) select.append(make("option", { value: ALL }, everywhere().text));
  select.value = chosen();
  attribute(select, "title", chosen() || first);
  select.hidden = select.options.length < 2 || unused;
  const note = document.getElementById("gone");
  if (!note) return;
  const before = document.documentElement.hasAttribute("data-gone");
  attribute(document.documentElement, "data-gone", gone && ["detached", "left"].includes(nameAbsence(why)) ? nameAbsence(why) : gone);
  const there = rests ? others : names;
  const links = () => there.map((name) => make("a", { href: here(name === first ? "" : name) }, name));
  if (gone) void showNodeGone(note, chosen() || first, why, links());
  else {
    dropNodeGone();
    note.hidden = true;
    if (before) window.dispatchEvent(new Event("sl-node-back"));
  }
}
