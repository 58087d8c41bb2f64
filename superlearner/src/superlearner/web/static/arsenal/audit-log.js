/**
 * The audit log: who changed what, filtered, live as it happens.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { follow } from "./asking.js";
import { icon, make, root, write } from "../base/dom.js";

/** @typedef {{id: number, at: number, user: string, door: string, operation: string, parameters: any, did: string|null, outcome: string, duration: number, node: string|null}} Entry */

const PER_PAGE = 100;
const PAUSE_MS = 150;
const DOORS = ["", "page", "cli", "console", "rest", "mcp"];
/** The stream of what happens, as an operation: the log is asked again when somebody did something. */
const EVENTS = /** @type {import("./form-fields.js").Line} */ ({ name: "events.stream", category: "events", method: "GET", path: "/api/v1/events", scope: "read", summary: "", description: "", changes: false, destroys: false, bare: false, on_node: false, parameters: {} });

export class AuditLog {
  #made = false;
  #page = 1;
  #timer = 0;
  /** @type {AbortController|null} */ #watching = null;
  /** @type {AbortController|null} */ #asking = null;
  #body = make("tbody");
  #said = make("p", { class: "hint", role: "status" });
  #live = make("p", { class: "hint watched" });
  #more = make("button", { type: "button", class: "btn", hidden: true }, "Show older ones");
  #note = make("div", { class: "empty" });
  /** @type {Record<string, HTMLInputElement|HTMLSelectElement>} */ #filters = {
    user: make("input", { type: "text", autocomplete: "off", spellcheck: "false" }),
    operation: make("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "process.kill" }),
    door: make("select", {}, ...DOORS.map((one) => make("option", { value: one }, one || "any"))),
    outcome: make("input", { type: "text", autocomplete: "off", spellcheck: "false", placeholder: "ok" }),
    since: make("input", { type: "datetime-local", step: 1 }),
    until: make("input", { type: "datetime-local", step: 1 }),
  };

  /** @param {HTMLElement} element @param {(operation: string, values: Record<string, unknown>) => void} fill */
  constructor(element, fill) {
    this.element = element;
    this.fill = fill;
  }

  /** Whether it is looked at: only then anything is asked. @param {boolean} on */
  look(on) {
    if (!on) {
      this.#watching?.abort();
      this.#watching = null;
      return;
    }
    if (!this.#made) this.#make();
    this.#ask();
    if (!this.#watching) this.#watch();
  }

  #make() {
    this.#made = true;
    const filters = Object.entries(this.#filters).map(([name, field]) => {
      field.id = `audit-${name}`;
      field.oninput = () => this.#soon();
      return make("div", { class: "field" }, make("label", { for: field.id }, name.charAt(0).toUpperCase() + name.slice(1)), field);
    });
    this.#more.onclick = () => {
      this.#page += 1;
      this.#ask(true);
    };
    const heads = ["When", "Who", "Door", "Operation", "What", "Node", "Outcome", "Took"];
    const table = make("table", { class: "table", "aria-label": "Audit log" }, make("thead", {}, make("tr", {}, ...heads.map((one) => make("th", { scope: "col", class: one === "Took" ? "num" : null }, one)))), this.#body);
    this.element.append(make("div", { class: "audit-filters", role: "group", "aria-label": "Filters" }, ...filters, make("div", { class: "audit-said" }, this.#said, this.#live)), make("div", { class: "audit-rows scroll", tabindex: 0, role: "group", "aria-label": "Entries" }, table, this.#note, this.#more));
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  /** @param {boolean} [older]  more of them, behind those that are shown */
  async #ask(older = false) {
    if (!older) this.#page = 1;
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const asked = new URLSearchParams({ per_page: String(PER_PAGE), page: String(this.#page) });
    for (const [name, field] of Object.entries(this.#filters)) {
      const text = field.value.trim();
      const time = name === "since" || name === "until";
      if (text) asked.set(name, time ? String(new Date(text).getTime() / 1000) : text);
    }
    try {
      const entries = /** @type {Entry[]} */ (await platform("GET", `/audit?${asked}`, undefined, asking.signal));
      const rows = entries.map((one) => this.#row(one));
      if (older) this.#body.append(...rows);
      else this.#body.replaceChildren(...rows);
      this.#more.hidden = entries.length < PER_PAGE;
      const filtered = Object.values(this.#filters).some((one) => one.value);
      const count = this.#body.childElementCount;
      write(this.#said, count ? `${count}${this.#more.hidden ? "" : " newest"} ${count === 1 ? "entry" : "entries"}` : "");
      this.#note.replaceChildren(...(count ? [] : [make("p", {}, make("b", {}, filtered ? "Nothing fits these filters." : "Nobody has changed anything yet.")), make("p", {}, "Whatever changes something is written here, at every door, with who it was and what became of it. Reading is not.")]));
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      this.#failed(error instanceof ApiError ? error : new ApiError("failed", String(error), "", 0));
    }
  }

  /** @param {ApiError} error */
  #failed(error) {
    this.#body.replaceChildren();
    this.#more.hidden = true;
    write(this.#said, "");
    this.#watching?.abort();
    this.#watching = null;
    write(this.#live, "");
    const signIn = error.status === 401 || error.code === "missing_scope";
    this.#note.replaceChildren(make("p", {}, make("b", {}, error.message)), make("p", {}, error.code === "missing_scope" ? "The log names parameters, so it takes the scope code: on the machine of the platform, superlearner token prints the owner's credential." : error.hint),
      signIn ? make("a", { class: "btn", href: `${root()}/sign-in?next=${encodeURIComponent("/arsenal?view=audit")}` }, "Sign in") : "");
  }

  /** @param {Entry} entry */
  #row(entry) {
    const at = new Date(entry.at * 1000);
    const again = make("button", { type: "button", class: "link" }, entry.operation);
    again.title = "Fill its form with the same";
    again.onclick = () => this.fill(entry.operation, entry.parameters ?? {});
    const ok = entry.outcome === "ok";
    return make("tr", { "data-outcome": ok ? "ok" : "bad" },
      make("td", {}, make("time", { datetime: at.toISOString(), title: at.toLocaleString("en-GB") }, at.toLocaleString("en-GB", { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }))),
      make("td", {}, entry.user.slice(0, 80)), make("td", {}, entry.door), make("td", {}, again),
      make("td", { class: "did" }, (entry.did ?? JSON.stringify(entry.parameters)).slice(0, 300)),
      make("td", {}, (entry.node ?? "").slice(0, 80)),
      make("td", {}, icon(ok ? "running" : "crashed", "glyph"), ` ${entry.outcome}`), make("td", { class: "num" }, `${(entry.duration * 1000).toFixed(1)} ms`));
  }

  /** Asks again when somebody did something; the stream says when. */
  async #watch() {
    const watching = (this.#watching = new AbortController());
    write(this.#live, "Live: new entries come by themselves.");
    await follow(EVENTS, { types: ["operation_done"] }, () => this.#soon(), { signal: watching.signal, node: "" });
    if (this.#watching !== watching || watching.signal.aborted) return;
    this.#watching = null;
    write(this.#live, "Not live any more; open the tab again to go on.");
  }
}
