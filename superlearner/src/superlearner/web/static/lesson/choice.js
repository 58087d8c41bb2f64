/**
 * The form of an exercise that is answered by choosing: a value for each key, or some of the values. What is chosen
 * becomes a file with `answer = …`.
 *
 * @module
 */

import { icon, make, spoken } from "../base/dom.js";
import { letDrag } from "./card-drag.js";
import { placeOf } from "./lesson-model.js";
import { sentence } from "./lesson-rows.js";

/** @import { Choice } from "./lesson-model.js" */

const NOTHING = "answer = None\n";
const TEXT = '"((?:[^"\\\\]|\\\\.)*)"';

/**
 * Return the file of a choice: texts of JSON are texts of Python.
 * @param {Choice} choice
 * @param {Map<string, string>} chosen  value by key; for a set, of itself
 */
export function sourceOf({ kind, keys, values }, chosen) {
  if (!chosen.size) return NOTHING;
  const text = (/** @type {string|undefined} */ one) => JSON.stringify(one ?? "");
  if (kind === "set") return `answer = {${values.filter((value) => chosen.has(value)).map(text).join(", ")}}\n`;
  return `answer = {\n${keys.filter((key) => chosen.has(key)).map((key) => `    ${text(key)}: ${text(chosen.get(key))},\n`).join("")}}\n`;
}

/** Return what a file chooses; what is not offered is left out. @param {Choice} choice @param {string} source */
export function chosenIn({ kind, keys, values }, source) {
  const read = (/** @type {string|undefined} */ text) => {
    try {
      return String(JSON.parse(`"${text ?? ""}"`));
    } catch {
      return "";
    }
  };
  /** @type {[string, string][]} */
  const found = kind === "set"
    ? [...source.matchAll(new RegExp(TEXT, "g"))].map(([, value]) => [read(value), read(value)])
    : [...source.matchAll(new RegExp(`${TEXT}\\s*:\\s*${TEXT}`, "g"))].map(([, key, value]) => [read(key), read(value)]);
  return new Map(found.filter(([key, value]) => values.includes(value) && (kind === "set" || keys.includes(key))));
}

/** Text that reads as code: a name with underscores, a call, an assignment. */
const CODE = /[_=()[\]{}]/;
/** As many values are shown beside a key; of more, one is chosen in a list, or dragged to it. */
const BESIDE = 3;

/** @param {HTMLElement} row */
function unmark(row) {
  delete row.dataset.ok;
  row.querySelector(".row-said")?.remove();
}

export class ChoiceForm {
  /** @type {Map<string, string>} */ #chosen = new Map();
  /** Show what is chosen. @type {(() => void)[]} */ #shows = [];
  /** @type {Map<Element, string>} */ #keys = new Map();
  /** @type {Map<string, HTMLElement>} */ #rows = new Map();

