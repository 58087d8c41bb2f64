/**
 * The part Mailbox of the detail pane: waiting messages, the most common kinds, search, and removal.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { confirm } from "../base/confirm.js";
import { closest, make, mend, renew, write } from "../base/dom.js";
import { ask, button, refusal, tell, tryOut } from "./process-asks.js";
import { LIVE_MS, Panel } from "./process-panel.js";
import { link } from "./process-parts.js";
import { complain, toast } from "../base/toast.js";
import { counted, number, sentence } from "../base/words.js";

/** @import { Seen } from "./process-tabs.js" */

/** A full mailbox changes all the time, so it is read at this interval at most. */
const PAUSE_MS = 1000;
const PART = 50;
const PATTERNS = 8;
/** @type {Record<string, string>} */
const ONE = { call: "call", cast: "cast", info: "plain message", system: "of the runtime" };
/** @type {Record<string, string>} */
const KINDS = { call: "calls", cast: "casts", info: "plain messages", system: "of the runtime" };

/** @extends {Panel<{count: Api.MailboxCount, messages: Api.MessageLine[], patterns: Api.MessagePattern[]}>} */
export class SlMailbox extends Panel {
  #shown = PART;
  /** @type {{text: string, kind: string, tag: string}} */ #filter = { text: "", kind: "", tag: "" };
  #head = make("p", { class: "depth" });
  #kinds = make("p", { class: "hint" });
  #patterns = make("div");
  #text = make("input", {
    type: "search", "aria-label": "Search the mailbox", placeholder: "Search", autocomplete: "off", spellcheck: "false",
  });
  #kind = make("select", { "aria-label": "Only messages of a kind" }, make("option", { value: "" }, "all kinds"),
    ...Object.entries(KINDS).map(([value, words]) => make("option", { value }, words)));
  #tag = make("span", { class: "filtered", hidden: true });
  #list = make("ol", { class: "waiting" });
  #more = make("p");
  #drop = button("Drop these…", () => void this.#away(), "btn danger");
  #flush = button("Empty it…", () => void this.#away(true), "btn danger");
  #said = make("div", { role: "status" });
  #search = make("form", { role: "search", class: "acts" }, this.#text, this.#kind);
  #acts = make("div", { class: "acts" }, this.#drop, this.#flush);
  #all = make("section", {}, this.#search, this.#tag, this.#list, this.#more, this.#acts);

  pause = PAUSE_MS;
  every = LIVE_MS;

  connectedCallback() {
    this.content.replaceChildren(make("section", {}, this.#head, this.#kinds, this.#said), this.#patterns, this.#all);
    this.#search.onsubmit = (event) => event.preventDefault();
    this.#patterns.onclick = (event) => {
      const only = closest(event.target, ".pattern");
      if (only instanceof HTMLElement) this.#seek({ tag: only.dataset.tag ?? "", kind: only.dataset.kind ?? "" });
    };
    this.#text.oninput = () => this.#seek({ text: this.#text.value });
    this.#kind.onchange = () => this.#seek({ kind: this.#kind.value });
    super.connectedCallback();
  }

  /** @override @param {string} pid @param {AbortSignal} signal */
  async read(pid, signal) {
    const { text, kind, tag } = this.#filter;
    const [count, messages, patterns] = await Promise.all([
      ask(pid, "mailbox/count", {}, signal),
      ask(pid, "mailbox/search", { text, kind, tag, per_page: this.#shown + 1 }, signal),
      ask(pid, "mailbox/patterns", { per_page: PATTERNS }, signal),
    ]);
    return { count, messages, patterns };
  }

  /** @override */
  forget() {
    this.#shown = PART;
    this.#filter = { text: "", kind: "", tag: "" };
    this.#text.value = this.#kind.value = "";
    this.#said.replaceChildren();
  }

  /** @override @param {Seen} seen @param {Seen} before */
  stale(seen, before) {
    return seen.row.mailbox !== before.row.mailbox || seen.row.state !== before.row.state;
  }

  /** @param {Partial<{text: string, kind: string, tag: string}>} change */
  #seek(change) {
    this.#filter = { ...this.#filter, ...change };
    this.#shown = PART;
    this.#said.replaceChildren();
    this.again(); // do not wait for the answer with the previous filter
  }

  /** @override @param {Seen} seen */
  paint(seen) {
    const { known } = this;
    const depth = known?.count.count ?? seen.row.mailbox ?? 0;
    write(this.#head,
      known === null ? "" : depth === 0 ? "Nothing waits." : `${counted(depth, "message")} ${depth === 1 ? "waits" : "wait"}.`);
    const kinds = Object.entries(known?.count.by_kind ?? {}).filter(([, count]) => count);
    write(this.#kinds,
      depth === 0 ? "Messages stand here until the process takes them: while it works at one, or when it is suspended or stuck."
        : `${kinds.map(([kind, count]) => `${number(count)} ${(count === 1 ? ONE : KINDS)[kind] ?? kind}`)
          .join(", ")}${known?.count.partial
            ? (kinds.length ? "; the oldest 10,000 were looked at." : "The process is sensitive: what waits is not told.")
            : "."}`);
    mend(this.#patterns, known?.patterns.length ? [this.#common(known.patterns, depth)] : []);
    const filtered = Object.values(this.#filter).some(Boolean);
    this.#all.hidden = depth === 0 && !filtered;
    const { tag } = this.#filter;
    this.#tag.hidden = !tag;
    if (tag)
      this.#tag.replaceChildren("Only ", make("code", {}, tag), " ", button("Show all", () => this.#seek({ tag: "", kind: "" }), "link"));
    if (!filtered || tag) this.#kind.value = this.#filter.kind;
    const found = known?.messages.slice(0, this.#shown) ?? [];
    renew(this.#list,
      found.map((one) => make("li", { "data-kind": one.kind },
        make("span", { class: "num", title: "place in the mailbox" }, number(one.position + 1)),
        make("span", { class: "kind" }, one.kind),
        make("code", {}, one.text), one.sender ? make("small", {}, "from ", link(one.sender, seen.find)) : null)));
    const more = (known?.messages.length ?? 0) > this.#shown;
    renew(this.#more,
      more ? [button("Show more", () => this.#further(), "link")]
        : found.length || !known ? []
        : [document.createTextNode("No message fits.")]);
    const can = seen.row.pid !== null && !seen.gone && seen.row.kind !== "supervisor";
    this.#acts.hidden = !can || depth === 0;
    this.#drop.hidden = !filtered || !found.length || this.#filter.kind === "system"; // those stay
  }

  /** @param {Api.MessagePattern[]} patterns @param {number} depth */
  #common(patterns, depth) {
    const most = Math.max(...patterns.map((one) => one.count));
    return make("section", {}, make("h3", {}, "What most of them are"), make("ul", { class: "patterns" }, ...patterns.map((one) => {
      const only = make("button", { type: "button", class: "pattern", "data-tag": one.tag, "data-kind": one.kind });
      const bar = make("meter", { min: 0, max: most, value: one.count, "aria-hidden": "true" });
      only.append(make("code", { title: one.example }, one.tag || "(no word)"), make("span", {}, one.kind), bar,
        make("b", {}, number(one.count)));
      only.setAttribute("aria-label", `Only ${one.kind} ${one.tag}: ${number(one.count)} of ${number(depth)}`);
      return make("li", { "data-key": `${one.kind} ${one.tag}` }, only);
    })));
  }

  #further() {
    this.#shown = Math.min(500, this.#shown * 4);
    this.again();
  }

  /** Remove messages after a confirmation. @param {boolean} [all] */
  async #away(all = false) {
    const pid = this.seen?.row.pid;
    if (!pid) return;
    const here = () => this.seen?.row.pid === pid;
    const { text, kind, tag } = this.#filter;
    const [method, path, body] = all
      ? ["DELETE", "mailbox", {}]
      : ["POST", "mailbox/drop", Object.fromEntries(Object.entries({ text, kind, tag }).filter(([, value]) => value))];
    try {
      const { would } = await tryOut(method, pid, path, body);
      if (!here()) return; // another process was chosen meanwhile
      const ok = await confirm(all ? "Empty the mailbox?" : "Drop these messages?",
        `${sentence(`this will ${would}`)} Callers get the error “dropped” at once; casts and plain messages are lost, and their senders `
          + `are not notified. Requests of the runtime stay. It cannot be undone.`,
        all ? "Empty it" : "Drop them");
      if (!ok) return;
      const done = await tell(method, pid, path, body);
      toast(`${counted(done.dropped, "message")} dropped.`, { hint: `${number(done.message_queue_len)} wait now.` });
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) complain(error, "Drop");
      else if (here()) this.#said.replaceChildren(refusal(error));
    }
    this.again();
  }
}

customElements.define("sl-mailbox", SlMailbox);
