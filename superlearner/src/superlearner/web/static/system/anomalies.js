/**
 * `<sl-anomalies>`: current and past problems: evidence, threshold, affected processes, remedies. Event: `sl-moment`
 * (seconds since 1970) to show the time at which one began. Nothing changes under the pointer or the keyboard focus.
 *
 * @module
 */

import { closest, icon, make, renew, spoken, write } from "../base/dom.js";
import { processLink } from "../base/process-link.js";
import { Held } from "../live/held.js";
import { kindOf } from "./system-charts.js";
import { byRank, secondsOf, signOf } from "./system-model.js";
import { counted, elapsed, time } from "../base/words.js";

/** @import { Anomaly } from "./system-model.js" */

const SHOWN_ENDED = 10;
/** Evidence that the sentence or another line already has. */
const TOLD = new Set(["newest", "samples", "circle", "pids", "what"]);

export class SlAnomalies extends HTMLElement {
  #title = make("h2");
  #note = make("p", { class: "hint held" });
  #none = make("p", { class: "hint" });
  #list = make("ul", { class: "anomalies" });
  #past = make("details", { class: "past", hidden: true }, make("summary"), make("ul", { class: "anomalies" }));
  /** @type {Map<number, {item: HTMLLIElement, text: string}>} */ #items = new Map();
  /** @type {{active: Anomaly[], ended: Anomaly[]}} */ #newest = { active: [], ended: [] };
  #held = new Held(this, this.#note, () => this.#draw());

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.append(this.#title, this.#note, this.#none, this.#list, this.#past);
    this.addEventListener("click", (event) => {
      const link = closest(event.target, "[data-since]");
      if (!(link instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return; // the user wants a new tab
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("sl-moment", { detail: Number(link.dataset.since), bubbles: true }));
    });
  }

  /**
   * @param {Anomaly[]} active
   * @param {Anomaly[]} ended  oldest first
   * @param {(string|Node)[]} [none]  the sentence without active ones
   */
  show(active, ended, none = []) {
    renew(this.#none, none.map((one) => (typeof one === "string" ? document.createTextNode(one) : one)));
    this.#newest = { active, ended };
    if (this.#held.allows(active.map(() => ({ count: 1 })))) this.#draw();
  }

  #draw() {
    const { active, ended } = this.#newest;
    const now = [...active].sort(byRank);
    const past = [...ended].reverse().slice(0, SHOWN_ENDED);
    write(this.#title, active.length ? counted(active.length, "anomaly", "anomalies") : "Anomalies");
    this.#none.hidden = active.length > 0;
    const kept = new Set([...now, ...past].map((one) => one.number));
    for (const number of this.#items.keys()) if (!kept.has(number)) this.#items.delete(number);
    arrange(this.#list, now.map((one) => this.#item(one)));
    this.#past.hidden = past.length === 0;
    const [summary, list] = this.#past.children;
    if (summary) write(summary, `${counted(past.length, "anomaly", "anomalies")} that ${past.length === 1 ? "is" : "are"} over`);
    if (list) arrange(list, past.map((one) => this.#item(one)));
  }

  /** Return the line of an anomaly, rebuilt only after changes. @param {Anomaly} one */
  #item(one) {
    const text = JSON.stringify([one.description, one.severity, one.active, one.count, one.evidence, one.hint]);
    const known = this.#items.get(one.number);
    if (known?.text === text) return known.item;
    const open = known?.item.querySelector("details")?.open ?? false;
    const item = known?.item ?? make("li", { "data-number": one.number });
    const had = document.activeElement instanceof HTMLElement && item.contains(document.activeElement)
      ? document.activeElement.dataset.act
      : null;
    item.dataset.severity = one.active ? one.severity : "over";
    item.replaceChildren(...parts(one, open));
    if (had) /** @type {HTMLElement|null} */ (item.querySelector(`[data-act="${had}"]`))?.focus();
    this.#items.set(one.number, { item, text });
    return item;
  }
}

/** @param {Element} list @param {Element[]} items */
function arrange(list, items) {
  items.forEach((item, place) => {
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
  while (list.children.length > items.length) list.lastElementChild?.remove();
}

/** @param {Anomaly} one @param {boolean} open */
function parts(one, open) {
  const since = secondsOf(one.since), hint = one.active ? one.hint : one.past_hint || one.hint;
  const span = one.active ? `since ${time(since)}` : `${time(since)}${one.lasted_s ? `, for ${elapsed(one.lasted_s)}` : ""}`;
  const figures = Object.entries(one.evidence).filter(([name, value]) => !TOLD.has(name) && value !== null && String(value) !== "");
  const newest = Array.isArray(one.evidence.newest) ? one.evidence.newest.slice(0, 3) : [];
  const more = make("details", {}, make("summary", { "data-act": "evidence" }, "Evidence"),
    make("dl", { class: "facts" }, ...figures.flatMap(([name, value]) => [make("dt", {}, words(name)), make("dd", {}, told(value))]),
      ...(one.setting === "scan_interval" ? [] : // found by each scan: it has no limit
        [make("dt", {}, "threshold"), make("dd", {}, `${one.threshold} ${one.unit}, setting ${one.setting}`.replace(" ,", ","))])),
    newest.length
      ? make("ul", { class: "newest" },
        ...newest.map((/** @type {any} */ entry) => make("li", {},
          make("time", {}, time(secondsOf(entry.timestamp))),
          ` ${[entry.child_id, entry.reason ?? entry.what].filter(Boolean).join(": ")}`)))
      : null);
  more.open = open;
  return [
    make("p", { class: "kind" },
      icon(one.active ? signOf(one.severity) : "stopped", "glyph"),
      make("b", {}, `${kindOf(one.type)}${one.count > 1 ? ` ${one.count.toLocaleString("en")}×` : ""}`),
      make("span", {}, one.active ? one.severity : "over"),
      make("time", { datetime: one.since }, span)),
    make("p", { class: "says" }, one.description),
    ...(hint ? [make("p", { class: "todo" }, make("b", {}, "Try: "), ...spoken(hint))] : []),
    make("p", { class: "links" },
      make("a", { class: "link", href: momentAddress(since), "data-since": since, "data-act": "moment" }, "Show this moment"),
      one.pid ? processLink(one.pid, `Open ${one.name ?? one.pid}`, { "data-act": "process" }) : null),
    more,
  ];
}

/** Return the URL of this page with all charts at a moment. @param {number} at */
function momentAddress(at) {
  const here = new URL(location.href);
  here.searchParams.set("at", new Date(at * 1000).toISOString());
  here.searchParams.delete("view");
  return `${here.pathname}${here.search}`;
}

/** @param {string} name */
const words = (name) =>
  name.replaceAll("_", " ").replace(/per s$/, "per second").replace(/ s$/, ", seconds").replace("message queue len", "waiting messages");

/** @param {any} value @returns {string} */
function told(value) {
  if (Array.isArray(value)) return value.map(told).join(", ");
  if (value && typeof value === "object") return Object.entries(value).map(([name, one]) => `${name} ${told(one)}`).join(", ");
  return typeof value === "number" ? String(Number(value.toPrecision(5))) : String(value);
}

customElements.define("sl-anomalies", SlAnomalies);
