/**
 * The choice of the node in the header, which follows the list of nodes as it changes, and what is said when the node
 * that the page shows is gone. The list comes over a socket that is silent until something changes.
 *
 * @module
 */

import { chosen, make } from "./dom.js";
import { Feed, liveUrl } from "./live.js";

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
  select.hidden = select.options.length < 2;
  const note = document.getElementById("gone");
  if (!note) return;
  if (note.hidden && gone) {
    const links = names.map((name) => make("a", { href: here(name === own ? "" : name) }, name));
    note.replaceChildren(make("span", {}, "The node ", make("b", {}, chosen()), ` is gone: ${why ?? "it has ended, or the platform does not look into it any more"}. What you see is how it was. Go to`), ...links);
  }
  if (!note.hidden && !gone) window.dispatchEvent(new Event("sl-node-back"));
  note.hidden = !gone;
}
