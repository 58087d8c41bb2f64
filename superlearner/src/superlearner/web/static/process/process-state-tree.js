/**
 * The state in the detail pane as a tree of terms: large branches are loaded in parts, long texts on demand.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { copyButton } from "../base/copying.js";
import { icon, make } from "../base/dom.js";
import { ask, button } from "./process-asks.js";
import { complain } from "../base/toast.js";
import { counted, number, size as bytes } from "../base/words.js";

/** @import { Term } from "./state-terms.js" */

const PART = 100;
const LENGTHS = [5_000, 100_000];
const COUNTED = new Set(["str", "bytes", "bytearray"]);

export class StateTree {
  element = make("div", { class: "terms-tree" });
  #pid = "";
  /** @type {Term|null} */ #root = null;
  /** Branches that were opened or closed by hand. @type {Map<string, boolean>} */ #open = new Map();
  /** Terms loaded on demand, by path. @type {Map<string, Term>} */ #loaded = new Map();
  /** @type {ReadonlySet<string>} */ #changed = new Set();

  /** @param {string} pid @param {Term} root @param {string[]} changed  changed paths */
  show(pid, root, changed) {
    this.#pid = pid;
    this.#root = root;
    this.#changed = new Set(changed);
    this.#loaded.clear();
    this.#draw();
    for (const [path, open] of this.#open) if (open) this.#fill(path);
  }

  /** Reset the tree for another process. */
  forget() {
    this.#pid = "";
    this.#open.clear();
    this.#loaded.clear();
    this.#root = null;
    this.element.replaceChildren();
  }

  #draw() {
    if (!this.#root) return;
    const focused = document.activeElement instanceof HTMLElement && this.element.contains(document.activeElement)
      ? document.activeElement.dataset.path
      : undefined;
    this.element.replaceChildren(make("ul", { "aria-label": "State" }, this.#item(this.#root, "", true)));
    if (focused !== undefined)
      for (const one of this.element.querySelectorAll("button[data-path]"))
        if (one instanceof HTMLElement && one.dataset.path === focused) one.focus();
  }

  /** @param {Term} told @param {string} path @param {boolean} [root] @returns {HTMLElement} */
  #item(told, path, root = false) {
    const loaded = this.#loaded.get(path);
    const term = loaded ? { ...loaded, label: told.label } : told;
    const opens = term.size !== null && term.size > 0 && !COUNTED.has(term.type) && !term.hidden;
    const open = opens
      && (this.#open.get(path) ?? (root || (told.members.length > 0 && told.members.length <= 8 && path.split(".").length < 2)));
    const changed = this.#changed.has(path);
    const inside = !changed && !open && [...this.#changed].some((one) => one.startsWith(`${path}.`) || path === "");
    const label = root ? "State" : term.label;
    const words = make("span", { class: "line" },
      label ? make("b", {}, label) : null, " ", make("i", { title: "type" }, typeText(term)), " ",
      open ? null : make("code", { "data-hidden": term.hidden }, term.text),
      changed || inside ? make("mark", {}, changed ? "changed" : "changed inside") : null);
    const line = make("div", { class: "term", "data-changed": changed || inside },
      opens ? this.#twist(path, label, open, words) : make("span", { class: "leaf" }, words),
      term.hidden ? null : copyButton(() => this.#whole(term, path), "Copy", `Copy ${label}`, "btn quiet copy"));
    const item = make("li", {}, line);
    if (term.cut) item.append(this.#longer(term, path));
    if (open) item.append(this.#members(term, path));
    return item;
  }

  /** @param {string} path @param {string} label @param {boolean} open @param {HTMLElement} words */
  #twist(path, label, open, words) {
    const twist = make("button", {
      type: "button", class: "unfold", "aria-expanded": open ? "true" : "false", "data-path": path,
      title: open ? `Fold ${label}` : `Unfold ${label}`,
    },
      icon("open"), words);
    twist.onclick = () => {
      this.#open.set(path, !open);
      this.#draw();
      if (!open) this.#fill(path);
    };
    return twist;
  }

  /** @param {Term} term @param {string} path */
  #members(term, path) {
    const list = make("ul", {},
      ...term.members.map((one, index) => this.#item(one, path ? `${path}.${index + term.start}` : String(index + term.start))));
    const told = term.start + term.members.length;
    const left = (term.size ?? 0) - told;
    if (!term.members.length && left > 0) list.append(make("li", { class: "hint" }, "Reading…"));
    else if (left > 0)
      list.append(
        make("li", {}, button(`Show ${number(Math.min(PART, left))} more of ${number(left)}`, () => void this.#more(path, told), "link")));
    return list;
  }

  /** @param {Term} term @param {string} path */
  #longer(term, path) {
    const have = term.text.length;
    const next = LENGTHS.find((length) => length > have + 10);
    const all = COUNTED.has(term.type) ? ` of ${term.type === "str" ? counted(term.size ?? 0, "character") : bytes(term.size ?? 0)}` : "";
    return make("p", { class: "hint cut" }, `Cut${all}. `,
      next === undefined
        ? "More than this is not shown."
        : button("Show more", () => void this.#load(path, { depth: 0, length: next }), "link"));
  }

  /** Load the members of an opened branch, unless they are known. @param {string} path */
  #fill(path) {
    const known = this.#loaded.get(path) ?? this.#at(path);
    if (known && known.members.length === 0 && (known.size ?? 0) > 0 && !COUNTED.has(known.type)) void this.#load(path, { items: PART });
  }

  /** @param {string} path @returns {Term|null} */
  #at(path) {
    let term = this.#root;
    let here = "";
    for (const step of path === "" ? [] : path.split(".")) {
      const known = this.#loaded.get(here) ?? term;
      term = known?.members[Number(step) - known.start] ?? null;
      here = here ? `${here}.${step}` : step;
    }
    return term;
  }

  /** @param {string} path @param {import("./process-asks.js").Query} how */
  async #load(path, how) {
    const pid = this.#pid;
    try {
      const answer = await ask(pid, "state/tree", { path, ...how });
      if (pid !== this.#pid) return; // another process was chosen meanwhile
      if (answer.term) this.#loaded.set(path, answer.term);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (pid !== this.#pid) return;
      this.#open.delete(path);
      complain(error, "Unfold");
    }
    this.#draw();
  }

  /** Load further members. @param {string} path @param {number} start */
  async #more(path, start) {
    const pid = this.#pid;
    const known = this.#loaded.get(path) ?? this.#at(path);
    try {
      const answer = await ask(pid, "state/tree", { path, start, items: PART });
      if (pid !== this.#pid) return;
      if (known && answer.term)
        this.#loaded.set(path, { ...known, size: answer.term.size, members: [...known.members, ...answer.term.members] });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      complain(error, "Show more");
    }
    this.#draw();
  }

  /** @param {Term} term @param {string} path */
  async #whole(term, path) {
    if (!term.cut && !term.text.includes("…")) return term.text;
    return (await ask(this.#pid, "state/tree", { path, depth: 0, length: LENGTHS.at(-1) })).term?.text ?? term.text;
  }
}

/** @param {Term} term */
function typeText(term) {
  if (term.hidden) return `${term.type}, hidden`;
  if (term.size === null) return term.type;
  return COUNTED.has(term.type)
    ? (term.cut ? `${term.type}, ${term.type === "str" ? number(term.size) : bytes(term.size)}` : term.type)
    : `${term.type}, ${number(term.size)}`;
}
