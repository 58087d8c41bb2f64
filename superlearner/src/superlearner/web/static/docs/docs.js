/**
 * Conveniences of the documentation in the browser; pages and search work without them, too.
 *
 * @module
 */

import { completeIn } from "../base/commands.js";
import { copyButton } from "../base/copying.js";
import { suggest } from "./docs-search.js";

/** Add a copy button to each code block. */
function copying() {
  for (const box of document.querySelectorAll(".code")) {
    const code = box.querySelector("code");
    if (!code) continue;
    box.append(copyButton(() => {
      const prompts = [...code.querySelectorAll(".gp")].map((one) => one.textContent ?? "");
      return prompts.reduce((rest, prompt) => rest.replace(prompt, ""), code.textContent ?? "").trimEnd();
    }, "Copy", "Copy", "copy"));
  }
}

/** Highlight the section being read in the table of contents. */
function following() {
  const links = new Map(
    [...document.querySelectorAll(".docs-toc a")].map((link) => [decodeURIComponent((link.getAttribute("href") ?? "").slice(1)), link]));
  const headings = [...document.querySelectorAll(".docs-main [id]")].filter((one) => links.has(one.id));
  if (!headings.length) return;
  const mark = () => {
    const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
    const passed = headings.filter((one) => one.getBoundingClientRect().top < 120);
    const now = atEnd ? headings.at(-1) : passed.at(-1);
    for (const [id, link] of links) {
      if (id === now?.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let asked = false;
  document.addEventListener("scroll", () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      mark();
    });
  }, { passive: true });
  mark();
}

/** Scroll the navigation to the open page. */
function showing() {
  const nav = document.getElementById("docs-nav");
  const open = nav?.querySelector("[aria-current=page]");
  if (nav && open instanceof HTMLElement) nav.scrollTop = open.offsetTop - nav.clientHeight / 2;
}

/** Replace the pictures of recorded restarts by players. */
function playing() {
  const pictures = [...document.querySelectorAll("img")].filter(({ src }) => /\/restarts\/\w+\.webp$/.test(src));
  if (pictures.length) void import("../moment/clip.js").then(({ playInstead }) => Promise.all(pictures.map(playInstead)));
}

completeIn(document);
copying();
following();
playing();
showing();
suggest();
