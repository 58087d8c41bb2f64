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

/** Make links one Tab stop, in which the arrow keys move. @param {string} selector @param {HTMLElement|null} around */
function rove(selector, around) {
  const links = [...document.querySelectorAll(selector)].filter((one) => one instanceof HTMLAnchorElement);
  const stop = (/** @type {HTMLAnchorElement|undefined} */ link) => links.forEach((one) => (one.tabIndex = one === link ? 0 : -1));
  stop(links.find((one) => one.ariaCurrent !== null) ?? links[0]);
  around?.addEventListener("keydown", (event) => {
    const at = links.findIndex((one) => one === event.target);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 }[event.key];
    if (at < 0 || next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const link = links[(next + links.length) % links.length];
    stop(link);
    link?.focus();
  });
}

export function followNavigation() {
  const nav = document.getElementById("nav");
  if (!nav) return;
  rove(".top .brand, #nav a", nav.parentElement);
  rove("#views-nav a", document.getElementById("views-nav"));
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
