/**
 * Copy buttons with feedback.
 *
 * @module
 */

import { make, write } from "./dom.js";

const SAID_MS = 1500;

/**
 * @param {() => string|Promise<string>} text
 * @param {string} [words]
 * @param {string} [label]  for screen readers
 * @param {string} [look]
 */
export function copyButton(text, words = "Copy", label = words, look = "btn quiet") {
  const button = make("button", { type: "button", class: look, "aria-label": label === words ? null : label }, words);
  let timer = 0;
  button.onclick = async () => {
    const done = await Promise.resolve().then(text).then(copy, () => false);
    write(button, done ? "Copied" : "Not allowed");
    write(document.getElementById("announce") ?? button, done ? "Copied" : "The browser does not allow to copy");
    clearTimeout(timer);
    timer = setTimeout(() => write(button, words), SAID_MS);
  };
  return button;
}

/** Copy a text; without https there is no clipboard API, so falls back to a selection. @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const before = document.activeElement;
    const area = make("textarea", { class: "vh", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (before instanceof HTMLElement) before.focus(); // restore the focus that the selection took
    return done;
  }
}
