/**
 * Shortcuts of the whole page, and the help that lists them and explains shapes and figures.
 *
 * @module
 */

import { byId, make, typing } from "../base/dom.js";
import { MEANINGS } from "../base/words.js";

/** @typedef {{keys: string[], text: string, run?: () => void}} Shortcut  "g s" is g and then s, "Ctrl K" is Ctrl or Cmd with k */

const NUMBERS = {
  Pid: MEANINGS.pid, "Restarts left": MEANINGS.budget, Mailbox: MEANINGS.mailbox, processes: MEANINGS.processes,
  events: MEANINGS.events, "loop lag": MEANINGS.lag,
};

/** Return whether letters jump to names in this element. @param {EventTarget|null} target */
const naming = (target) => target instanceof Element && target.closest("[role=tree]") !== null;

/** Maximum time between the two keys of a shortcut. */
const TOGETHER_MS = 1200;
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

/** @type {Shortcut[]} */ const known = [];
/** @type {{key: string, at: number}|null} */ let begun = null;

/** Return a shortcut as key caps. @param {string} keys */
function caps(keys) {
  const [first = "", second = ""] = keys.split(" ");
  if (first === "Ctrl") return [make("kbd", {}, MAC ? "⌘" : "Ctrl"), " ", make("kbd", {}, second)];
  return /^[a-z] [a-z]$/.test(keys) ? [make("kbd", {}, first), " then ", make("kbd", {}, second)] : [make("kbd", {}, keys)];
}

/** @param {KeyboardEvent} event @returns {Shortcut|undefined} */
function meant(event) {
  if (event.ctrlKey || event.metaKey)
    return event.altKey || event.shiftKey ? undefined : known.find(({ keys }) => keys.includes(`Ctrl ${event.key.toUpperCase()}`));
  if (event.altKey || typing(event.composedPath()[0] ?? null)) return undefined; // the composed path looks into shadow roots
  const first = begun && event.timeStamp - begun.at < TOGETHER_MS ? begun.key : "";
  begun = null;
  const both = first && known.find(({ keys }) => keys.includes(`${first} ${event.key}`));
  if (both) return both;
  if (!naming(event.target) && known.some(({ keys }) => keys.some((one) => one.length === 3 && one.startsWith(`${event.key} `))))
    begun = { key: event.key, at: event.timeStamp };
  return known.find(({ keys }) => keys.includes(event.key));
}

/**
 * Add shortcuts, of the shell or of a page.
 * @param {Shortcut[]} shortcuts  those without `run` are only listed
 */
export function shortcuts(shortcuts) {
  known.push(...shortcuts);
  byId("keys-list", HTMLElement).replaceChildren(...known.flatMap(({ keys, text }) => [
    make("dt", {}, ...keys.filter((key) => key !== "Delete").flatMap((key, index) => [index ? " " : null, ...caps(key)])),
    make("dd", {}, text),
  ]));
}

/** Open the help. */
export function help() {
  const dialog = byId("keys", HTMLDialogElement);
  if (!dialog.open) dialog.showModal();
}

/** Activate the keys and the help; called once on every page. */
export function listen() {
  const dialog = byId("keys", HTMLDialogElement);
  byId("meanings", HTMLElement).replaceChildren(
    ...Object.entries(NUMBERS).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  byId("keys-open", HTMLButtonElement).onclick = help;
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const found = meant(event);
    if (!found?.run) return;
    event.preventDefault();
    found.run();
  });
}
