/**
 * The audit log with filters, updated live.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { command } from "../base/commands.js";
import { root } from "../base/dom.js";
import { html, nothing, render, repeat } from "../vendor/lit-html.js";
import { follow } from "./asking.js";
import { refusedText } from "./refused.js";


const PER_PAGE = 100;
const PAUSE_MS = 150;
/** The type of each filter: a text with an example, a choice, or a time. @type {Record<string, string|string[]|null>} */
const FILTERS = {
  user: "", operation: "process.kill", door: ["session", "token", "loopback"], claims: ["page", "cli", "console", "rest", "mcp"],
  outcome: "ok", since: null, until: null,
};
/** Labels of filters that differ from their name. @type {Record<string, string>} */
const LABELS = { door: "Sign-in", claims: "Client" };
/** The event stream as an operation; events by a user reload the log. */
const EVENTS = /** @type {import("./form-fields.js").Line} */ ({
  name: "events.stream", category: "events", method: "GET", path: "/api/v1/events", scope: "read", summary: "", description: "",
  changes: false, destroys: false, bare: false, on_node: false, parameters: {},
});

/** Windows in which the filters are folded. */
const NARROW = matchMedia("(max-width: 600px)");

export class AuditLog {
  #timer = 0;
  #live = "";
  #more = false;
  #refused = false;
  /** @type {unknown} */ #note = nothing;
  /** Newest first. @type {Api.AuditLine[]} */ #entries = [];
  /** @type {AbortController|null} */ #watching = null;
  /** @type {AbortController|null} */ #asking = null;
  #wanted = new URLSearchParams();

