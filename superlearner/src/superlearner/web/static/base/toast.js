/**
 * Short notes at the lower edge: errors and remedies. They stay while the pointer or the focus is on them.
 *
 * @module
 */

import { icon, make } from "./dom.js";

const SHOWN_MS = 7000;
/** Errors stay longer. */
const BAD_MS = 14000;
const LIMIT = 3;

/**
 * @param {string} text
 * @param {{hint?: string, level?: "info"|"bad", about?: string}} [how]  `about`: the key for `settle`
 */
export function toast(text, { hint = "", level = "info", about = "" } = {}) {
  const shelf = document.getElementById("toasts");
  if (!shelf) return;
  const close = make("button", { type: "button", class: "btn quiet square", "aria-label": "Dismiss" }, icon("close"));
  const [said, ...place] = text.split(/\n {0,2}/);
  const note = make("div", { class: "toast", "data-level": level, "data-about": about || null },
    icon(level === "bad" ? "crashed" : "running", "glyph"),
    make("p", {}, make("b", {}, said), hint ? ` ${hint}` : null, place.length ? make("code", {}, place.join("\n")) : null), close);
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => note.remove(), level === "bad" ? BAD_MS : SHOWN_MS);
  };
  close.onclick = () => {
    const next = note.nextElementSibling ?? note.previousElementSibling;
    if (note.contains(document.activeElement)) next?.querySelector("button")?.focus();
    note.remove();
  };
  for (const type of ["pointerenter", "focusin"]) note.addEventListener(type, () => clearTimeout(timer));
  for (const type of ["pointerleave", "focusout"]) note.addEventListener(type, wait);
  wait();
  for (const old of [...shelf.children].slice(0, -(LIMIT - 1))) old.remove();
  shelf.append(note);
}

/**
 * Show the error of a request.
 * @param {unknown} error
 * @param {string} what  "Kill ledger"
 */
export function complain(error, what) {
  const { message, hint, code } = /** @type {{message?: string, hint?: string, code?: string}} */ (error ?? {});
  toast(`${what}: ${message ?? "failed"}`, { hint: hint ?? "", level: "bad", about: code ?? "" });
}

/** Remove notes that no longer apply. @param {string} about */
export function settle(about) {
  for (const note of document.querySelectorAll(`.toast[data-about="${about}"]`)) note.remove();
}
