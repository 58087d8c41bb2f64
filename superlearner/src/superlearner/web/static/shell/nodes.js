/**
 * The choice of the node in the header, which follows the list of nodes as it changes, and what is said when the node
 * that the page shows is gone. The list comes over a socket that is silent until something changes.
 *
 * @module
 */

import { attribute, chosen, make } from "../base/dom.js";
import { Feed, liveUrl } from "../live/live.js";
import { dropGone, tellGone, wireAgain } from "./node-gone.js";

/** @typedef {{k: string, nodes: string[], rests: boolean, left: Record<string, string>, sandboxes: number}} Told */

/** The address of this page for another node. @param {string} node  "" for the one that is meant where none is named */
export function here(node) {
  const address = new URL(location.href);
  if (node) address.searchParams.set("node", node);
  else address.searchParams.delete("node");
  for (const name of ["process", "pin"]) address.searchParams.delete(name); // they are of the node that is left
  return address.href;
}

/** Names of the nodes, the one first that is meant where none is named. */
export function nodes() {
  const select = document.getElementById("node");
  return select instanceof HTMLSelectElement ? [...select.options].map((one) => one.textContent ?? "") : [];
}

/** Makes the switcher work and keeps it true. */
export function followNodes() {
  const select = document.getElementById("node");
  if (!(select instanceof HTMLSelectElement)) return;
  select.onchange = () => location.assign(here(select.value));
  /** How often something became of a sandbox. @type {number|null} */ let seen = null;
  const reached = document.getElementById("reached");
  /** @param {any[]} told */
  const take = (told) => {
    const { nodes: names, rests, left, sandboxes } = /** @type {Told} */ (told.at(-1));
    show(select, names, rests, left[chosen() || (names[0] ?? "")]);
    if (seen !== null && seen !== sandboxes) window.dispatchEvent(new Event("sl-sandboxes"));
    seen = sandboxes;
  };
  wireAgain();
  const feed = new Feed(liveUrl("platform", {}, ""), take, (status) => {
    if (reached) reached.hidden = status !== "lost";
  });
  feed.expect(0);
  feed.start();
}

/**
 * @param {HTMLSelectElement} select
 * @param {string[]} names
 * @param {boolean} rests  the first one is not there just now
 * @param {string} [why]  the node that is shown was left
 */
function show(select, names, rests, why) {
  const [first = "", ...others] = names;
  const gone = chosen() === "" ? rests : !others.includes(chosen());
  const was = gone && chosen() ? [make("option", { value: chosen(), selected: true }, `${chosen()} (gone)`)] : [];
  select.replaceChildren(make("option", { value: "" }, rests ? `${first} (gone)` : first), ...others.map((name) => make("option", { value: name }, name)), ...was);
  select.value = chosen();
  attribute(select, "title", chosen() || first);
  select.hidden = select.options.length < 2;
  const note = document.getElementById("gone");
  if (!note) return;
  const before = document.documentElement.hasAttribute("data-gone");
  attribute(document.documentElement, "data-gone", gone);
  const there = rests ? others : names;
  if (gone) void tellGone(note, chosen() || first, why, there.map((name) => make("a", { href: here(name === first ? "" : name) }, name)));
  else {
    dropGone();
    note.hidden = true;
    if (before) window.dispatchEvent(new Event("sl-node-back"));
  }
}
