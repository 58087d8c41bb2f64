/**
 * Short notes at the lower edge: what was refused and what to try. They wait while the pointer or the focus is on them.
 *
 * @module
 */

import { icon, make } from "./dom.js";

const SHOWN_MS = 7000;
const LIMIT = 3;

/**
 * @param {string} text
 * @param {{hint?: string, level?: "info"|"bad"}} [how]
 */
export function toast(text, { hint = "", level = "info" } = {}) {
  const shelf = document.getElementById("toasts");
  if (!shelf) return;
  const close = make("button", { type: "button", class: "btn quiet square", "aria-label": "Dismiss" }, icon("close"));
  const note = make("div", { class: "toast", "data-level": level },
    icon(level === "bad" ? "crashed" : "running", "glyph"),
    make("p", {}, make("b", {}, text), hint ? ` ${hint}` : null), close);
  let timer = 0;
  const wait = () => (timer = setTimeout(() => note.remove(), SHOWN_MS));
  close.onclick = () => note.remove();
  note.onpointerenter = note.onfocus = () => clearTimeout(timer);
  note.onpointerleave = () => wait();
  wait();
  for (const old of [...shelf.children].slice(0, -(LIMIT - 1))) old.remove();
  shelf.append(note);
}

/**
 * Says what went wrong with a request.
 * @param {unknown} error
 * @param {string} what  "Kill ledger"
 */
export function complain(error, what) {
  const { message, hint } = /** @type {{message?: string, hint?: string}} */ (error ?? {});
  toast(`${what}: ${message ?? "failed"}`, { hint: hint ?? "", level: "bad" });
}
