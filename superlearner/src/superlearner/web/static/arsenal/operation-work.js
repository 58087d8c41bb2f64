/**
 * One operation: description, permissions, form and buttons. Destructive ones start with a dry run.
 *
 * @module
 */

import { command } from "../base/commands.js";
import { attribute, chosen, icon, make, root } from "../base/dom.js";
import { SlForm } from "./form.js";
import { onlyReads, WHY } from "../shell/only-reads.js";
import { html, nothing, render } from "../vendor/lit-html.js";

/** @import { Line } from "./form-fields.js" */
/** @typedef {Api.Asker} Asker */
/** @typedef {(values: Record<string, unknown>, how: {dryRun: boolean}) => Promise<import("./asking.js").Outcome>} Run */

const SCOPES = {
  read: "looks, and changes nothing",
  operate: "changes what runs",
  code: "changes code, or shows what is hidden",
  admin: "changes processes of the platform itself, with force",
};

/** Return the label of the button. @param {Line} line */
const verbOf = (line) => (line.streams ? "Open the stream" : line.changes ? line.summary : "Run");

export class Work {
  element = make("div", { class: "operation" });
  form = new SlForm();
  /** The answer of the last dry run, shown until the values change. @type {Api.DryRunResult|null} */ #would = null;
  /** @type {Line} */ #line;
  /** The values of the last dry run; only these may be run. */
  #tried = "";
  #busy = false;
  #allowed;
  /** The error if the node's service refuses it to everyone. */ #refused;
  #asker;

  /**
   * @param {Line} line
   * @param {Asker|null} asker
   * @param {Record<string, unknown>} values
   * @param {Run} run
   */
  constructor(line, asker, values, run) {
    this.#line = line;
    this.run = run;
    this.#refused = onlyReads() && line.on_node && !line.here && line.scope !== "read";
    this.#allowed = !this.#refused && (!asker || asker.may.includes(line.scope));
    this.#asker = asker;
    this.form.show(line, values);
    this.form.addEventListener("sl-change", () => this.#edited());
    this.form.addEventListener("sl-run", () => this.go());
    this.#draw();
  }

  /** Run it, or start a dry run if it is destructive and was not tried yet. */
  go() {
    return this.#start(this.#line.destroys && this.#tried !== this.#now());
  }

  tryDry() {
    return this.#line.changes ? this.#start(true) : Promise.resolve();
  }

  /** @param {boolean} dryRun */
  async #start(dryRun) {
    if (this.#busy || !this.#allowed || !this.form.check()) return;
    const values = this.form.values;
    const now = this.#now();
    this.#busy = true;
    this.#would = null;
    this.#draw();
    const outcome = await this.run(values, { dryRun });
    this.#busy = false;
    this.#tried = dryRun && outcome.ok ? now : "";
    if (outcome.error && this.form.isConnected) this.form.refuse(outcome.error.details);
    if (this.#tried && this.#tried === this.#now()) this.#would = /** @type {Api.DryRunResult} */ (outcome.data);
    this.#draw();
    if (this.#tried && this.#line.destroys && this.element.isConnected) {
      /** @type {HTMLElement|null} */ (this.element.querySelector(".acts button"))?.focus();
    }
  }

  #now() {
    return JSON.stringify(this.form.values);
  }

  #edited() {
    if (this.#tried && this.#tried !== this.#now()) {
      this.#tried = "";
      this.#would = null;
      this.#draw();
    }
  }

  #draw() {
    const { summary, name, description } = this.#line;
    render(html`<h2>${summary}</h2><p class="name"><code>${name}</code></p>${words(description)}${this.#facts()}${this.form}
      <div class="would" role="status">${this.#would ? outlook(this.#would) : nothing}</div><div class="acts">${this.#buttons()}</div>`,
      this.element);
    attribute(this.element, "aria-busy", this.#busy ? "true" : null);
  }

  #buttons() {
    const { changes, destroys } = this.#line;
    const first = destroys && !this.#tried;
    /** @param {string} text @param {string} look @param {() => unknown} act */
    const button = (text, look, act) => html`<button type="button" class=${`btn ${look}`} ?disabled=${this.#busy || !this.#allowed}
      title=${this.#refused ? WHY : nothing} @click=${act}>${text}</button>`;
    const run = first ? nothing : button(verbOf(this.#line), destroys ? "danger" : "primary", () => this.go());
    return html`${run}${changes || destroys ? button("Dry run", first ? "primary" : "", () => this.#start(true)) : nothing}
      <span class="hint for-keys"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
      ${first
        ? html`<p class="hint">It destroys, so a dry run comes first: it says what would happen, and nothing is changed.</p>`
        : nothing}`;
  }

  #facts() {
    const { scope, on_node, ...line } = this.#line;
    const node = chosen(), here = encodeURIComponent(location.pathname.slice(root().length) + location.search);
    const facts = html`<ul class="facts">
      <li data-level=${line.destroys ? "bad" : nothing}>${icon(line.destroys ? "crashed" : line.changes ? "supervisor" : "running",
        "glyph")}${effectOf(line)}</li>
      <li>${icon(this.#allowed ? "running" : "stopped", "glyph")}<span>Needs the scope <b>${scope}</b>, which ${SCOPES[scope]}</span></li>
      ${node
        ? html`<li>${icon("supervisor", "glyph")}${on_node
          ? `Asks the node ${node}`
          : `Asks the platform itself, not the node ${node}`}</li>`
        : nothing}</ul>`;
    if (this.#refused) return html`<div>${facts}<p class="note" data-level="warn">${WHY}</p></div>`;
    if (this.#allowed || !this.#asker) return facts;
    const { user, scopes } = this.#asker;
    return html`<div>${facts}<p class="note" data-level="warn">You are ${user} and have ${scopes.join(", ") || "no scope"}. To run it,
      <a href=${`${root()}/sign-in?next=${here}`}>sign in</a> with a credential that has the scope ${scope}; on the machine of the platform
      <code>${command("token")}</code> prints the owner's. The commands for the other interfaces are below.</p></div>`;
  }
}

/** Return the effect of an operation. @param {Pick<Line, "destroys"|"changes"|"streams">} line */
const effectOf = ({ destroys, changes, streams }) =>
  destroys ? "Destroys: it ends or deletes something, and what that held is lost"
    : changes ? "Changes something; it is written into the audit log" : streams ? "Reads, for as long as you like" : "Reads only";

/** Return the result of a dry run, for the place beside the button that runs it. @param {Api.DryRunResult} result */
function outlook({ would = "", affects = [] }) {
  const more = affects.length > 12 ? ` and ${affects.length - 12} more` : "";
  return html`<div class="note" data-level="warn"><p>It would <b>${would.slice(0, 1000)}</b>.</p>${affects.length
    ? html`<p class="hint">Felt by ${affects.slice(0, 12).join(", ").slice(0, 1000)}${more}.</p>` : nothing}</div>`;
}

/** Return a description with `code` as paragraphs. @param {string} text */
const words = (text) => text.split(/\n{2,}/).filter(Boolean).map((part) => html`<p class="about">${part.split(/(`[^`]+`)/).map((one) =>
  (one.length > 2 && one.startsWith("`") ? html`<code>${one.slice(1, -1)}</code>` : one))}</p>`);
