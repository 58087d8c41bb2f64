/**
 * Buttons that show the tools of a section on a phone; the section has `data-tools` then.
 *
 * @module
 */

import { attribute } from "../base/dom.js";

for (const button of document.querySelectorAll("button.tools-open")) {
  const section = document.getElementById(button.getAttribute("aria-controls") ?? "");
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    attribute(button, "aria-expanded", String(open));
    if (section) attribute(section, "data-tools", open);
  });
}
