/**
 * `<sl-filters>`: the filters as chips with counts. Changes are sent as `sl-filter` (the filter); `sl-all` requests
 * the selection of all matches.
 *
 * @module
 */

import { attribute, byId, icon, make, renew, write } from "../base/dom.js";
import { ALL, CHOICES, counts, filtered, onlyWrong, STATES_OF, WRONG } from "./filters.js";
import { EMPTY } from "../live/model.js";
import { number, STATES } from "../base/words.js";

/** @import { Wanted } from "./filters.js" */
/** @import { Model } from "../live/model.js" */

/** Default minimum for many messages. */
const FULL = 10;
/** More classes are only found by search. */
const MOST_CLASSES = 40;
/** Counting ten thousand rows takes too long for every frame. */
const MANY = 2000, MANY_MS = 500;

const TITLES = { state: "State", kind: "Kind", strategy: "Strategy", class: "Class" };

export class SlFilters extends HTMLElement {
  /** @type {Wanted} */ #wanted = ALL;
  /** @type {Model} */ #model = EMPTY;
  #now = 0;
  #last = 0;
  #full = FULL;
  #wrong = chip("Only what is wrong");
  #recent = chip("Restarted in the last minute");
  #mailbox = chip("Mailbox above");
  #limit = make("input", {
    type: "number", class: "limit", min: 0, max: 999999999, value: FULL, "aria-label": "Messages in the mailbox, more than",
  });
  #found = make("span", { class: "found", role: "status" });
  #all = make("button", { type: "button", class: "btn quiet" }, "Select all");
  #clear = make("button", { type: "button", class: "btn quiet" }, "Clear");
  /** The filters are behind it. */
  #opener = byId("filters-open", HTMLButtonElement);
  /** @type {Map<typeof CHOICES[number], {button: HTMLButtonElement, menu: HTMLElement}>} */ #menus = new Map();

  connectedCallback() {
    if (this.#wrong.isConnected) return;
    attribute(this, "role", "group");
    attribute(this, "aria-label", "Filters");
    for (const name of CHOICES) this.#menus.set(name, this.#menu(name));
    this.append(
      make("div", { class: "filter-chips" }, this.#wrong, ...[...this.#menus.values()].flatMap(({ button, menu }) => [button, menu]),
        this.#recent, make("span", { class: "pair" }, this.#mailbox, this.#limit)),
    make("div", { class: "outcome" }, this.#found, this.#all, this.#clear));
    this.#wrong.onclick = () => this.#want({ state: onlyWrong(this.#wanted) ? [] : WRONG });
    this.#recent.onclick = () => this.#want({ recent: !this.#wanted.recent });
    this.#mailbox.onclick = () => this.#want({ mailbox: this.#wanted.mailbox === null ? this.#full : null });
    this.#limit.oninput = () => {
      const right = this.#limit.validity.valid && this.#limit.value !== "";
      attribute(this.#limit, "aria-invalid", right ? null : "true");
      if (!right) {
        write(this.#found, `Expected a number of messages from 0 to ${number(Number(this.#limit.max))}; the filter `
          + `stays at ${number(this.#full)}.`);
        return;
      }
      this.#full = Number(this.#limit.value);
      this.#want({ mailbox: this.#full });
    };
    this.#all.onclick = () => this.dispatchEvent(new CustomEvent("sl-all"));
    this.#clear.onclick = () => this.#want({ ...ALL, q: "" });
    this.#opener.onclick = () => this.#open(!this.hasAttribute("data-open"));
    this.show(this.#wanted);
  }

  /** @param {boolean} open */
  #open(open) {
    this.toggleAttribute("data-open", open);
    attribute(this.#opener, "aria-expanded", String(open));
  }

  /** @param {typeof CHOICES[number]} name */
  #menu(name) {
    const menu = make("div", { id: `filter-${name}`, popover: "auto", class: "menu picks", role: "group", "aria-label": TITLES[name] });
    const button = make("button", {
      type: "button", class: "chip", popovertarget: menu.id, "aria-haspopup": "true", "aria-expanded": "false",
    },
      make("span", {}, TITLES[name]), icon("open"));
    menu.addEventListener("toggle", (event) => {
      const open = /** @type {ToggleEvent} */ (event).newState === "open";
      attribute(button, "aria-expanded", String(open));
      if (!open) return;
      this.#offer(name);
      const { left, bottom } = button.getBoundingClientRect();
      menu.style.left = `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`;
      menu.style.top = `${bottom + 4}px`;
      menu.querySelector("input")?.focus();
    });
    menu.addEventListener("change", () => {
      const chosen = [...menu.querySelectorAll("input:checked")].map((one) => /** @type {HTMLInputElement} */ (one).value);
      this.#want({ [name]: chosen });
    });
    return { button, menu };
  }

  /** Fill a menu with choices and their counts. @param {typeof CHOICES[number]} name */
  #offer(name) {
    const { menu } = /** @type {{menu: HTMLElement}} */ (this.#menus.get(name));
    const found = counts(this.#model, this.#now, this.#full)[name];
    const known = name === "state" ? Object.keys(STATES_OF) : name === "kind" ? ["supervisor", "worker"]
      : [...found.keys()].sort((a, b) => (found.get(b) ?? 0) - (found.get(a) ?? 0)).slice(0, MOST_CLASSES);
    const offered = [...new Set([...known, ...this.#wanted[name]])];
    renew(menu, offered.map((one) => make("label", { class: "check" },
      make("input", { type: "checkbox", value: one, checked: this.#wanted[name].includes(one) }),
      make("span", {}, name === "state" ? STATES[one] ?? one : one), make("b", {}, number(found.get(one) ?? 0)))));
    if (!offered.length) renew(menu, [make("p", { class: "hint" }, "There is none yet.")]);
  }

  /** @param {Partial<Wanted>} change */
  #want(change) {
    this.show({ ...this.#wanted, ...change });
    this.dispatchEvent(new CustomEvent("sl-filter", { detail: this.#wanted }));
  }

  get wanted() {
    return this.#wanted;
  }

  /** Show the filter; one that is set is never behind the button. @param {Wanted} wanted */
  show(wanted) {
    this.#wanted = wanted;
    if (filtered(wanted)) this.#open(true);
    attribute(this.#wrong, "aria-pressed", String(onlyWrong(wanted)));
    attribute(this.#recent, "aria-pressed", String(wanted.recent));
    attribute(this.#mailbox, "aria-pressed", String(wanted.mailbox !== null));
    if (wanted.mailbox !== null) {
      this.#full = wanted.mailbox;
      if (this.#limit.value !== String(wanted.mailbox)) this.#limit.value = String(wanted.mailbox);
    }
    for (const [name, { button }] of this.#menus) {
      const chosen = name === "state" && onlyWrong(wanted) ? [] : wanted[name];
      const words = chosen.map((one) => (name === "state" ? STATES[one] ?? one : one));
      attribute(button, "data-on", words.length > 0);
      const text = words.length
        ? `${TITLES[name]}: ${words.slice(0, 2).join(", ")}${words.length > 2 ? ` + ${words.length - 2}` : ""}`
        : TITLES[name];
      write(button.firstElementChild ?? button, text);
      attribute(button, "aria-label", words.length ? `${TITLES[name]}: ${words.join(", ")}` : TITLES[name]);
    }
    this.#showCounts();
  }

  /**
   * Update the counts.
   * @param {Model} model
   * @param {number} now  server time
   */
  count(model, now) {
    this.#model = model;
    this.#now = now;
    if (model.rows.size > MANY && performance.now() - this.#last < MANY_MS) return;
    this.#last = performance.now();
    this.#showCounts();
  }

  #showCounts() {
    const { wrong, recent, mailbox } = counts(this.#model, this.#now, this.#full);
    for (const [one, many] of /** @type {[HTMLElement, number][]} */ ([
      [this.#wrong, wrong], [this.#recent, recent], [this.#mailbox, mailbox],
    ])) {
      const count = one.querySelector("b");
      if (count) write(count, many ? number(many) : "");
      attribute(one, "data-some", many > 0);
    }
  }

  /**
   * Show the number of matches.
   * @param {number|null} found  null: no filter
   * @param {number} all
   */
  tell(found, all) {
    const some = filtered(this.#wanted);
    write(this.#found, found !== null && some ? `${number(found)} of ${number(all)}` : "");
    this.#all.hidden = !found;
    write(this.#all, found ? `Select all ${number(found)}` : "");
    this.#clear.hidden = !some;
    attribute(this.#opener, "data-on", some);
  }
}

/** @param {string} text */
function chip(text) {
  return make("button", { type: "button", class: "chip", "aria-pressed": "false" }, make("span", {}, text), make("b"));
}

customElements.define("sl-filters", SlFilters);
