/**
 * The main navigation: says at which edges it goes on, and keeps the page that is shown in sight. And the keys that lead
 * to pages: `g`, then a letter.
 *
 * @module
 */

import { attribute } from "../base/dom.js";

/** @type {Record<string, string>} */
const LETTERS = {
  start: "h", supervisors: "s", system: "y", processes: "p", traces: "t", sandboxes: "x", arsenal: "a", learn: "l", docs: "d",
  replay: "r", settings: "e",
};

/** Pages that can be gone to from here: their names as they are shown, their addresses, their letters. */
export function pages() {
  return [...document.querySelectorAll("header [data-page]")].flatMap((link) => (link instanceof HTMLAnchorElement ? [{
    id: link.dataset.page ?? "", label: link.dataset.label || link.textContent?.trim() || link.getAttribute("aria-label") || "",
    href: link.href, letter: LETTERS[link.dataset.page ?? ""] ?? "",
  }] : []));
}

export function followNavigation() {
  const nav = document.getElementById("nav");
  if (!nav) return;
  const look = () => {
    const { scrollLeft, scrollWidth, clientWidth } = nav;
    const more = [scrollLeft > 1 ? "left" : "", scrollLeft + clientWidth < scrollWidth - 1 ? "right" : ""];
    attribute(nav, "data-more", more.filter(Boolean).join(" ") || null);
  };
  const current = nav.querySelector("[aria-current]");
  if (current instanceof HTMLElement) nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
  nav.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(nav);
  look();
}
