/**
 * Text of a lesson: HTML that the server made of Markdown without HTML.
 *
 * @module
 */

import { painted } from "../components/code-editor.js";
import { make } from "../base/dom.js";

/** Return HTML of the server as nodes, with coloured Python and with tables and listings that scroll by themselves. @param {string} html */
export function written(html) {
  const part = make("div", { class: "prose" });
  part.append(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  for (const code of part.querySelectorAll("pre > code.language-python")) code.replaceChildren(...painted(code.textContent ?? ""));
  for (const pre of part.querySelectorAll("pre")) reachable(pre, "Listing");
  for (const head of part.querySelectorAll("th:empty")) head.replaceWith(make("td")); // an empty heading is none
  for (const table of part.querySelectorAll("table")) {
    const around = make("div", { class: "scroll" });
    table.replaceWith(around);
    table.classList.add("table");
    around.append(table);
    reachable(around, "Table");
  }
  for (const link of part.querySelectorAll("a[href^='http']")) link.setAttribute("rel", "noreferrer");
  return part;
}

/** Return Python as a coloured listing. @param {string} code @param {string} label */
export function listing(code, label) {
  const pre = make("pre", { class: "listing" }, make("code", {}, ...painted(code.replace(/\n+$/, ""))));
  reachable(pre, label);
  return pre;
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const wide = target.scrollWidth > target.clientWidth;
    target.toggleAttribute("tabindex", wide);
    if (wide) target.setAttribute("tabindex", "0");
    if (wide) target.setAttribute("role", "group");
    else target.removeAttribute("role");
    if (wide) target.setAttribute("aria-label", target.getAttribute("data-label") ?? "");
    else target.removeAttribute("aria-label");
  }
});

/** Let the keyboard scroll an element as long as it is too narrow for its content. @param {HTMLElement} element @param {string} label */
function reachable(element, label) {
  element.dataset.label = label;
  sizes.observe(element);
}
