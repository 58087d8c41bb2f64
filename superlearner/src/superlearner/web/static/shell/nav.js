/**
 * The main navigation: marks edges where it scrolls, and keeps the current page's link visible. Also the keys for
 * pages: `g`, then a letter.
 *
 * @module
 */

import { attribute } from "../base/dom.js";

/** Return the pages in the navigation: names, URLs, letters. */
export function pages() {
  return [...document.querySelectorAll("header [data-page]")].flatMap((link) => (link instanceof HTMLAnchorElement ? [{
    id: link.dataset.page ?? "", label: link.dataset.label || link.textContent?.trim() || link.getAttribute("aria-label") || "",
    href: link.href, letter: link.dataset.letter ?? "",
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
