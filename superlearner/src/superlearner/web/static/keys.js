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

/**
 * @param {Shortcut[]} shortcuts  those without `run` are only listed
 */
export function shortcuts(shortcuts) {
  const dialog = byId("keys", HTMLDialogElement);
  const open = () => dialog.open || dialog.showModal();
  byId("keys-list", HTMLElement).replaceChildren(...shortcuts.flatMap(({ keys, text }) => [
    make("dt", {}, ...keys.filter((key) => key !== "Delete").flatMap((key, index) => [index ? " " : null, make("kbd", {}, key)])),
    make("dd", {}, text),
  ]));
  byId("meanings", HTMLElement).replaceChildren(...Object.entries(NUMBERS).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]));
  byId("keys-open", HTMLButtonElement).onclick = open;
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "?") {
      event.preventDefault();
      open();
      return;
    }
    const found = shortcuts.find(({ keys, run }) => run && keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found.run?.();
  });
}
