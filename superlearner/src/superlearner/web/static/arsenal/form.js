/**
 * `<sl-form>`: the form of an operation, built from its JSON Schema.
 *
 *     const form = new SlForm();
 *     form.show(line, {pid: "counter_1"});
 *     form.addEventListener("sl-change", () => form.values);   // values that differ from their defaults
 *     form.addEventListener("sl-run", () => form.check() && …); // Enter or Ctrl+Enter
 *     form.refuse(error.details);                               // shows the server's messages beside the fields
 *
 * @module
 */

import { attribute, detail, make, write } from "../base/dom.js";
import { bounds, entryOf, fieldsOf, read, valuesOf } from "./form-fields.js";
import { refusals } from "./form-request.js";
import { SlPicker } from "./picker.js";

/** @import { Entry, Field, Line } from "./form-fields.js" */
/**
 * @typedef {{entry: () => Entry, fill: (entry: Entry) => void, focus: () => void, marked: Element, element:
 *   HTMLElement, wrong: HTMLElement}} Control
 */

let forms = 0;

export class SlForm extends HTMLElement {
  #id = `form-${++forms}`;
  /** @type {Field[]} */ #fields = [];
  /** @type {Map<string, Control>} */ #controls = new Map();

  constructor() {
    super();
    this.addEventListener("input", (event) => this.#changed(event.target));
    this.addEventListener("sl-pick", (event) => this.#changed(event.target));
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * @param {Line} line
   * @param {Readonly<Record<string, unknown>>} [values]  initial values; others have their defaults
   */
  show(line, values = {}) {
    this.#fields = fieldsOf(line);
    this.#controls.clear();
    const needed = this.#fields.filter((one) => one.required);
    const rest = this.#fields.filter((one) => !one.required);
    const filled = rest.some((one) => one.name in values);
    const more = needed.length && rest.length > 3
      ? make("details", { class: "more", open: filled },
        make("summary", {}, `${rest.length} more that may be left out`),
        make("div", { class: "fields" }, ...rest.map((one) => this.#make(one))))
      : null;
    this.replaceChildren(
      ...needed.map((one) => this.#make(one)),
      ...(more ? [more] : rest.map((one) => this.#make(one))),
      ...(this.#fields.length ? [] : [make("p", { class: "hint" }, "It takes no parameters.")]),
    );
    this.fill(values);
  }

  /** @param {Readonly<Record<string, unknown>>} values */
  fill(values) {
    for (const field of this.#fields) this.#controls.get(field.name)?.fill(entryOf(field, values[field.name]));
    for (const control of this.#controls.values()) this.#say(control, "");
  }

  /** The valid values that differ from their defaults. */
  get values() {
    return valuesOf(this.#fields, this.#entries()).values;
  }

  /** The errors by field, without marking them. */
  get problems() {
    return valuesOf(this.#fields, this.#entries()).wrong;
  }

  /** The names of fields with values that must not be stored. */
  get secrets() {
    return this.#fields.filter((one) => one.secret).map((one) => one.name);
  }

  /** Mark errors and focus the first; return whether there are none. */
  check() {
    return this.#mark(this.problems);
  }

  /**
   * Show the server's messages beside their fields.
   * @param {readonly import("./form-request.js").Detail[]} details
   * @returns {boolean}  whether one was about a field
   */
  refuse(details) {
    return !this.#mark(refusals(this.#controls.keys(), details));
  }

  focusFirst() {
    const empty = this.#fields.find((one) => one.required && one.name in this.problems) ?? this.#fields[0];
    if (empty) this.#controls.get(empty.name)?.focus();
  }

  /** @param {Record<string, string>} wrong */
  #mark(wrong) {
    let first = true;
    for (const [name, control] of this.#controls) {
      this.#say(control, wrong[name] ?? "");
      if (!wrong[name] || !first) continue;
      first = false;
      const details = control.element.closest("details");
      if (details) details.open = true;
      control.focus();
    }
    return first;
  }

  #entries() {
    return Object.fromEntries([...this.#controls].map(([name, control]) => [name, control.entry()]));
  }

  /** @param {Control} control @param {string} text */
  #say(control, text) {
    write(control.wrong, text);
    attribute(control.marked, "aria-invalid", text ? "true" : null);
  }

  /** @param {EventTarget|null} target */
  #changed(target) {
    for (const [name, control] of this.#controls) {
      const field = this.#fields.find((one) => one.name === name);
      if (field && control.wrong.textContent && target instanceof Node && control.element.contains(target)
        && !("wrong" in read(field, control.entry())))
        this.#say(control, "");
    }
    this.dispatchEvent(new CustomEvent("sl-change", { bubbles: true }));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Enter" || event.defaultPrevented || event.shiftKey || event.isComposing) return;
    const oneLine = event.target instanceof HTMLInputElement;
    if (!oneLine && !event.ctrlKey && !event.metaKey) return;
    if (!oneLine && !(event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLSelectElement)) return;
    event.preventDefault();
    event.stopPropagation();
    this.dispatchEvent(new CustomEvent("sl-run", { bubbles: true }));
  }

  /** @param {Field} field */
  #make(field) {
    const id = `${this.#id}-${field.name}`;
    const wrong = make("p", { class: "wrong", id: `${id}-wrong` });
    const words = make("p", { class: "hint", id: `${id}-hint` }, ...inWords(field));
    const described = {
      "aria-describedby": `${id}-hint ${id}-wrong`, "aria-required": field.required && field.kind !== "flag" ? "true" : null,
    };
    const needed = field.required ? make("span", { class: "needed" }, "required") : null;
    const made = field.kind === "flag" ? flag(field, id, described)
      : field.kind === "choice" && field.choices.length <= 4 && !field.nullable ? segmented(field, id, described)
        : field.kind === "several" ? several(field, id, described)
          : field.kind === "choice" ? select(field, id, described)
            : field.picker && field.kind === "text" ? this.#picker(field, id, described)
              : typed(field, id, described);
    const grouped = made.grouped;
    const title = field.kind === "flag"
      ? null
      : make(grouped ? "legend" : "label", grouped ? {} : { for: id }, field.label, ...unlike(field), needed ? " " : null, needed);
    const add = field.picker && field.kind === "list" ? this.#adder(field, id, made.fill, made.entry) : null;
    const element = make(grouped ? "fieldset" : "div", {
      class: "field", "data-field": field.name,
      ...(grouped ? { "aria-describedby": described["aria-describedby"] } : {}),
    },
      title, ...made.nodes, add, words, wrong);
    this.#controls.set(field.name, { entry: made.entry, fill: made.fill, focus: made.focus, marked: made.marked, element, wrong });
    return element;
  }

  /** @param {Field} field @param {string} id @param {Record<string, string|null>} described @returns {Made} */
  #picker(field, id, described) {
    const picker = new SlPicker().offer(field.picker, (name) => this.#textOf(name));
    const input = picker.field;
    for (const [name, value] of Object.entries({ id, placeholder: placeholderOf(field), ...described })) attribute(input, name, value);
    return {
      nodes: [picker], entry: () => input.value, fill: (entry) => (input.value = String(entry)), focus: () => input.focus(), marked: input,
      grouped: false,
    };
  }

  /** @param {Field} field @param {string} id @param {(entry: Entry) => void} fill @param {() => Entry} entry */
  #adder(field, id, fill, entry) {
    const picker = new SlPicker().offer(field.picker, (name) => this.#textOf(name), { adds: true });
    for (const [name, value] of Object.entries({
      id: `${id}-add`, placeholder: `Add a ${field.picker}`, "aria-label": `Add a ${field.picker}`,
    }))
      attribute(picker.field, name, value);
    picker.addEventListener("sl-pick", (event) => {
      const lines = String(entry()).split("\n").filter(Boolean);
      fill([...new Set([...lines, detail(event).value])].join("\n"));
    });
    return picker;
  }

  /** @param {string} name */
  #textOf(name) {
    const entry = this.#controls.get(name)?.entry();
    return typeof entry === "string" ? entry.trim() : "";
  }
}

/**
 * @typedef {{nodes: Node[], entry: () => Entry, fill: (entry: Entry) => void, focus: () => void, marked: Element,
 *   grouped: boolean}} Made
 */

/** Return the parameter's name if it differs from its label. @param {Field} field */
const unlike = ({ label, name }) => (label.toLowerCase().replaceAll(" ", "_") === name ? [] : [" ", make("code", {}, name)]);

/** @param {Field} field */
function placeholderOf(field) {
  if (field.fallback !== null && field.fallback !== "" && typeof field.fallback !== "object") return String(field.fallback);
  if (field.example === undefined || field.example === null) return "";
  return `for example ${typeof field.example === "string" ? field.example : JSON.stringify(field.example)}`;
}

/** Return the help of a field: meaning, bounds, and default. @param {Field} field */
function inWords(field) {
  const parts = field.words.split(/(`[^`]+`)/)
    .map((part) => (part.startsWith("`") && part.length > 2 ? make("code", {}, part.slice(1, -1)) : part));
  const limits = ["integer", "number", "mixed"].includes(field.kind) ? bounds(field).trim() : "";
  const form = field.kind === "any" ? 'JSON, or a bare word'
    : field.kind === "json" ? "JSON"
    : field.kind === "list" ? "one on each line"
    : "";
  const usual = field.fallback !== null && field.fallback !== "" && !["flag", "choice", "several", "json"].includes(field.kind)
    && !(Array.isArray(field.fallback) && !field.fallback.length)
    ? `${typeof field.fallback === "object" ? JSON.stringify(field.fallback) : field.fallback} if left empty` : "";
  const rest = [limits, form, usual].filter(Boolean).join(", ");
  return [...parts, rest ? `${field.words ? "; " : ""}${rest}` : ""];
}

/** @param {Field} field @param {string} id @param {Record<string, string|null>} described @returns {Made} */
function typed(field, id, described) {
  const long = ["json", "list"].includes(field.kind) || field.kind === "any"
    || (field.kind === "text" && field.longest === null && !field.pattern);
  const common = { id, placeholder: placeholderOf(field), autocomplete: "off", spellcheck: "false", ...described };
  const number = field.kind === "integer" || field.kind === "number";
  const input = long
    ? make("textarea", { ...common, rows: field.kind === "any" || field.kind === "text" ? 1 : 3 })
    : make("input", {
      ...common, type: field.secret ? "password" : "text",
      inputmode: number ? (field.kind === "integer" && (field.min ?? -1) >= 0 ? "numeric" : "decimal") : null,
      class: number || field.kind === "mixed" ? "num" : null, list: field.choices.length ? `${id}-list` : null });
  const words = field.choices.length
    ? make("datalist", { id: `${id}-list` }, ...field.choices.map((one) => make("option", { value: one })))
    : null;
  return {
    nodes: words ? [input, words] : [input], entry: () => input.value, fill: (entry) => (input.value = String(entry)),
    focus: () => input.focus(), marked: input, grouped: false,
  };
}

/** @param {Field} field @param {string} id @param {Record<string, string|null>} described @returns {Made} */
function flag(field, id, described) {
  const input = make("input", { type: "checkbox", id, ...described });
  const line = make("label", { class: "check" }, input, make("span", {}, field.label, ...unlike(field)));
  return {
    nodes: [line], entry: () => input.checked, fill: (entry) => (input.checked = entry === true), focus: () => input.focus(), marked: input,
    grouped: false,
  };
}

/** @param {Field} field @param {string} id @param {Record<string, string|null>} described @returns {Made} */
function select(field, id, described) {
  const none = field.required ? [] : [make("option", { value: "" }, field.fallback === null ? "not set" : "")];
  const known = () => [...input.options].some((one) => one.value === input.value);
  const input = make("select", { id, ...described }, ...(field.fallback === null ? none : []),
    ...field.choices.map((one) => make("option", { value: one }, one)));
  /** @param {Entry} entry */
  const fill = (entry) => {
    input.value = String(entry);
    if (!known() || input.selectedIndex < 0) input.selectedIndex = 0;
  };
  return { nodes: [input], entry: () => input.value, fill, focus: () => input.focus(), marked: input, grouped: false };
}

/** @param {Field} field @param {string} id @param {Record<string, string|null>} described @returns {Made} */
function segmented(field, id, described) {
  const inputs = field.choices.map((value, place) => make("input", { type: "radio", name: id, value, id: place ? `${id}-${place}` : id }));
  const group = make("div", {
    class: "segmented", role: "radiogroup", "aria-label": field.label, "aria-describedby": described["aria-describedby"] ?? null,
  },
    ...inputs.map((input) => make("label", {}, input, input.value)));
  return {
    nodes: [group], entry: () => inputs.find((one) => one.checked)?.value ?? "", grouped: true, marked: group,
    fill: (entry) => inputs.forEach((one) => (one.checked = one.value === entry)),
    focus: () => (inputs.find((one) => one.checked) ?? inputs[0])?.focus(),
  };
}

/** @param {Field} field @param {string} id @param {Record<string, string|null>} _described @returns {Made} */
function several(field, id, _described) {
  const inputs = field.choices.map((value, place) => make("input", { type: "checkbox", value, id: place ? `${id}-${place}` : id }));
  const group = make("div", { class: "choices" }, ...inputs.map((input) => make("label", { class: "check" }, input, input.value)));
  return {
    nodes: [group], entry: () => inputs.filter((one) => one.checked).map((one) => one.value), grouped: true, marked: group,
    fill: (entry) => inputs.forEach((one) => (one.checked = Array.isArray(entry) && entry.includes(one.value))),
    focus: () => inputs[0]?.focus(),
  };
}

customElements.define("sl-form", SlForm);
