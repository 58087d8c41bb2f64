/**
 * Tree, map, or both: the switch, and the movable divider. The choice is stored and in the address, which comes first;
 * by default both are shown if there is room and a map shows more than the tree. The table is a page of its own.
 *
 * @module
 */

import { attribute, byId } from "../base/dom.js";

/** @import { Row } from "../live/model.js" */
/** @typedef {"list"|"both"|"map"} View */

const STORE = "superlearner.views";
/** Below this width there is room for only one of them. */
const ONE_PX = 740;
/** From this width on the default is both, with at least so many processes. */
const BOTH_PX = 900, BOTH_PROCESSES = 20;
const LEAST = 25, MOST = 75, USUAL = 66;
/** Names in the address. @type {Record<string, View>} */
const NAMED = { tree: "list", both: "both", map: "map" };

/** Return the view that the address names. */
const named = () => NAMED[new URLSearchParams(location.search).get("view") ?? ""] ?? null;

export class Views {
  /** @type {View|null} */ #chosen = null;
  #share = USUAL;
  #width = 0;
  /** Whether there are enough processes for both; null before they are counted. @type {boolean|null} */ #many = null;

  /**
   * @param {HTMLElement} element  contains list, divider and map
   * @param {HTMLElement} line  the divider, role=separator
   */
  constructor(element, line) {
    this.element = element;
    this.line = line;
    this.#recall();
    this.#chosen = named() ?? this.#chosen;
    window.addEventListener("popstate", () => {
      this.#chosen = named() ?? this.#chosen;
      this.#show();
    });
    for (const view of /** @type {View[]} */ (["list", "both", "map"]))
      byId(`view-${view}`, HTMLButtonElement).onclick = () => this.choose(view);
    line.onkeydown = (event) => this.#pressed(event);
    line.onpointerdown = (event) => this.#taken(event);
    line.ondblclick = () => this.#divide(USUAL);
    new ResizeObserver(() => this.#show()).observe(element);
    this.#show();
  }

  /** The current view. @returns {View} */
  get view() {
    const wanted = this.#chosen ?? (this.#many && this.#width >= BOTH_PX ? "both" : "list");
    return wanted === "both" && this.#width < ONE_PX ? "list" : wanted;
  }

  /** Count the processes but those of the platform, once: a page that is looked at does not change by itself.
   * @param {ReadonlyMap<string, Row>} rows */
  count(rows) {
    if (this.#many !== null || !rows.size) return;
    this.#many = [...rows.values()].filter(({ critical }) => !critical).length >= BOTH_PROCESSES;
    this.#show();
  }

  /** @param {View} view */
  choose(view) {
    this.#chosen = view;
    const url = new URL(location.href);
    url.searchParams.set("view", Object.keys(NAMED).find((name) => NAMED[name] === view) ?? "");
    history.replaceState(history.state, "", url);
    this.#remember();
    this.#show();
  }

  #show() {
    this.#width = this.element.clientWidth;
    const { view } = this;
    attribute(this.element, "data-view", view);
    for (const one of ["list", "both", "map"]) attribute(byId(`view-${one}`, HTMLElement), "aria-pressed", String(one === view));
    this.element.style.setProperty("--share", `${this.#share}%`);
    attribute(this.line, "aria-valuenow", Math.round(this.#share));
  }

  /** @param {number} share  share of the list, in percent */
  #divide(share) {
    this.#share = Math.max(LEAST, Math.min(MOST, share));
    this.#remember();
    this.#show();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const step = { ArrowLeft: -2, ArrowRight: 2, Home: LEAST - MOST, End: MOST - LEAST }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#divide(this.#share + step);
  }

  /** @param {PointerEvent} event */
  #taken(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.line.focus();
    this.line.setPointerCapture(event.pointerId);
    this.line.onpointermove = ({ clientX }) => {
      const { left, width } = this.element.getBoundingClientRect();
      this.#divide((100 * (clientX - left)) / width);
    };
    this.line.onpointerup = this.line.onpointercancel = () => (this.line.onpointermove = null);
  }

  #recall() {
    try {
      const { view, share } = JSON.parse(localStorage.getItem(STORE) ?? "{}");
      if (["list", "both", "map"].includes(view)) this.#chosen = view;
      if (Number.isFinite(share)) this.#share = Math.max(LEAST, Math.min(MOST, share));
    } catch {
      // invalid values count as no choice
    }
  }

  #remember() {
    try {
      localStorage.setItem(STORE, JSON.stringify({ view: this.#chosen, share: this.#share }));
    } catch {
      // storage may be forbidden; the choice then lasts as long as the page
    }
  }
}
