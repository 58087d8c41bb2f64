/**
 * Search suggestions below the field during typing; Enter without a choice opens all results.
 *
 * @module
 */

import { byId, make, typing } from "../base/dom.js";


const PAUSE_MS = 90;
const root = document.documentElement.dataset.root ?? "";

/** @param {Api.DocsHit} hit */
function excerpt({ excerpt, marks }) {
  const paragraph = make("p", {});
  let end = 0;
  for (const [left = 0, right = 0] of marks) {
    paragraph.append(excerpt.slice(end, left), make("mark", {}, excerpt.slice(left, right)));
    end = right;
  }
  paragraph.append(excerpt.slice(end));
  return paragraph;
}

/** Wire the search field, if the page has one. */
export function suggest() {
  if (!document.getElementById("docs-q")) return;
  const field = byId("docs-q", HTMLInputElement);
  const list = byId("docs-hits", HTMLUListElement);
  let chosen = -1;
  let timer = 0;
  /** @type {AbortController|undefined} */
  let under;

  field.setAttribute("role", "combobox");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-autocomplete", "list");
  const options = () => [...list.children].filter((one) => one instanceof HTMLElement);

  const close = () => {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  /** @param {number} place */
  const choose = (place) => {
    const all = options();
    if (!all.length) return;
    chosen = (place + all.length + 1) % (all.length + 1);
    if (chosen === all.length) chosen = -1;
    all.forEach((one, index) => one.setAttribute("aria-selected", String(index === chosen)));
    const one = all[chosen];
    if (one) {
      field.setAttribute("aria-activedescendant", one.id);
      one.scrollIntoView({ block: "nearest" });
    } else field.removeAttribute("aria-activedescendant");
  };
  /** @param {Api.DocsHit[]} hits */
  const show = (hits) => {
    list.replaceChildren(...hits.map((hit, index) => {
      const line = make("li", { id: `docs-hit-${index}`, role: "option", "aria-selected": "false", "data-path": hit.path },
        make("div", {}, hit.heading ? `${hit.title} › ` : "", make("b", {}, hit.heading || hit.title)), excerpt(hit));
      line.addEventListener("mousedown", (event) => {
        event.preventDefault();
        location.href = hit.path;
      });
      return line;
    }));
    chosen = -1;
    field.removeAttribute("aria-activedescendant");
    list.hidden = !hits.length;
    field.setAttribute("aria-expanded", String(Boolean(hits.length)));
  };
  const look = async () => {
    under?.abort();
    const question = field.value.trim();
    if (!question) return close();
    under = new AbortController();
    try {
      const answer = await fetch(`${root}/api/v1/docs/search?limit=8&q=${encodeURIComponent(question)}`, { signal: under.signal });
      if (answer.ok && document.activeElement === field) show((await answer.json()).data);
    } catch {
      // the page of results works without this
    }
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(look, PAUSE_MS);
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? options().length - 1 : chosen - 1);
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.href = options()[chosen]?.dataset.path ?? location.href;
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === "Escape") field.blur();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
  close();
  if (field.value !== field.defaultValue) look(); // the user typed before this script ran
}
