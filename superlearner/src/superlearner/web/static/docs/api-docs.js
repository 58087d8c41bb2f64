/**
 * The API reference: filters the operations during typing. Without this script, Enter sends the query to the platform.
 *
 * @module
 */

import { byId, write } from "../base/dom.js";

const lines = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".api-list li")]);

/** @param {string} question */
function filter(question) {
  const words = question.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const line of lines) {
    const plain = line.dataset.plain ?? "";
    line.hidden = !words.every((word) => plain.includes(word));
    if (!line.hidden) shown += 1;
  }
  for (const section of document.querySelectorAll(".api-list")) {
    if (section instanceof HTMLElement) section.hidden = !section.querySelector("li:not([hidden])");
  }
  write(byId("api-count", HTMLParagraphElement),
    `${shown} operation${shown === 1 ? "" : "s"}${words.length ? ` for “${question.trim()}”` : ""}`);
}

const field = document.getElementById("api-q");
if (field instanceof HTMLInputElement && !new URLSearchParams(location.search).get("q")) {
  field.addEventListener("input", () => filter(field.value));
}
