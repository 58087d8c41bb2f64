/**
 * `<sl-thresholds>`: the thresholds of anomalies, changed in place. Each change is an operation on a setting; errors
 * are shown beside the field. Event: `sl-limits` (values by name) after loading.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { attribute, make, onlyOwn, root, write } from "../base/dom.js";
import { sentence } from "../base/words.js";


/** @type {[string, string[]][]} */
const GROUPS = [
  ["Restarts", ["anomaly_restarts", "anomaly_give_up_within", "anomaly_window"]],
  ["Mailboxes", ["anomaly_mailbox", "anomaly_mailbox_growth", "anomaly_mailbox_wait"]],
  ["Event loop", ["anomaly_loop_held", "anomaly_callback"]],
  ["Memory", ["anomaly_memory_growth", "anomaly_memory_window"]],
  ["Processes", ["anomaly_process_growth", "anomaly_unsupervised_after", "anomaly_monitors", "anomaly_down_unread"]],
  ["How often the node is looked at", ["scan_interval"]],
];
/** @type {Record<string, string>} */
const UNITS = {
  anomaly_restarts: "restarts", anomaly_give_up_within: "seconds", anomaly_window: "seconds", anomaly_mailbox: "messages",
  anomaly_mailbox_growth: "messages a second", anomaly_mailbox_wait: "seconds", anomaly_loop_held: "seconds",
  anomaly_callback: "seconds", anomaly_memory_growth: "MB a minute", anomaly_memory_window: "seconds",
  anomaly_process_growth: "processes a second", anomaly_unsupervised_after: "seconds", anomaly_monitors: "monitors",
  anomaly_down_unread: "seconds", scan_interval: "seconds",
};

export class SlThresholds extends HTMLElement {
  #note = make("p", { class: "hint" },
    "A value beyond its threshold is an anomaly. A change takes effect with the next sample, for all users, until the platform stops; to "
      + "keep it, write it into superlearner.toml.");
  /** True if this session may change them. @type {boolean|null} */ #owner = null;
  #needs = make("p", { class: "note", hidden: true }, "Changing them takes the scope ", make("b", {}, "code"),
    ", which the owner's token has. ",
    make("a", { href: `${root()}/sign-in?next=${encodeURIComponent("/system?view=thresholds")}` }, "Sign in with it"),
    ".");
  #wrong = make("p", { class: "note", "data-level": "bad", role: "alert", hidden: true });
  #forms = make("div", { class: "thresholds" });

  connectedCallback() {
    if (!this.#forms.isConnected) this.append(this.#note, this.#needs, this.#wrong, this.#forms);
    if (!onlyOwn()) void this.load();
  }

  /** Load the current settings. */
  async load() {
    try {
      this.#owner ??= (await platform("GET", "/arsenal/whoami")).scopes.includes("code");
      this.#needs.hidden = this.#owner === true;
      const all = /** @type {Api.SettingResult[]} */ (await platform("GET", "/settings"));
      const known = new Map(all.map((one) => [one.name, one]));
      this.#wrong.hidden = true;
      if (!this.#forms.children.length) this.#build(known);
      for (const one of known.values()) this.#fill(one);
      this.dispatchEvent(
        new CustomEvent("sl-limits", {
          detail: Object.fromEntries(all.filter((one) => typeof one.value === "number").map((one) => [one.name, one.value])),
        }));
    } catch (error) {
      const { message, hint } = error instanceof ApiError ? error : { message: String(error), hint: "" };
      write(this.#wrong, `The thresholds could not be read: ${message} ${hint}`);
      this.#wrong.hidden = false;
    }
  }

  /** @param {Map<string, Api.SettingResult>} known */
  #build(known) {
    for (const [title, names] of GROUPS) {
      const found = names.map((name) => known.get(name)).filter((one) => one !== undefined);
      if (found.length) this.#forms.append(make("section", {}, make("h2", {}, title), ...found.map((one) => this.#form(one))));
    }
  }

  /** @param {Api.SettingResult} one */
  #form({ name, description, unit, bounds, type }) {
    const least = bounds.minimum ?? bounds.exclusiveMinimum;
    const input = make("input", {
      type: "number", id: `set-${name}`, name, step: type === "integer" ? 1 : "any", min: least ?? null, max: bounds.maximum ?? null,
      "aria-describedby": `about-${name} wrong-${name}`, required: true, inputmode: "decimal",
    });
    const form = make("form", { class: "field threshold", "data-setting": name, novalidate: true },
      make("label", { for: input.id }, `${description[0]?.toUpperCase()}${description.slice(1)}`),
      make("div", { class: "edit" }, input, make("span", { class: "unit" }, UNITS[name] ?? unit ?? ""),
        make("button", { class: "btn primary", hidden: true }, "Save"),
        make("button", { type: "button", class: "btn quiet", hidden: true }, "Reset")),
      make("p", { class: "hint", id: `about-${name}` }), make("p", { class: "wrong", id: `wrong-${name}`, role: "alert" }));
    const [save, reset] = form.querySelectorAll("button");
    input.oninput = () => {
      attribute(input, "aria-invalid", null);
      if (save) save.hidden = input.value === input.dataset.now;
    };
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#change(form, () =>
        platform("PUT", `/settings/${name}`, { value: input.value.trim() === "" ? null : Number(input.value) }));
    };
    if (reset) reset.onclick = () => void this.#change(form, () => platform("DELETE", `/settings/${name}`));
    return form;
  }

  /** @param {Api.SettingResult} one */
  #fill(one) {
    const form = this.querySelector(`[data-setting="${one.name}"]`);
    const input = form?.querySelector("input");
    if (!form || !input) return;
    const [save, reset] = form.querySelectorAll("button");
    input.readOnly = !this.#owner;
    const text = String(one.value);
    if (input.value === "" || input.value === input.dataset.now || document.activeElement !== input) input.value = text;
    input.dataset.now = text;
    if (save) save.hidden = input.value === text;
    const api = one.source === "api";
    if (reset) reset.hidden = !api || !this.#owner;
    const about = form.querySelector(".hint");
    if (about)
      write(about, `${one.name}${one.value === one.default
        ? ", the default"
        : `, default ${one.default}`}${one.source === "default" ? "" : `; set by ${one.where}`}`);
  }

  /**
   * @param {HTMLFormElement} form
   * @param {() => Promise<unknown>} change
   */
  async #change(form, change) {
    const wrong = form.querySelector(".wrong");
    const input = form.querySelector("input");
    attribute(form, "aria-busy", "true");
    try {
      await change();
      if (wrong) write(wrong, "");
      if (input) {
        attribute(input, "aria-invalid", null);
        input.value = "";
      }
      await this.load();
    } catch (error) {
      if (wrong) write(wrong, sentence(error instanceof ApiError ? error.problem : String(error)));
      if (input) attribute(input, "aria-invalid", "true");
    } finally {
      attribute(form, "aria-busy", null);
    }
  }
}

customElements.define("sl-thresholds", SlThresholds);
