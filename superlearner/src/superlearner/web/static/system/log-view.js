/**
 * `<sl-log>`: the live log. Only visible lines are elements; a selected line is shown with all its details.
 *
 * @module
 */

import { ApiError, platform } from "../base/api.js";
import { copy } from "../base/copying.js";
import { attribute, closest, icon, make, renew, write } from "../base/dom.js";
import { Feed, liveUrl } from "../live/live.js";
import { LEVELS, chosenLines, plain, take } from "./log-lines.js";
import { processLink } from "../base/process-link.js";
import { toast } from "../base/toast.js";
import { counted, number, time } from "../base/words.js";

/** @import { Line } from "./log-lines.js" */

const AROUND = 5;
const SHAPES = /** @type {Record<string, string>} */ ({ warning: "restarting", error: "crashed", critical: "crashed" });
/** Lines drawn beyond the view, so that a short scroll shows no gaps. */
const SPARE = 12;

export class SlLog extends HTMLElement {
  /** @type {Line[]} */ #lines = [];
  /** @type {Line[]} */ #shown = [];
  /** @type {number|null} */ #held = null;
  /** @type {{from: number, to: number}|null} */ #time = null;
  /** @type {number|null} */ #chosen = null;
  #follow = true;
  #begun = false;
  #known = false;
  #level = make("select", { "aria-label": "Least level" },
    ...LEVELS.map((level) => make("option", { value: level, selected: level === "info" },
      level === "debug" ? "all levels" : level === "critical" ? "critical" : `${level} and above`)));
  #words = make("input", {
    type: "search", placeholder: "Search the log", "aria-label": "Search the log", autocomplete: "off", spellcheck: "false",
  });
  #process = make("input", {
    type: "text", placeholder: "Process or supervisor", "aria-label": "Only of this process or supervisor, by name or pid",
    autocomplete: "off", spellcheck: "false",
  });
  #toggle = make("button", { type: "button", class: "btn" }, "Pause");
  #copy = make("button", { type: "button", class: "btn quiet" }, "Copy");
  #count = make("span", { class: "hint", role: "status" });
  #around = make("p", { class: "note", "data-level": "info", hidden: true });
  #space = make("div", { class: "log-space" });
  #list = make("div", { class: "log-list", tabindex: 0, role: "listbox", "aria-label": "Log, newest at the end" }, this.#space);
  #void = make("div", { class: "void" });
  #detail = make("section", { class: "log-detail", "aria-label": "The chosen line", hidden: true });
  #feed = new Feed(liveUrl("log"), (messages) => this.#received(messages), () => undefined);

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.append(make("div", { class: "log-bar" }, this.#level, this.#words, this.#process, this.#count,
      make("span", { class: "hint" }, this.dataset.apart
        ? `lines of the platform; the log of ${this.dataset.apart} stays in its program, which writes it`
        : "kept since the platform started"), this.#toggle, this.#copy),
      this.#around, this.#list, this.#void, this.#detail);
    for (const one of [this.#level, this.#words, this.#process]) one.oninput = () => this.#filter();
    this.#toggle.onclick = () => this.#pause(this.#held === null);
    this.#copy.onclick = () => void this.#copied();
    this.#list.onscroll = () => this.#scrolled();
    this.#list.onclick = (event) => this.#picked(event.target);
    this.#list.onkeydown = (event) => this.#key(event);
    new ResizeObserver(() => this.#draw()).observe(this.#list);
  }

  /** Start the feed; called when the view is first opened. */
  open() {
    if (this.#begun) return;
    this.#begun = true;
    this.#feed.expect(0);
    this.#feed.start();
    this.#filter();
  }

  /** Show only the lines around a moment; null: all. @param {number|null} at @param {number} [to] */
  around(at, to = at ?? 0) {
    this.#time = at === null ? null : { from: at - AROUND, to: to + AROUND };
    this.#around.hidden = at === null;
    if (at !== null) {
      const all = make("button", { type: "button", class: "link" }, "Show the whole log");
      all.onclick = () => this.around(null);
      this.#around.replaceChildren(`Only what was logged from ${time(at - AROUND)} to ${time(to + AROUND)}. `, all);
    }
    this.#filter();
  }

  /** Return the displayed lines for export. */
  rows() {
    return this.#shown.map((line) => ({
      timestamp: new Date(line.at * 1000).toISOString(), level: line.level, logger: line.logger, text: line.text, pid: line.pid,
      name: line.name, supervisor: line.supervisor, report: line.report, node: line.node,
    }));
  }

  /** @param {any[]} messages */
  #received(messages) {
    for (const message of messages) this.#lines = take(this.#lines, message);
    this.#known = true;
    this.#filter();
  }

  #filter() {
    const wanted = {
      level: this.#level.value, words: this.#words.value, process: this.#process.value, from: this.#time?.from ?? null,
      to: this.#time?.to ?? null,
    };
    const lines = this.#held === null ? this.#lines : this.#lines.filter((line) => line.number <= /** @type {number} */ (this.#held));
    this.#shown = chosenLines(lines, wanted);
    const waiting = this.#held === null ? 0 : this.#lines.length - lines.length;
    write(this.#count,
      !this.#known
        ? ""
        : `${this.#shown.length === lines.length
          ? counted(lines.length, "line")
          : `${number(this.#shown.length)} of ${counted(lines.length, "line")}`}${waiting ? `, ${number(waiting)} new` : ""}`);
    this.#empty(lines.length);
    this.#draw();
    if (this.#follow && this.#held === null) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param {number} all */
  #empty(all) {
    this.#void.hidden = this.#shown.length > 0;
    this.#list.hidden = this.#shown.length === 0;
    if (this.#shown.length) return;
    if (!this.#known) renew(this.#void, [make("p", {}, "Reading the log.")]);
    else if (!all)
      renew(this.#void, [
        make("b", {}, "Nothing was logged yet."),
        make("p", {},
          "Lines of the levels info and above come here as they are written, by your program with logging and by the runtime: "
            + "crashes, restarts, what was held up."),
      ]);
    else
      renew(this.#void, [
        make("b", {}, "No line matches."),
        make("p", {},
          this.#time
            ? "Nothing was logged around this moment with these filters; the platform keeps the newest 2,000 lines."
            : "Choose a lower level, other words or another process."),
      ]);
  }

  get #height() {
    return parseFloat(getComputedStyle(this.#list).getPropertyValue("--line-height")) || 26;
  }

  #draw() {
    if (!this.#shown.length) this.#space.replaceChildren();
    if (this.#list.hidden || !this.#list.clientHeight) return;
    const height = this.#height;
    this.#space.style.height = `${this.#shown.length * height}px`;
    const first = Math.max(0, Math.floor(this.#list.scrollTop / height) - SPARE);
    const last = Math.min(this.#shown.length, Math.ceil((this.#list.scrollTop + this.#list.clientHeight) / height) + SPARE);
    renew(this.#space, this.#shown.slice(first, last).map((line, place) => {
      const row = make("div", {
        class: "log-line", role: "option", id: `log-${line.number}`, "data-number": line.number, "data-level": line.level,
        "aria-selected": String(line.number === this.#chosen), "aria-posinset": first + place + 1, "aria-setsize": this.#shown.length,
      },
        make("time", {}, time(line.at)),
        SHAPES[line.level] ? icon(/** @type {string} */ (SHAPES[line.level]), "glyph") : make("i", { class: "glyph" }),
        make("span", { class: "level" }, line.level),
        make("span", { class: "who" }, line.name ?? line.pid ?? line.logger),
        make("span", { class: "text" }, line.text.split("\n", 1)[0] ?? ""));
      row.style.translate = `0 ${(first + place) * height}px`;
      return row;
    }));
    attribute(this.#list, "aria-activedescendant",
      this.#chosen !== null && this.#space.querySelector(`#log-${this.#chosen}`) ? `log-${this.#chosen}` : null);
  }

  #scrolled() {
    this.#follow = this.#list.scrollTop + this.#list.clientHeight >= this.#list.scrollHeight - this.#height;
    this.#draw();
  }

  /** @param {boolean} pause */
  #pause(pause) {
    this.#held = pause ? this.#lines.at(-1)?.number ?? 0 : null;
    write(this.#toggle, pause ? "Go on" : "Pause");
    this.#follow = !pause;
    this.#filter();
  }

  async #copied() {
    if (await copy(this.#shown.map(plain).join("\n"))) toast(`${counted(this.#shown.length, "line")} copied.`);
    else toast("The browser did not let this page copy.", { hint: "Use Export instead.", level: "bad" });
  }

  /** @param {EventTarget|null} target */
  #picked(target) {
    const row = closest(target, "[data-number]");
    if (row instanceof HTMLElement) void this.#choose(Number(row.dataset.number));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const place = this.#shown.findIndex((line) => line.number === this.#chosen);
    const page = Math.max(1, Math.floor(this.#list.clientHeight / this.#height) - 1);
    const from = place < 0 ? this.#shown.length : place;
    const to = {
      ArrowUp: from - 1, ArrowDown: from + 1, PageUp: from - page, PageDown: from + page, Home: 0, End: this.#shown.length - 1,
    }[event.key];
    if (event.key === "Escape") void this.#choose(null);
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const at = Math.min(this.#shown.length - 1, Math.max(0, to));
    const line = this.#shown[at];
    if (!line) return;
    const height = this.#height;
    if (at * height < this.#list.scrollTop) this.#list.scrollTop = at * height;
    else if ((at + 1) * height > this.#list.scrollTop + this.#list.clientHeight)
      this.#list.scrollTop = (at + 1) * height - this.#list.clientHeight;
    void this.#choose(line.number);
  }

  /** @param {number|null} chosen */
  async #choose(chosen) {
    this.#chosen = chosen;
    const line = this.#lines.find((one) => one.number === chosen);
    this.#detail.hidden = !line;
    this.#draw();
    if (!line) return;
    this.#showDetail(line, null);
    if (!line.more) return;
    try {
      const [whole] = await platform("GET", `/log?level=debug&after=${line.number - 1}&before=${line.number + 1}`);
      if (this.#chosen === chosen && whole) this.#showDetail(line, whole);
    } catch (error) {
      if (this.#chosen === chosen)
        this.#detail.append(
          make("p", { class: "note", "data-level": "bad" },
            `The rest of this line could not be read: ${error instanceof ApiError ? error.message : String(error)}`));
    }
  }

  /** @param {Line} line @param {Record<string, any>|null} whole */
  #showDetail(line, whole) {
    const close = make("button", { type: "button", class: "btn quiet square", "aria-label": "Close the line" }, icon("close"));
    close.onclick = () => void this.#choose(null);
    const fields = Object.entries(whole?.fields ?? {}).filter(([, value]) => value !== null && value !== "");
    this.#detail.replaceChildren(
      make("div", { class: "log-detail-head" }, make("b", {}, line.level), make("time", {}, time(line.at)), make("code", {}, line.logger),
        line.node ? make("code", { title: "The node whose program wrote it" }, line.node) : null,
        line.pid ? processLink(line.pid, `Open ${line.name ?? line.pid}`, {}, line.node ?? document.documentElement.dataset.own) : null,
        close),
      make("pre", {}, whole?.text ?? line.text),
      ...(fields.length
        ? [make("dl", { class: "facts" },
          ...fields.flatMap(([name, value]) => [
            make("dt", {}, name.replace(/^otp_/, "").replaceAll("_", " ")),
            make("dd", {}, typeof value === "string" ? value : JSON.stringify(value)),
          ]))]
        : []),
      ...(whole?.traceback ? [make("pre", {}, whole.traceback)] : []));
  }
}

customElements.define("sl-log", SlLog);
