/**
 * A JSON value as a tree on the page: keys, folds, links for pids, and a marked value to copy.
 *
 * @module
 */

import { attribute, closest, icon, make } from "../base/dom.js";
import { processLink } from "../base/process-link.js";
import { LONGEST, STEP, kindOf, linesOf, momentOf, pidOf, preview } from "./json-tree.js";

/** @import { Line } from "./json-tree.js" */

const COUNTED = { object: ["field", "fields"], list: ["item", "items"] };

export class JsonTree {
  element = make("ul", { class: "json-tree", role: "tree" });
  /** @type {Line[]} */ #lines = [];
  /** @type {Map<string, boolean>} */ #folds = new Map();
  /** @type {Map<string, number>} */ #shown = new Map();
  #at = "[]";
  /** @type {unknown} */ #value = null;

  /** @param {string} label @param {(line: Line) => void} onMark */
  constructor(label, onMark) {
    attribute(this.element, "aria-label", label);
    this.onMark = onMark;
    this.element.addEventListener("click", (event) => this.#clicked(event));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusin", (event) => {
      const line = this.#lineOf(event.target);
      if (line) this.#mark(line.id, false);
    });
  }

  /** @param {unknown} value */
  show(value) {
    this.#value = value;
    this.#folds.clear();
    this.#shown.clear();
    this.#at = "[]";
    this.#draw();
  }

  /** Open or close the whole tree, within reason. @param {boolean} open */
  fold(open) {
    this.#folds.clear();
    let budget = 2000;
    /** @param {unknown} value @param {(string|number)[]} parts */
    const walk = (value, parts) => {
      const kind = kindOf(value);
      if ((kind !== "object" && kind !== "list") || budget-- < 0) return;
      if (parts.length) this.#folds.set(JSON.stringify(parts), open);
      for (const [key, inside] of (Array.isArray(value)
        ? [...value.entries()]
        : Object.entries(/** @type {object} */ (value))).slice(0, STEP))
        walk(inside, [...parts, key]);
    };
    walk(this.#value, []);
    this.#draw();
  }

  #draw() {
    this.#lines = linesOf(this.#value, this.#folds, this.#shown);
    if (!this.#lines.some((one) => one.id === this.#at)) this.#at = "[]";
    this.element.replaceChildren(...this.#lines.flatMap((line) => [this.#make(line)]), ...[]);
    for (const line of this.#lines.filter((one) => one.more)) this.#more(line);
  }

  /** @param {Line} line */
  #make(line) {
    const holds = line.kind === "object" || line.kind === "list";
    const item = make("li", {
      role: "treeitem", "aria-level": line.depth + 1, "aria-expanded": holds && line.size ? String(line.open) : null,
      "aria-selected": String(line.id === this.#at), tabindex: line.id === this.#at ? 0 : -1, "data-kind": line.kind,
    },
      holds && line.size ? icon("open", "twist") : make("span", { class: "twist" }),
      line.key === null ? null : make("span", { class: "key" }, line.key.length > 120 ? `${line.key.slice(0, 120)}…` : line.key),
      holds ? this.#held(line) : this.#leaf(line));
    item.style.setProperty("--depth", String(Math.min(line.depth, 12)));
    return item;
  }

  /** @param {Line} line */
  #held(line) {
    const [one, many] = COUNTED[/** @type {"object"|"list"} */ (line.kind)];
    const count = make("span", { class: "count" },
      line.size ? `${line.size} ${line.size === 1 ? one : many}` : line.kind === "list" ? "empty list" : "empty object");
    return make("span", { class: "held" }, count, line.open || !line.size ? null : make("span", { class: "preview" }, preview(line.value)));
  }

  /** @param {Line} line */
  #leaf(line) {
    const moment = momentOf(line.value, line.key);
    if (line.kind !== "text")
      return make("span", { class: "value" },
        line.kind === "null" ? "null" : String(line.value),
        moment ? make("span", { class: "moment" }, ` ${moment}`) : null);
    const text = String(line.value);
    const pid = pidOf(text, line.key);
    if (pid) return make("span", { class: "value" }, processLink(pid, text));
    if (text.length <= LONGEST || this.#folds.get(line.id)) return make("span", { class: "value" }, text || '""');
    return make("span", { class: "value" }, text.slice(0, LONGEST), "… ",
      make("button", { type: "button", class: "link", tabindex: -1, "data-all": line.id },
        `all ${text.length.toLocaleString("en")} characters`));
  }

  /** Return the line that shows the remaining items. @param {Line} line */
  #more(line) {
    let last = this.#lines.indexOf(line);
    while (last + 1 < this.#lines.length && (this.#lines[last + 1]?.depth ?? 0) > line.depth) last += 1;
    const lastId = this.#lines[last]?.id;
    const after = [...this.element.querySelectorAll("[role=treeitem]")][this.#lines.findIndex((one) => one.id === lastId)];
    const button = make("button", { type: "button", class: "link", "data-more": line.id },
      `show ${Math.min(line.more, STEP * 5)} more of ${line.more.toLocaleString("en")}`);
    const item = make("li", { role: "none", class: "more" }, button);
    item.style.setProperty("--depth", String(Math.min(line.depth + 1, 12)));
    after?.after(item);
  }

  /** @param {EventTarget|null} target */
  #lineOf(target) {
    const item = closest(target, "[role=treeitem]");
    return item ? this.#lines[[...this.element.querySelectorAll("[role=treeitem]")].indexOf(item)] : undefined;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = event.target instanceof Element ? event.target : null;
    const more = target?.closest("[data-more]")?.getAttribute("data-more");
    const all = target?.closest("[data-all]")?.getAttribute("data-all");
    if (more) this.#shown.set(more, (this.#shown.get(more) ?? STEP) + STEP * 5);
    if (all) this.#folds.set(all, true);
    if (more || all) {
      this.#draw();
      return this.#focus();
    }
    const line = this.#lineOf(target);
    if (!line || target?.closest("a")) return;
    this.#mark(line.id);
    if (line.size && (line.kind === "object" || line.kind === "list") && !getSelection()?.toString()) this.#turn(line, !line.open);
  }

  /** @param {Line} line @param {boolean} open */
  #turn(line, open) {
    if (line.kind !== "object" && line.kind !== "list") return;
    this.#folds.set(line.id, open);
    this.#draw();
    this.#focus();
  }

  #focus() {
    /** @type {HTMLElement|null} */ (this.element.querySelector("[tabindex='0']"))?.focus();
  }

  /** @param {string} id @param {boolean} [focus] */
  #mark(id, focus = true) {
    this.#at = id;
    const items = [...this.element.querySelectorAll("[role=treeitem]")];
    this.#lines.forEach((line, place) => {
      attribute(items[place] ?? this.element, "aria-selected", String(line.id === id));
      attribute(items[place] ?? this.element, "tabindex", line.id === id ? 0 : -1);
    });
    if (focus) this.#focus();
    const line = this.#lines.find((one) => one.id === id);
    if (line) this.onMark(line);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const place = this.#lines.findIndex((one) => one.id === this.#at);
    const line = this.#lines[place];
    if (!line || event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof Element && event.target.closest("button")))
      return;
    /** @param {Line|undefined} to */
    const go = (to) => to && this.#mark(to.id);
    /** @type {Record<string, () => unknown>} */
    const does = {
      ArrowDown: () => go(this.#lines[place + 1]),
      ArrowUp: () => go(this.#lines[place - 1]),
      Home: () => go(this.#lines[0]),
      End: () => go(this.#lines.at(-1)),
      ArrowRight: () => (line.size && !line.open ? this.#turn(line, true) : line.open && go(this.#lines[place + 1])),
      ArrowLeft: () => (line.open ? this.#turn(line, false) : go(this.#lines.slice(0, place).findLast((one) => one.depth < line.depth))),
      " ": () => line.size && this.#turn(line, !line.open),
    };
    const run = does[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  }
}
