/**
 * The choice of the node in the header, which follows the list of nodes as it changes, and what is said when the node
 * that the page shows is gone. The list comes over a socket that is silent until something changes.
 *
 * @module
 */

import { attribute, chosen, make } from "./dom.js";
import { Feed, liveUrl } from "./live.js";
import { dropGone, tellGone, wireAgain } from "./node-gone.js";

/** @typedef {{k: string, nodes: string[], left: Record<string, string>, sandboxes: number}} Told */

/** The address of this page for another node. @param {string} node  "" for the platform's own */
export function here(node) {
  const address = new URL(location.href);
  if (node) address.searchParams.set("node", node);
  else address.searchParams.delete("node");
  address.searchParams.delete("process"); // it lives on the node that is left
  return address.href;
}

/** Names of the nodes, the platform's own first. */
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
    const { nodes: names, left, sandboxes } = /** @type {Told} */ (told.at(-1));
    show(select, names, left[chosen()]);
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

/** @param {HTMLSelectElement} select @param {string[]} names @param {string} [why]  the node that is shown was left */
function show(select, names, why) {
  const [own = "", ...others] = names;
  const gone = chosen() !== "" && !others.includes(chosen());
  const was = gone ? [make("option", { value: chosen(), selected: true }, `${chosen()} (gone)`)] : [];
  select.replaceChildren(make("option", { value: "" }, own), ...others.map((name) => make("option", { value: name }, name)), ...was);
  select.value = chosen();
  attribute(select, "title", chosen() || own);
  select.hidden = select.options.length < 2;
  const note = document.getElementById("gone");
  if (!note) return;
  const before = document.documentElement.hasAttribute("data-gone");
  attribute(document.documentElement, "data-gone", gone);
  if (gone) void tellGone(note, chosen(), why, names.map((name) => make("a", { href: here(name === own ? "" : name) }, name)));
  else {
    dropGone();
    note.hidden = true;
    if (before) window.dispatchEvent(new Event("sl-node-back"));
  }
}
