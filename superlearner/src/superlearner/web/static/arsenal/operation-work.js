/**
 * One operation: description, permissions, form and buttons. Destructive ones start with a dry run.
 *
 * @module
 */

import { command } from "../base/commands.js";
import { attribute, chosen, icon, make, root } from "../base/dom.js";
import { SlForm } from "./form.js";
import { onlyReads, WHY } from "../shell/only-reads.js";

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
  #buttons = make("div", { class: "acts" });
  #would = make("div", { class: "would", role: "status" });
  /** @type {Line} */ #line;
  /** The values of the last dry run; only these may be run. */
  #tried = "";
  #busy = false;
  #allowed;
  /** The error if the node's service refuses it to everyone. */ #refused;

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
    this.element.append(make("h2", {}, line.summary), make("p", { class: "name" }, make("code", {}, line.name)), ...words(line.description), this.#facts(asker), this.form, this.#would, this.#buttons);
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
    this.#would.replaceChildren();
    this.#draw();
    const outcome = await this.run(values, { dryRun });
    this.#busy = false;
    this.#tried = dryRun && outcome.ok ? now : "";
    if (outcome.error && this.form.isConnected) this.form.refuse(outcome.error.details);
    if (this.#tried && this.#tried === this.#now()) this.#say(/** @type {any} */ (outcome.data));
    this.#draw();
    if (this.#tried && this.#line.destroys && this.element.isConnected) this.#buttons.querySelector("button")?.focus();
  }

  #now() {
    return JSON.stringify(this.form.values);
  }

  #edited() {
    if (this.#tried && this.#tried !== this.#now()) {
      this.#tried = "";
      this.#would.replaceChildren();
      this.#draw();
    }
  }

  /** Show the result of a dry run beside the button that runs it. @param {{would?: string, affects?: string[]}} data */
  #say({ would = "", affects = [] }) {
    this.#would.replaceChildren(make("div", { class: "note", "data-level": "warn" }, make("p", {}, "It would ", make("b", {}, would.slice(0, 1000)), "."),
      affects.length ? make("p", { class: "hint" }, `Felt by ${affects.slice(0, 12).join(", ").slice(0, 1000)}${affects.length > 12 ? ` and ${affects.length - 12} more` : ""}.`) : null));
  }

  #draw() {
    const line = this.#line;
    const tried = this.#tried !== "";
    /** @param {string} text @param {string} look @param {() => unknown} act */
    const button = (text, look, act) => {
      const made = make("button", { type: "button", class: `btn ${look}`, disabled: this.#busy || !this.#allowed, title: this.#refused ? WHY : null }, text);
      made.onclick = act;
      return made;
    };
    const dry = (/** @type {string} */ look) => button("Dry run", look, () => this.#start(true));
    const run = button(verbOf(line), line.destroys ? "danger" : "primary", () => this.go());
    const parts = line.destroys ? (tried ? [run, dry("")] : [dry("primary")]) : line.changes ? [run, dry("")] : [run];
    const keys = make("span", { class: "hint for-keys" }, make("kbd", {}, "Ctrl"), " ", make("kbd", {}, "Enter"));
    const first = line.destroys && !tried ? make("p", { class: "hint" }, "It destroys, so a dry run comes first: it says what would happen, and nothing is changed.") : null;
    this.#buttons.replaceChildren(...parts, keys, ...(first ? [first] : []));
    attribute(this.element, "aria-busy", this.#busy ? "true" : null);
  }

  /** @param {Asker|null} asker */
  #facts(asker) {
    const { line, allowed } = { line: this.#line, allowed: this.#allowed };
    const effect = line.destroys ? "Destroys: it ends or deletes something, and what that held is lost" : line.changes ? "Changes something; it is written into the audit log" : line.streams ? "Reads, for as long as you like" : "Reads only";
    const facts = make("ul", { class: "facts" },
      make("li", { "data-level": line.destroys ? "bad" : null }, icon(line.destroys ? "crashed" : line.changes ? "supervisor" : "running", "glyph"), effect),
      make("li", {}, icon(allowed ? "running" : "stopped", "glyph"), make("span", {}, "Needs the scope ", make("b", {}, line.scope), `, which ${SCOPES[line.scope]}`)),
      chosen() ? make("li", {}, icon("supervisor", "glyph"), line.on_node ? `Asks the node ${chosen()}` : `Asks the platform itself, not the node ${chosen()}`) : null);
    if (this.#refused) return make("div", {}, facts, make("p", { class: "note", "data-level": "warn" }, WHY));
    if (allowed || !asker) return facts;
    const here = location.pathname.slice(root().length) + location.search;
    return make("div", {}, facts, make("p", { class: "note", "data-level": "warn" }, `You are ${asker.user} and have ${asker.scopes.join(", ") || "no scope"}. To run it, `,
      make("a", { href: `${root()}/sign-in?next=${encodeURIComponent(here)}` }, "sign in"), ` with a credential that has the scope ${line.scope}; on the machine of the platform `, make("code", {}, command("token")), " prints the owner's. The commands for the other interfaces are below."));
  }
}

/** Return a description with `code` as paragraphs. @param {string} text */
function words(text) {
  return text.split(/\n{2,}/).filter(Boolean).map((part) => make("p", { class: "about" }, ...part.split(/(`[^`]+`)/).map((one) => (one.length > 2 && one.startsWith("`") ? make("code", {}, one.slice(1, -1)) : one))));
}