  /** @param {string} id @param {Choice} choice @param {() => void} changed */
  constructor(id, choice, changed) {
    this.choice = choice;
    this.changed = changed;
    const { kind, keys, values } = choice, few = values.length <= BESIDE;
    const cards = kind === "match" && !few && !choice.listing;
    const lines = kind === "set" ? values.map((value) => this.#box(value))
      : choice.listing ? keys.map((key, place) => this.#line(key, place + 1))
      : keys.map((key, place) => (few ? this.#radios : this.#list).call(this, key, `${placeOf(id)}-${place}`));
    this.element = make("fieldset", { class: "choice", "data-kind": choice.listing ? "listing" : kind, "data-few": few && !choice.listing },
      make("legend", {},
        kind === "set" ? "Choose all that fit"
          : choice.listing ? `A click on a line, or Space, marks it ${values.join("; once more: ")}`
          : cards ? "Choose one for each, or drag a card onto it"
          : "Choose one for each"),
      cards ? this.#cards() : null, ...lines);
  }

  get source() {
    return sourceOf(this.choice, this.#chosen);
  }

  set source(text) {
    this.#chosen = chosenIn(this.choice, text);
    this.#show();
  }

  /** Mark each row of the last answer. @param {Api.CourseMark[]} marks */
  mark(marks) {
    for (const row of this.#rows.values()) unmark(row);
    for (const { key, ok, say } of marks) {
      const row = this.#rows.get(key);
      if (!row) continue;
      row.dataset.ok = ok ? "yes" : "no";
      row.append(make("p", { class: "row-said" }, icon(ok ? "check" : "cross", "glyph"),
        make("span", {}, make("span", { class: "vh" }, ok ? "right" : "wrong: "), ...(ok ? [] : sentence(say ?? "")))));
    }
  }

  #show() {
    for (const show of this.#shows) show();
  }

  /** @param {string} one */
  #label(one) {
    return this.choice.labels[one] ?? one;
  }

  /** @param {string} one */
  #spoken(one) {
    const label = this.#label(one);
    return CODE.test(label) && !label.includes("`") ? [make("code", {}, label)] : spoken(label);
  }

  /** @param {string} key @param {string|null} value */
  #set(key, value) {
    const row = this.#rows.get(key);
    if (row) unmark(row);
    if (value === null) this.#chosen.delete(key);
    else this.#chosen.set(key, value);
    this.changed();
  }

  /** Keep an element as the row of a key, or of a value of a set. @template {HTMLElement} E @param {string} key @param {E} element */
  #row(key, element) {
    this.#rows.set(key, element);
    return element;
  }

  /** @param {string} value */
  #box(value) {
    const field = make("input", { type: "checkbox" });
    field.onchange = () => this.#set(value, field.checked ? value : null);
    this.#shows.push(() => (field.checked = this.#chosen.has(value)));
    return this.#row(value, make("div", { class: "choice-row" },
      make("label", { class: "check" }, field, make("span", {}, ...this.#spoken(value)))));
  }

  /** A line of a listing, whose value changes with each click. @param {string} key @param {number} number */
  #line(key, number) {
    const { values } = this.choice, label = this.#label(key), word = make("span", { class: "is" });
    const line = make("button", { type: "button", class: "code-line" },
      make("span", { class: "no", "aria-hidden": "true" }, `${number}`),
      make("span", { class: "vh" }, `Line ${number}: `),
      make("code", { "data-depth": Math.min(5, Math.floor(label.search(/\S/) / 4)) }, label.trim()),
      word);
    line.onclick = () => {
      this.#set(key, values[(values.indexOf(this.#chosen.get(key) ?? "") + 1) % values.length] ?? null);
      show();
    };
    const show = () => {
      const value = this.#chosen.get(key);
      line.dataset.is = value === undefined ? "none" : `${values.indexOf(value)}`;
      word.replaceChildren(make("span", { class: "vh" }, value === undefined ? ", not marked" : ", "), value ?? "–");
    };
    show();
    this.#shows.push(show);
    return this.#row(key, make("div", { class: "choice-row" }, line));
  }

  /** The values as cards; for the keyboard and for screen readers, there are the lists. */
  #cards() {
    const cards = this.choice.values.map((value) => {
      const card = make("span", { class: "card" }, ...this.#spoken(value));
      letDrag(card, (below) => [...this.#keys.keys()].find((line) => line.contains(below)), (line) => {
        this.#set(this.#keys.get(line) ?? "", value);
        this.#show();
      });
      return card;
    });
    return make("div", { class: "cards", "aria-hidden": "true" }, ...cards);
  }

  /** @param {string} key @param {string} id */
  #list(key, id) {
    const field = make("select", { id }, make("option", { value: "" }, "Choose"),
      ...this.choice.values.map((value) => make("option", { value }, this.#label(value).replaceAll("`", ""))));
    field.onchange = () => this.#set(key, field.value || null);
    this.#shows.push(() => (field.value = this.#chosen.get(key) ?? ""));
    const line = make("div", { class: "pairing" }, make("label", { for: id }, ...this.#spoken(key)), field);
    this.#keys.set(line, key);
    return this.#row(key, line);
  }

  /** @param {string} key @param {string} id */
  #radios(key, id) {
    const fields = this.choice.values.map((value) => {
      const field = make("input", { type: "radio", name: id, value });
      field.onchange = () => this.#set(key, value);
      this.#shows.push(() => (field.checked = this.#chosen.get(key) === value));
      return make("label", {}, field, ...this.#spoken(value));
    });
    return this.#row(key, make("div", { class: "pairing" }, make("span", { id }, ...this.#spoken(key)),
      make("div", { class: "segmented", role: "radiogroup", "aria-labelledby": id }, ...fields)));
  }
}
