/**
 * `<sl-trace-form>`: the form that starts a trace. It sends the parameters of `trace.start` and `trace.start_group`,
 * and shows the server's errors beside the fields. Event: `sl-traced` (detail: the trace).
 *
 * @module
 */

import { ApiError, info, request } from "../base/api.js";
import { attribute, closest, make, renew, write } from "../base/dom.js";
import { complain } from "../base/toast.js";


/** @typedef {Pick<Api.ProcessLine, "pid"|"name"|"type"|"what">} Process */

let fields = 0;

/** @param {HTMLInputElement} input */
const named = (input) => input.name;

export class SlTraceForm extends HTMLElement {
  /** @type {Map<string, Process>} */ #chosen = new Map();
  /** @type {Api.ProcessLine[]} */ #found = [];
  /** @type {AbortController|null} */ #asking = null;
  #find = make("input", {
    type: "search", id: "trace-who", placeholder: "Name, class or pid", autocomplete: "off", spellcheck: "false",
    "aria-describedby": "trace-who-wrong",
  });
  #list = make("ul", { class: "found", "aria-label": "Processes found" });
  #picked = make("ul", { class: "picked", "aria-label": "Traced" });
  #tree = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", name: "tree" }));
  #wrong = make("p", { class: "wrong", id: "trace-who-wrong", role: "alert" });
  #go = make("button", { class: "btn primary", "data-change": true }, "Start the trace");
  #more = make("details", { class: "more" });
  /** Settled once the first processes are listed. @type {Promise<void>} */ listed = Promise.resolve();
  /** @type {Map<string, {input: HTMLInputElement, wrong: HTMLElement}>} */ #fields = new Map();

  connectedCallback() {
    if (this.#find.isConnected) return;
    const form = make("form", { novalidate: true },
      make("div", { class: "field" },
        make("label", { for: "trace-who" }, "Which process"),
        this.#find, this.#wrong, this.#picked, this.#list),
      make("label", { class: "check" }, this.#tree, make("span", {}, "Include the processes below it, if it is a supervisor")),
      this.#more,
      make("div", { class: "acts" }, this.#go));
    this.#more.append(make("summary", {}, "Patterns, limits, duration"),
      this.#field("pattern_matching", "Only messages with", "text", "",
        "A part of the message as it is shown. Answers come with their calls."),
      this.#field("message_limit", "Messages kept", "number", "1000", "1 to 10,000. The newest are kept."),
      this.#field("rate", "Messages a second", "number", "1000", "1 to 10,000. What is over it is counted."),
      this.#field("duration_s", "Seconds", "number", "", "It ends by itself then. Empty: until you stop it."),
      this.#check("include_system_messages", "System messages, exit signals and the ends of others, too", false),
      this.#check("auto_cleanup", "End with the process; else go on with the one that is started in its place", true));
    this.append(form);
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#start();
    };
    this.#find.oninput = () => {
      write(this.#wrong, "");
      void this.#search();
    };
    this.#find.onkeydown = (event) => {
      if (event.key === "ArrowDown") /** @type {HTMLElement|null} */ (this.#list.querySelector("button"))?.focus();
      else if (event.key === "Enter" && this.#find.value && this.#found[0])
        this.#pick(this.#found.find(({ pid, name }) => [pid, name].includes(this.#find.value.trim())) ?? this.#found[0]);
      else return;
      event.preventDefault();
    };
    this.#list.onkeydown = (event) => this.#walk(event);
    this.listed = this.#search();
  }

  /** Fill in processes, by name or pid. @param {string} words */
  async preset(words) {
    try {
      if (!(await this.#exactly(words))) write(this.#wrong, `No living process is called ${words}. Choose another one.`);
    } catch (error) {
      this.#refused(error);
    }
  }

  /** Choose the process with exactly this name or pid; false if there is none. @param {string} words */
  async #exactly(words) {
    try {
      const one = await info(words);
      this.#pick({ pid: one["pid"], name: one["registered_name"], type: one["type"], what: one["what"] });
      return true;
    } catch (error) {
      if (error instanceof ApiError && ["malformed_pid", "process_not_found", "validation_error"].includes(error.code)) return false;
      throw error;
    }
  }

  /** @param {string} name @param {string} label @param {string} type @param {string} value @param {string} hint */
  #field(name, label, type, value, hint) {
    const id = `trace-${name}-${++fields}`;
    const input = /** @type {HTMLInputElement} */ (make("input", {
      type, id, name, value, inputmode: type === "number" ? "numeric" : null, autocomplete: "off",
      "aria-describedby": `${id}-hint ${id}-wrong`,
    }));
    const wrong = make("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
    input.oninput = () => {
      write(wrong, "");
      attribute(input, "aria-invalid", null);
    };
    this.#fields.set(name, { input, wrong });
    return make("div", { class: "field" }, make("label", { for: id }, label), input,
      make("p", { class: "hint", id: `${id}-hint` }, hint),
      wrong);
  }

  /** @param {string} name @param {string} label @param {boolean} checked */
  #check(name, label, checked) {
    const input = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", name, checked }));
    this.#fields.set(name, { input, wrong: this.#wrong });
    return make("label", { class: "check" }, input, make("span", {}, label));
  }

  /** @param {string} words @returns {Promise<Api.ProcessLine[]>} */
  async #ask(words) {
    this.#asking?.abort();
    this.#asking = new AbortController();
    try {
      return await request("GET",
        `/processes?per_page=8&search=${encodeURIComponent(words.slice(0, 200))}`,
        undefined, this.#asking.signal);
    } catch (error) {
      if (!(error instanceof DOMException)) complain(error, "Find a process");
      return [];
    }
  }

  async #search() {
    const words = this.#find.value.trim();
    this.#found = await this.#ask(words);
    if (words !== this.#find.value.trim()) return;
    const lines = this.#found.filter((one) => !this.#chosen.has(one.pid)).map((one) => make("li", {},
      make("button", { type: "button", "data-pid": one.pid },
        make("span", { class: "who" }, one.name ?? one.what),
        make("span", { class: "what" }, `${one.name ? one.what : ""} ${one.pid}`))));
    renew(this.#list, lines.length || !words ? lines : [make("li", { class: "hint" }, "No living process matches.")]);
    this.#list.onclick = (event) => {
      const pid = closest(event.target, "button")?.dataset["pid"];
      const one = this.#found.find((process) => process.pid === pid);
      if (one) this.#pick(one);
    };
  }

  /** @param {KeyboardEvent} event */
  #walk(event) {
    const item = closest(event.target, "li");
    const next = event.key === "ArrowDown" ? item?.nextElementSibling
      : event.key === "ArrowUp" ? item?.previousElementSibling ?? null
      : undefined;
    if (next === undefined) return;
    event.preventDefault();
    if (next === null) this.#find.focus();
    else /** @type {HTMLElement|null} */ (next.querySelector("button"))?.focus();
  }

  /** @param {Process} one */
  #pick(one) {
    this.#chosen.set(one.pid, one);
    this.#find.value = "";
    if (one.type === "supervisor") this.#tree.checked = true;
    this.#show();
    this.#find.focus();
    void this.#search();
  }

  #show() {
    write(this.#wrong, "");
    renew(this.#picked, [...this.#chosen.values()].map((one) => {
      const name = one.name ?? `${one.what} ${one.pid}`;
      return make("li", {}, make("span", { class: "badge" }, name),
        make("button", { type: "button", class: "btn quiet", "data-pid": one.pid, "aria-label": `Do not trace ${name}` }, "Remove"));
    }));
    this.#picked.onclick = (event) => {
      const pid = closest(event.target, "button")?.dataset["pid"];
      if (pid && this.#chosen.delete(pid)) this.#show();
      void this.#search();
    };
    const trees = [...this.#chosen.values()].some((one) => one.type === "supervisor");
    this.#tree.disabled = !trees || this.#chosen.size > 1;
  }

  async #start() {
    for (const { input, wrong } of this.#fields.values()) {
      write(wrong, "");
      attribute(input, "aria-invalid", null);
    }
    const typed = this.#find.value.trim();
    this.#go.disabled = true;
    try {
      if (typed && !(await this.#exactly(typed))) {
        write(this.#wrong, `No living process is called ${typed.slice(0, 100)}. Choose one from the list, or type its whole name or pid.`);
        this.#find.focus();
        return;
      }
    } catch (error) {
      this.#refused(error);
      return;
    } finally {
      this.#go.disabled = false;
    }
    const pids = [...this.#chosen.keys()];
    if (!pids.length) {
      write(this.#wrong, "Choose at least one process.");
      this.#find.focus();
      return;
    }
    /** @type {Record<string, unknown>} */ const body = {};
    for (const [name, { input }] of this.#fields) {
      if (input.type === "checkbox") body[named(input)] = input.checked;
      else if (input.value.trim() === "") continue;
      else if (input.type === "number")
        body[name === "duration_s" ? "duration_ms" : name] = name === "duration_s"
          ? Math.round(Number(input.value) * 1000)
          : Number(input.value);
      else body[name] = input.value;
    }
    const tree = this.#tree.checked && !this.#tree.disabled && pids.length === 1;
    this.#go.disabled = true;
    try {
      const [pid] = pids;
      const made = tree || pids.length > 1
        ? await request("POST", "/traces", { ...body, ...(tree ? { supervisor: pid } : { pids }) })
        : await request("POST", `/processes/${encodeURIComponent(pid ?? "")}/trace`, body);
      this.#chosen.clear();
      this.#show();
      this.dispatchEvent(new CustomEvent("sl-traced", { detail: made, bubbles: true }));
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#go.disabled = false;
    }
  }

  /** Show the server's error beside its field. @param {unknown} error */
  #refused(error) {
    const words = error instanceof ApiError ? error.words : "That did not work.";
    const name = /^(\w+): /.exec(error instanceof ApiError ? error.message : "")?.[1] ?? "";
    const field = this.#fields.get(name === "duration_ms" ? "duration_s" : name);
    if (!field) {
      write(this.#wrong, words);
      this.#find.focus();
      return;
    }
    this.#more.open = true;
    write(field.wrong, words.replace(`${name}: `, ""));
    attribute(field.input, "aria-invalid", "true");
    field.input.focus();
  }
}

customElements.define("sl-trace-form", SlTraceForm);
