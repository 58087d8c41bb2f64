/**
 * Shortcuts of the whole page, and the help that lists them and says what shapes and numbers mean.
 *
 * @module
 */

import { byId, make } from "./dom.js";
import { MEANINGS } from "./words.js";

/** @typedef {{keys: string[], text: string, run?: () => void}} Shortcut */

const NUMBERS = {
  Pid: MEANINGS.pid, "Restarts left": MEANINGS.budget, Mailbox: MEANINGS.mailbox, processes: MEANINGS.processes,
  "events/s": MEANINGS.events, "loop lag": MEANINGS.lag,
};

/** @param {EventTarget|null} target */
const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));

/** @type {Shortcut[]} */ const known = [];

/**
 * Adds shortcuts: a page its own, the shell those of every page.
 * @param {Shortcut[]} shortcuts  those without `run` are only listed
 */
export function shortcuts(shortcuts) {
  known.push(...shortcuts);
  byId("keys-list", HTMLElement).replaceChildren(...known.flatMap(({ keys, text }) => [
    make("dt", {}, ...keys.filter((key) => key !== "Delete").flatMap((key, index) => [index ? " " : null, make("kbd", {}, key)])),
    make("dd", {}, text),
  ]));
}

/** Opens the help. */
export function help() {
  const dialog = byId("keys", HTMLDialogElement);
  if (!dialog.open) dialog.showModal();
}

/** Makes the keys and the help work; the shell does so once on every page. */
export function listen() {
  const dialog = byId("keys", HTMLDialogElement);
  byId("meanings", HTMLElement).replaceChildren(...Object.entries(NUMBERS).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  byId("keys-open", HTMLButtonElement).onclick = help;
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const found = known.find(({ keys, run }) => run && keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found.run?.();
  });
}
