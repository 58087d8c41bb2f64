/**
 * The command palette: a field that finds pages, processes, operations and texts, and runs commands after a
 * confirmation. If the server is slow or gone, it uses what it has and shows what is missing.
 *
 * @module
 */

import { attribute, byId, closest, icon, make, write } from "../base/dom.js";
import { pieces } from "./fuzzy.js";
import { onlyReads, WHY } from "./only-reads.js";
import { commands, parsed, subject } from "./palette-commands.js";
import { rank, remembered, timeIn, trusted } from "./palette-items.js";
import {
  fromPage, isAborted, manual, operations, processes, processesElsewhere, reason, restarts, restartsWith, rights, sections, stopped,
  supervisors,
} from "./palette-sources.js";
import { Sure } from "./palette-sure.js";
import { counted } from "../base/words.js";

/** @import { Item } from "./palette-items.js" */
/** @import { Stopped, Supervisor } from "./palette-commands.js" */

const KEY = "superlearner.recent";

class Palette {
  #dialog = byId("palette", HTMLDialogElement);
  #field = make("input", {
    type: "text", id: "palette-field", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list",
    "aria-autocomplete": "list", "aria-label": "Go to", placeholder: "Page, process, text, or: kill NAME", autocomplete: "off",
    autocapitalize: "none", spellcheck: "false", maxlength: 200,
  });
  #list = make("div", { class: "list", id: "palette-list", role: "listbox", "aria-label": "Found" });
  #said = make("span", { class: "said", role: "status" });
  #sure = new Sure(() => this.#back(), () => this.#dialog.close());
  /** Items from the server, by source. @type {Map<string, Item[]>} */ #got = new Map();
  /** @type {Supervisor[]} */ #supervisors = [];
  /** @type {Stopped[]} */ #stopped = [];
  /** The reader's scopes; null while they are unknown. @type {string[]|null} */ #may = null;
  /** @type {Map<string, string>} */ #missing = new Map();
  /** @type {Set<string>} */ #asking = new Set();
  /** @type {Map<string, AbortController>} */ #under = new Map();
  /** @type {Item[]} */ #shown = [];
  #place = 0;
  #pause = 0;

  constructor() {
    this.#dialog.append(
      make("div", { class: "ask" }, icon("find"), this.#field),
      this.#list,
      make("p", { class: "foot" }, this.#said,
        make("span", { class: "for-keys" }, make("kbd", {}, "↑"), " ", make("kbd", {}, "↓"), " choose"),
        make("span", { class: "for-keys" }, make("kbd", {}, "↵"), " go")),
      this.#sure.element,
    );
    this.#field.oninput = () => this.#typed();
    this.#field.onkeydown = (event) => this.#pressed(event);
    this.#list.onclick = (event) => this.#clicked(event);
    this.#list.onpointermove = (event) => this.#choose(this.#placeOf(event.target) ?? this.#place, false);
    this.#dialog.onclick = (event) => event.target === this.#dialog && this.#dialog.close();
    this.#dialog.oncancel = (event) => this.#sure.escaped(event);
    this.#dialog.onclose = () => this.#stop();
  }

  open() {
    if (document.querySelector("dialog[open]")) return;
    this.#field.value = "";
    this.#place = 0;
    this.#show(true);
    this.#dialog.showModal();
    this.#field.focus();
    for (const source of ["processes", "more processes", "processes of other nodes", "stopped children", "more restarts",
      "restarts with these words", "sections"])
      this.#got.delete(source);
    [this.#supervisors, this.#stopped, this.#may] = [[], [], null];
    void this.#ask("rights", async (signal) => (this.#may = await rights(signal), []));
    void this.#ask("supervisors", async (signal) => this.#know(await supervisors("", signal)));
    void this.#ask("processes", (signal) => processes("", signal));
    void this.#ask("restarts", restarts);
    if (!this.#got.has("operations")) void this.#ask("operations", operations);
    if (!this.#got.has("documentation")) void this.#ask("documentation", manual);
    this.#draw();
  }

  /** Show the search, or only what is left of the dialog. @param {boolean} search */
  #show(search) {
    for (const part of this.#dialog.children) if (part instanceof HTMLElement) part.hidden = (part === this.#sure.element) === search;
  }

  /** Return to the search, with the query as it was. */
  #back() {
    this.#show(true);
    this.#field.focus();
    this.#draw();
  }

  /** @param {string} source @param {(signal: AbortSignal) => Promise<Item[]>} from */
  async #ask(source, from) {
    this.#under.get(source)?.abort();
    const under = new AbortController();
    this.#under.set(source, under);
    this.#asking.add(source);
    try {
      this.#got.set(source, await from(under.signal));
      this.#missing.delete(source);
    } catch (error) {
      if (isAborted(error)) return;
      this.#missing.set(source, reason(error));
    }
    this.#asking.delete(source);
    if (this.#dialog.open) this.#draw();
  }

  /** Add supervisors to the known ones. @param {Supervisor[]} found @returns {Item[]} */
  #know(found) {
    this.#supervisors = [...new Map([...this.#supervisors, ...found].map((one) => [one.pid, one])).values()];
    return [];
  }

  #typed() {
    this.#place = 0;
    clearTimeout(this.#pause);
    const question = this.#field.value.trim();
    if (question.length >= 2) this.#asking.add("more processes");
    this.#draw();
    if (question.length < 2) return;
    this.#pause = setTimeout(() => {
      const verb = parsed(question)?.command.verbs[0];
      if (verb === "restart" && !this.#got.has("stopped children"))
        void this.#ask("stopped children", async (signal) => (this.#stopped = await stopped(signal), []));
      const then = timeIn(question, Date.now() / 1000), known = this.#got.get("restarts") ?? [];
      if (then && known.every(({ from = 0 }) => from > then.until)) // those that are here are later
        void this.#ask("more restarts", (signal) => restarts(signal, then));
      if (!then) void this.#ask("restarts with these words", (signal) => restartsWith(question, signal));
      if (verb === "set") void this.#ask("more supervisors", async (signal) => this.#know(await supervisors(subject(question), signal)));
      void this.#ask("more processes", (signal) => processes(subject(question), signal));
      void this.#ask("processes of other nodes", (signal) => processesElsewhere(subject(question), signal));
      void this.#ask("sections", (signal) => sections(question, signal));
    }, 120);
  }

  #stop() {
    clearTimeout(this.#pause);
    for (const under of this.#under.values()) under.abort();
    this.#asking.clear();
    this.#sure.stop();
  }

  /** Return what the query commands, and a sentence where it cannot be done. @returns {{items: Item[], note: string}} */
  #acts() {
    const lines = new Map([...this.#got.values()].flat().flatMap(({ line }) => (line ? [[line.pid, line]] : [])));
    const found = commands(this.#field.value, { lines: [...lines.values()], supervisors: this.#supervisors, stopped: this.#stopped });
    const why = onlyReads() ? WHY
      : this.#may && !this.#may.includes("operate") ? "You may look at this node and change nothing: that needs the scope operate."
      : "";
    if (why) return { items: [], note: parsed(this.#field.value) ? why : "" };
    return { items: found.items, note: this.#asking.size ? "" : found.note };
  }

  #draw() {
    const before = this.#shown[this.#place]?.id;
    const { items, note } = this.#acts();
    const groups = rank([...fromPage(), ...[...this.#got.values()].flat()], this.#field.value, recent(), items);
    this.#shown = groups.flatMap(({ found }) => found.map(({ item }) => item));
    const kept = this.#place > 0 ? this.#shown.findIndex((item) => item.id === before) : 0;
    this.#place = Math.max(0, kept);
    let place = 0;
    this.#list.replaceChildren(...groups.map(({ name, found }, number) => {
      const title = make("span", { id: `palette-group-${number}` }, name);
      const group = make("div", { role: "group", "aria-labelledby": title.id }, title);
      for (const { item, places } of found) {
        const text = make("span", { class: "what" },
          ...pieces(item.text, places).map(([piece, meant]) => (meant ? make("mark", {}, piece) : piece)));
        group.append(
          make("div", { role: "option", id: `palette-${place}`, "data-place": place, "aria-selected": "false" }, icon(item.icon), text,
            make("span", { class: "beside" }, item.more)));
        place += 1;
      }
      return group;
    }));
    if (note) this.#list.prepend(make("p", { class: "none" }, note));
    else if (!this.#shown.length)
      this.#list.append(
        make("p", { class: "none" },
          this.#asking.size
            ? "Nothing yet; the server is still being asked."
            : `Nothing matches “${this.#field.value.trim()}”. Try part of a name, a pid, or a word from the documentation.`));
    this.#choose(this.#place);
    write(this.#said, note || this.#status());
    this.#said.classList.toggle("vh", note !== ""); // it stands above the results, too
  }

  #status() {
    const [[source, why] = ["", ""]] = [...this.#missing];
    if (source)
      return `${[...new Set(
        [...this.#missing.keys()].map((one) =>
          one.replace("more ", "").replace(" with these words", "").replace("sections", "documentation")))].join(", ")} missing: ${why}`;
    if (this.#asking.size) return "Asking the server…";
    return this.#field.value.trim() ? counted(this.#shown.length, "result") : "";
  }

  /** @param {number} place @param {boolean} [scroll] */
  #choose(place, scroll = true) {
    const options = [...this.#list.querySelectorAll("[role=option]")];
    this.#place = Math.max(0, Math.min(place, options.length - 1));
    options.forEach((one, index) => attribute(one, "aria-selected", String(index === this.#place)));
    const one = options[this.#place];
    attribute(this.#field, "aria-activedescendant", one?.id);
    if (scroll) one?.scrollIntoView({ block: "nearest" });
    if (scroll && this.#place === 0) this.#list.scrollTop = 0;
  }

  /** @param {EventTarget|null} target */
  #placeOf(target) {
    const option = closest(target, "[role=option]");
    return option instanceof HTMLElement ? Number(option.dataset.place) : null;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const last = this.#shown.length - 1;
    const to = {
      ArrowDown: this.#place === last ? 0 : this.#place + 1, ArrowUp: this.#place === 0 ? last : this.#place - 1, PageDown: this.#place + 8,
      PageUp: this.#place - 8,
    }[event.key];
    const again = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (to === undefined && event.key !== "Enter" && !again) return;
    event.preventDefault();
    if (again) this.#dialog.close();
    else if (to !== undefined) this.#choose(to);
    else if (!event.isComposing) this.#go(this.#shown[this.#place], event.ctrlKey || event.metaKey);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const place = this.#placeOf(event.target);
    if (place !== null) this.#go(this.#shown[place], event.ctrlKey || event.metaKey);
  }

  /** @param {Item|undefined} item @param {boolean} elsewhere  in a new tab */
  #go(item, elsewhere) {
    if (!item) return;
    if (item.deed) {
      this.#show(false);
      this.#sure.ask(item.deed);
      return;
    }
    if (item.fill) {
      this.#field.value = item.fill;
      this.#field.focus();
      this.#typed();
      return;
    }
    this.#dialog.close();
    if (item.act) {
      document.getElementById(item.act)?.click();
      return;
    }
    if (!item.href) return;
    keep({ ...item, line: undefined });
    if (elsewhere) window.open(item.href, "_blank", "noopener");
    else location.assign(item.href);
  }
}

/** @returns {Item[]} */
function recent() {
  try {
    return trusted(JSON.parse(localStorage.getItem(KEY) ?? "[]"), location.origin);
  } catch {
    return []; // no storage, or invalid
  }
}

/** @param {Item} item */
function keep(item) {
  try {
    localStorage.setItem(KEY, JSON.stringify(remembered(recent(), item)));
  } catch {
    // storage may be forbidden: nothing is stored then
  }
}

/** The palette of the page. */
export const palette = new Palette();
