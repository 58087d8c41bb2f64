/**
 * Parts of a page that are loaded when they are first shown, to keep the first load small.
 *
 * @module
 */

import { ApiError } from "./api.js";
import { make, staticFile } from "./dom.js";

/** @import { Seen, TabElement } from "../process/process-tabs.js" */

/** @type {Map<string, Promise<void>>} */
const styles = new Map();

/** Load a style sheet once; await it before showing content. @param {string} name @returns {Promise<void>} */
export function style(name) {
  let found = styles.get(name);
  if (!found) styles.set(name, found = new Promise((done) => {
    const link = make("link", { rel: "stylesheet", href: staticFile(name) });
    link.onload = link.onerror = () => done();
    document.head.append(link);
  }));
  return found;
}

/**
 * Return modules that are loaded on demand. Throws an `ApiError` without them.
 * @template T
 * @param {Promise<T>} modules
 * @returns {Promise<T>}
 */
export const loadPart = (modules) => modules.catch(() => {
  throw new ApiError("unreachable", "The server does not answer.", "Try again when the server is back.", 0);
});

/** How far below and above the view something begins to load. */
const AHEAD = "800px";

/** Call once when an element comes near the view. @param {Element} element @param {() => void} then */
export function whenNear(element, then) {
  const near = new IntersectionObserver((entries) => {
    if (!entries.at(-1)?.isIntersecting) return;
    near.disconnect();
    then();
  }, { rootMargin: AHEAD, scrollMargin: AHEAD });
  near.observe(element);
}

/** The element of a tab that is loaded when the tab is first opened. */
export class SlLate extends HTMLElement {
  /** @type {TabElement|null} */ #made = null;
  /** @type {Seen|null} */ #seen = null;
  #loading = false;

  /** @param {() => Promise<TabElement>} load */
  constructor(load) {
    super();
    this.load = load;
  }

  /** @param {Seen} seen */
  look(seen) {
    this.#seen = seen;
    if (this.#made) this.#made.look?.(seen);
    else if (!this.#loading) void this.#begin();
  }

  leave() {
    this.#seen = null;
    this.#made?.leave?.();
  }

  async #begin() {
    this.#loading = true;
    this.replaceChildren(make("p", { class: "read" }, "Loading…"));
    try {
      const made = this.#made = await this.load();
      this.replaceChildren(made);
      if (this.#seen) made.look?.(this.#seen);
    } catch {
      const again = make("button", { type: "button", class: "link" }, "Try again");
      again.onclick = () => void this.#begin();
      this.replaceChildren(make("p", { class: "read" }, "This part of the page could not be loaded: the server did not answer. ", again));
    } finally {
      this.#loading = false;
    }
  }
}

customElements.define("sl-late", SlLate);
