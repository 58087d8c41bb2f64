/**
 * The list of operations by category, with search, filters and keys.
 *
 * @module
 */

import { byId, chosen, closest, icon, make, root, write } from "../base/dom.js";
import { found } from "./operation-list.js";

/** @import { Line } from "./form-fields.js" */
/** @import { Filter, Group } from "./operation-list.js" */

/** Categories that are open at first. */
const OPEN = new Set(["process", "supervisor"]);

/** Return the URL of an operation on this page. @param {string} name */
export function hrefOf(name) {
  const node = chosen() ? `&node=${encodeURIComponent(chosen())}` : "";
  return `${root()}/arsenal?operation=${encodeURIComponent(name)}${node}`;
}

export class Shelf {
  #groups = byId("groups", HTMLElement);
  #find = byId("find", HTMLInputElement);
  #effect = byId("effect", HTMLSelectElement);
  #scope = byId("scope", HTMLSelectElement);
  #count = byId("found", HTMLElement);
  /** @type {readonly Line[]} */ #lines = [];
  /** @type {ReadonlySet<string>} */ #may = new Set(["read", "operate", "code"]);
  #chosen = "";
  /** @type {Map<string, boolean>} */ #folds = new Map();

  /** @param {(name: string) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.#find.oninput = () => this.draw();
    this.#effect.onchange = this.#scope.onchange = () => this.draw();
    this.#find.onkeydown = (event) => this.#inSearch(event);
    this.#groups.onkeydown = (event) => this.#inList(event);
    this.#groups.addEventListener("click", (event) => {
      const link = closest(event.target, "a");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.onChoose(link.dataset.operation ?? "");
    });
  }

  /** @param {readonly Line[]} lines @param {ReadonlySet<string>} may  scopes of the user */
  show(lines, may) {
    this.#lines = lines;
    this.#may = may;
    this.draw();
  }

  /** @param {string} name */
  choose(name) {
    this.#chosen = name;
    const category = this.#lines.find((one) => one.name === name)?.category;
    if (category) this.#folds.set(category, true);
    this.draw();
    this.#groups.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  search() {
    this.#find.focus();
    this.#find.select();
  }

  focusChosen() {
    /** @type {HTMLElement|null} */ (this.#groups.querySelector("[aria-current]") ?? this.#groups.querySelector("a"))?.focus();
  }

  draw() {
    const typed = this.#find.value;
    const filter = /** @type {Filter} */ ({ effect: this.#effect.value, scope: this.#scope.value });
    const groups = found(this.#lines, typed, filter);
    const count = groups.reduce((sum, one) => sum + one.lines.length, 0);
    const filtered = typed.trim() || filter.effect || filter.scope;
    write(this.#count, filtered && typed ? String(count) : "");
    if (!groups.length && this.#lines.length) {
      const all = make("button", { type: "button", class: "btn" }, "Show all operations");
      all.onclick = () => {
        this.#find.value = this.#effect.value = this.#scope.value = "";
        this.draw();
        this.#find.focus();
      };
      this.#groups.replaceChildren(
        make("div", { class: "none" }, make("p", {}, `No operation fits${typed ? ` "${typed.slice(0, 60)}"` : ""}.`), all));
      return;
    }
    this.#groups.replaceChildren(...groups.map((group) => this.#group(group, Boolean(filtered))));
  }

  /** @param {Group} group @param {boolean} all */
  #group({ category, label, lines }, all) {
    const list = make("ul", {}, ...lines.map((line) => make("li", {}, this.#link(line))));
    const open = all || (this.#folds.get(category) ?? OPEN.has(category));
    const details = make("details", { open, "data-category": category },
      make("summary", {}, icon("open", "twist"), label, make("span", { class: "count" }, String(lines.length))),
      list);
    details.ontoggle = () => all || this.#folds.set(category, details.open);
    return details;
  }

  /** @param {Line} line */
  #link(line) {
    const refused = !this.#may.has(line.scope);
    const marks = [line.destroys ? "destroys" : "", refused ? `needs the scope ${line.scope}` : ""].filter(Boolean).join(", ");
    return make("a", {
      href: hrefOf(line.name), "data-operation": line.name, "data-refused": refused,
      "aria-current": line.name === this.#chosen ? "true" : null,
    },
      make("span", { class: "what" }, line.summary), make("code", {}, line.name), marks ? make("span", { class: "marks" }, marks) : null);
  }

  /** The visible links. */
  #links() {
    return /** @type {HTMLElement[]} */ ([...this.#groups.querySelectorAll("details[open] a")]);
  }

  /** @param {KeyboardEvent} event */
  #inSearch(event) {
    const [first] = this.#links();
    if (event.key === "Escape" && this.#find.value) {
      event.preventDefault();
      this.#find.value = "";
      this.draw();
    } else if (event.key === "Escape") this.#find.blur();
    else if (event.key === "ArrowDown") {
      event.preventDefault();
      first?.focus();
    } else if (event.key === "Enter" && this.#find.value.trim()) {
      event.preventDefault();
      if (first) this.onChoose(first.dataset.operation ?? "");
    }
  }

  /** @param {KeyboardEvent} event */
  #inList(event) {
    const links = /** @type {HTMLElement[]} */ ([...this.#groups.querySelectorAll("summary, details[open] a")]);
    const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: Math.min(at + 1, links.length - 1), ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (event.key === "Escape") return this.search();
    if (to === undefined || at < 0) return undefined;
    event.preventDefault();
    if (to < 0) this.search();
    else links[to]?.focus();
    return undefined;
  }
}

