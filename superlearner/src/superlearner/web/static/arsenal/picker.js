/**
 * `<sl-picker>`: a text field with suggestions: living processes, supervisors, traces, … Any text is accepted.
 *
 * @module
 */

import { platform, request } from "../base/api.js";
import { attribute, closest, make, write } from "../base/dom.js";
import { choicesOf, sourceOf } from "./pickers.js";

/** @import { Choice } from "./pickers.js" */

const PAUSE_MS = 120;
let pickers = 0;

export class SlPicker extends HTMLElement {
  #list = make("ul", { role: "listbox", id: `picks-${++pickers}`, hidden: true });
  #input = make("input", {
    type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": this.#list.id,
    autocomplete: "off", spellcheck: "false",
  });
  #said = make("p", { class: "vh", role: "status" });
  /** @type {Choice[]} */ #choices = [];
  #at = -1;
  #timer = 0;
  /** @type {AbortController|null} */ #asking = null;
  /** @type {(name: string) => string} */ #valueOf = () => "";
  #kind = "";
  /** True to add a choice as a line instead of replacing the value. */
  #adds = false;

  connectedCallback() {
    if (this.childElementCount) return;
    attribute(this.#list, "aria-label", `Choices of ${this.#kind}`);
    this.append(this.#input, this.#list, this.#said);
    this.#input.oninput = () => {
      this.#narrow();
      this.#soon();
    };
    this.#input.onclick = () => this.#list.hidden && this.#soon(0);
    this.#input.onkeydown = (event) => this.#key(event);
    this.#input.onblur = () => this.#close();
    this.#list.onpointerdown = (event) => event.preventDefault(); // keep the focus in the field
    this.#list.onclick = (event) => {
      const option = closest(event.target, "[role=option]");
      if (option) this.#take([...this.#list.children].indexOf(option));
    };
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  /**
   * @param {string} kind  of the choices
   * @param {(name: string) => string} valueOf  returns the value of another field
   * @param {{adds?: boolean}} [how]
   */
  offer(kind, valueOf, { adds = false } = {}) {
    this.#kind = kind;
    this.#valueOf = valueOf;
    this.#adds = adds;
    return this;
  }

  /** The text field itself, for its label and messages. */
  get field() {
    return this.#input;
  }

  get value() {
    return this.#input.value;
  }

  set value(text) {
    this.#input.value = text;
  }

  /** Hide suggestions that no longer match while new ones are loading. */
  #narrow() {
    const typed = this.#input.value.trim().toLowerCase();
    if (this.#list.hidden) return;
    const left = this.#choices.filter(({ value, text, note }) => `${value} ${text} ${note}`.toLowerCase().includes(typed));
    if (left.length) this.#show(left, "");
    else this.#close();
  }

  #soon(pause = PAUSE_MS) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), pause);
  }

  async #ask() {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const typed = this.#input.value.trim();
    const source = sourceOf(this.#kind, this.#valueOf, typed);
    if (!source || document.activeElement !== this.#input) return;
    if (source.needs) return this.#show([], `First say which ${source.needs} above.`);
    try {
      const data = await (source.platform ? platform : request)("GET", source.path, undefined, asking.signal);
      if (asking.signal.aborted || document.activeElement !== this.#input) return;
      const found = choicesOf(this.#kind, data, typed).slice(0, 50);
      this.#show(found,
        found.length ? ""
          : typed ? `No ${this.#kind} has "${typed.slice(0, 40)}" in its name. It can be typed all the same.`
          : `There is no ${this.#kind} now.`);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      this.#show([], error instanceof Error ? error.message : "The list cannot be had.");
    }
  }

  /** @param {Choice[]} choices @param {string} empty  the text if there are none */
  #show(choices, empty) {
    this.#choices = choices;
    this.#at = -1;
    attribute(this.#input, "aria-activedescendant", null);
    this.#list.replaceChildren(...choices.map(({ text, note }, place) =>
      make("li", { role: "option", id: `${this.#list.id}-${place}`, "aria-selected": "false" }, make("b", {}, text.slice(0, 120)),
        make("span", {}, note.slice(0, 160)))));
    if (!choices.length) this.#list.append(make("li", { class: "none", role: "option", "aria-disabled": "true" }, empty));
    this.#list.hidden = false;
    attribute(this.#input, "aria-expanded", "true");
    write(this.#said, choices.length ? `${choices.length} to choose from` : empty);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#list.hidden = true;
    attribute(this.#input, "aria-expanded", "false");
    attribute(this.#input, "aria-activedescendant", null);
    this.#at = -1;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const open = !this.#list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) return this.#soon(0);
      const count = this.#choices.length;
      if (count) this.#mark((this.#at + (event.key === "ArrowDown" ? 1 : this.#at < 0 ? 0 : -1) + count) % count);
    } else if (event.key === "Enter" && open && this.#at >= 0 && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#take(this.#at);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
    }
  }

  /** @param {number} place */
  #mark(place) {
    this.#at = place;
    [...this.#list.children].forEach((one, index) => attribute(one, "aria-selected", String(index === place)));
    const marked = this.#list.children[place];
    attribute(this.#input, "aria-activedescendant", marked?.id);
    marked?.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} place */
  #take(place) {
    const choice = this.#choices[place];
    if (!choice) return;
    this.#input.value = this.#adds ? "" : choice.value;
    this.#close();
    this.dispatchEvent(new CustomEvent("sl-pick", { bubbles: true, detail: choice }));
  }
}

customElements.define("sl-picker", SlPicker);