  /** @param {HTMLElement} element @param {(operation: string, values: Record<string, unknown>) => void} fill */
  constructor(element, fill) {
    this.element = element;
    NARROW.addEventListener("change", () => this.#draw());
    this.fill = fill;
  }

  /** Start or stop updates when the log becomes visible or hidden. @param {boolean} on */
  look(on) {
    if (!on) return this.#leave();
    void this.#ask();
    if (!this.#watching) void this.#watch();
  }

  #leave() {
    this.#watching?.abort();
    this.#watching = null;
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), PAUSE_MS);
  }

  /** @param {boolean} [older]  loads older entries instead of newer ones */
  async #ask(older = false) {
    const query = new URLSearchParams([
      ["per_page", `${PER_PAGE}`],
      ["page", `${older ? Math.floor(this.#entries.length / PER_PAGE) + 1 : 1}`],
      ...this.#wanted,
    ]);
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    try {
      const entries = /** @type {Api.AuditLine[]} */ (await platform("GET", `/audit?${query}`, undefined, asking.signal));
      const others = this.#entries.filter(({ id }) => !entries.some((one) => one.id === id));
      const joins = others.length < this.#entries.length;
      this.#entries = older ? [...others, ...entries] : joins ? [...entries, ...others] : entries;
      if (older || !joins) this.#more = entries.length === PER_PAGE;
      this.#refused = false;
      this.#note = this.#entries.length ? nothing : empty(this.#wanted.size > 0);
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return;
      this.#refused = error instanceof ApiError && [401, 403].includes(error.status);
      this.#note = refusal(error instanceof ApiError ? error : new ApiError("failed", String(error), "", 0));
      [this.#entries, this.#more, this.#live] = [[], false, ""];
      this.#leave();
    }
    this.#draw();
  }

  /** Reload the log when the stream reports an action. */
  async #watch() {
    const watching = (this.#watching = new AbortController());
    this.#live = "Live: new entries appear at once.";
    this.#draw();
    await follow(EVENTS, { types: ["operation_done"] }, () => this.#soon(), { signal: watching.signal, node: "" });
    if (watching.signal.aborted) return;
    this.#watching = null;
    this.#live = "Not live any more; open the tab again to go on.";
    this.#draw();
  }

  #draw() {
    const count = this.#entries.length;
    render(html`
      <details class="audit-fold" ?hidden=${this.#refused} ?open=${!NARROW.matches}><summary>Filters</summary><div class="audit-filters"
        role="group" aria-label="Filters"
        @input=${(/** @type {{target: HTMLInputElement}} */ { target }) => this.#filter(target.name, target.value.trim())}>
        ${Object.entries(FILTERS).map(filter)}
        <div class="audit-said"><p class="hint" role="status">${count
          ? `${count}${this.#more ? " newest" : ""} ${count === 1 ? "entry" : "entries"}`
          : ""}</p><p class="hint watched">${this.#live}</p></div></div></details>
      <div class="audit-rows scroll" tabindex="0" role="group" aria-label="Entries">
        <table class="table" aria-label="Audit log">
          <thead><tr>${["When", "Who", "Sign-in", "Operation", "What", "Node", "Outcome"].map((one) =>
            html`<th scope="col">${one}</th>`)}<th scope="col" class="num">Took</th></tr></thead>
          <tbody>${repeat(this.#entries, ({ id }) => id, (one) => this.#row(one))}</tbody></table>
        <div class="empty">${this.#note}</div>
        <button type="button" class="btn" ?hidden=${!this.#more} @click=${() => this.#ask(true)}>Show older ones</button></div>`,
        this.element);
  }

  /** @param {string} name @param {string} text */
  #filter(name, text) {
    if (text) this.#wanted.set(name, FILTERS[name] === null ? String(new Date(text).getTime() / 1000) : text);
    else this.#wanted.delete(name);
    this.#asking?.abort();
    this.#entries = []; // keep showing the old entries until those for the new filters arrive
    this.#soon();
  }

  /** @param {Api.AuditLine} entry */
  #row(entry) {
    const at = new Date(entry.at * 1000);
    const ok = entry.outcome === "ok";
    return html`<tr data-outcome=${ok ? "ok" : "bad"}>
      <td><time datetime=${at.toISOString()} title=${at.toLocaleString("en-GB")}>${at.toLocaleString("en-GB",
        { month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" })}</time></td>
      <td>${entry.user.slice(0, 80)}</td><td>${entry.door}${entry.claims ? html` <span class="hint">${entry.claims}</span>` : nothing}</td>
      <td><button type="button" class="link" title="Fill its form with the same"
        @click=${() => this.fill(entry.operation, entry.parameters ?? {})}>${entry.operation}</button></td>
      <td class="did">${(entry.did ?? refusedText(entry)).slice(0, 300)}</td><td>${(entry.node ?? "").slice(0, 80)}</td>
      <td><svg class="glyph" aria-hidden="true"><use href="#i-${ok ? "running" : "crashed"}"></use></svg> ${entry.outcome}</td>
      <td class="num">${(entry.duration * 1000).toFixed(1)} ms</td></tr>`;
  }
}

/** Return an input for a filter. @param {[string, string|string[]|null]} named */
function filter([name, takes]) {
  const id = `audit-${name}`;
  const field = Array.isArray(takes) ? html`<select id=${id} name=${name}><option
    value="">any</option>${takes.map((one) => html`<option>${one}</option>`)}</select>`
    : takes === null ? html`<input id=${id} name=${name} type="datetime-local" step="1">`
      : html`<input id=${id} name=${name} type="text" autocomplete="off" spellcheck="false" placeholder=${takes || nothing}>`;
  return html`<div class="field"><label for=${id}>${LABELS[name] ?? name.charAt(0).toUpperCase() + name.slice(1)}</label>${field}</div>`;
}

/** Explain an empty log. @param {boolean} filtered */
const empty = (filtered) => html`<p><b>${
  filtered ? "Nothing matches these filters." : "No changes yet."
}</b></p><p>Every operation that changes something is logged here, from every interface, with its caller and its outcome. Reads are not
  logged.</p>`;

/** Explain a refusal, with a remedy. @param {ApiError} error */
function refusal(error) {
  const scope = error.code === "missing_scope";
  return html`<p><b>${error.message}</b></p><p>${scope
    ? `The log names parameters, so it takes the scope code: on the machine of the platform, ${command("token")} `
      + `prints the owner's credential.`
    : error.hint}</p>
    ${scope || error.status === 401
      ? html`<a class="btn" href="${root()}/sign-in?next=${encodeURIComponent("/arsenal?view=audit")}">Sign in</a>`
      : nothing}`;
}
