/**
 * The form in which a tree is drawn: an outline to select, drag and change nodes in, with the mouse or with keys; it
 * writes the text of the exercise.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { html, nothing, render, svg } from "../vendor/lit-html.js";
import { drag } from "./card-drag.js";
import {
  add, at, change, cleanName, countIn, drawingIn, dropPath, kindOfName, KINDS, move, put, read, remove, STRATEGIES, supervises, withCount,
  withDrawing, write,
} from "./drawing.js";

/** @import { Drawing, DrawnNode, Kind, Path, Problem } from "./drawing.js" */
/** @typedef {{node: DrawnNode, path: Path, siblings: number, rails: boolean[]}} Line  rails: where lines of ancestors go on */

const MOST_UNDO = 100;
/** Width of a level of the outline, in px. */
const LEVEL = 24;
/** @type {[Kind, string][]} */
const ADDS = [["worker", "Worker"], ["supervisor", "Supervisor"], ["dynamic", "Dynamic supervisor"], ["store", "Store"]];
/** @type {["up"|"down"|"out"|"in", string, string][]} */
const MOVES = [
  ["up", "Move up", "M8 13V3M4 7l4-4 4 4"], ["down", "Move down", "M8 3v10M4 9l4 4 4-4"],
  ["out", "Move out: beside its supervisor", "M13 8H3M7 4L3 8l4 4"],
  ["in", "Move in: below the supervisor above it", "M3 8h10M9 4l4 4-4 4"],
];
/** @type {Record<Kind, string>} */
const WORDS = { supervisor: "supervisor", dynamic: "dynamic supervisor", worker: "worker", store: "store" };
const NO_DRAWING = 'The text below has no drawing: write drawing = """…""" in it.';
const NOTHING = { roots: [], problem: null, drawable: false };

export class DrawingForm {
  element = make("div", { class: "drawing-form" });
  #source = "";
  /** @type {Drawing} */ #drawing = NOTHING;
  /** @type {Path} */ #path = [0];
  /** Files before the last changes, newest last. @type {string[]} */ #before = [];
  /** What the last change was; several of one kind are undone together. */
  #last = "";
  /** The kind follows the name that is typed: it was a worker by its old name. */
  #named = false;
  #status = make("p", { class: "vh", role: "status" });
  #place = make("div", { class: "drawing-place" });
  #more = make("div", { class: "drawing-more" });

  /** @param {import("./lesson-model.js").Choice} choice @param {() => void} changed */
  constructor(choice, changed) {
    this.choice = choice;
    this.changed = changed;
    this.element.append(this.#place, this.#more, this.#status);
  }

  get source() {
    return this.#source;
  }

  set source(text) {
    if (text === this.#source) return;
    this.#source = text;
    this.#last = "";
    this.#read();
  }

  /** The drawing alone, as text. */
  get text() {
    return write(this.#drawing.roots);
  }

  /** Return whether every count is predicted. */
  get predicted() {
    return (this.choice.keys ?? []).every((key) => countIn(this.#source, key));
  }

  /** The name of the root; "" without one. */
  get root() {
    return this.#drawing.roots[0]?.name ?? "";
  }

  /** What is wrong with the text, and on which line of the file. @returns {Problem|null} */
  get problem() {
    const { problem } = this.#drawing, found = drawingIn(this.#source);
    return problem && found ? { line: found.line + problem.line, say: problem.say } : null;
  }

  #read() {
    const found = drawingIn(this.#source);
    this.#drawing = found ? read(found.text) : NOTHING;
    while (this.#path.length > 1 && !at(this.#drawing.roots, this.#path)) this.#path = this.#path.slice(0, -1);
    if (!at(this.#drawing.roots, this.#path)) this.#path = [0];
    this.#paint();
  }

  /** Change the file. @param {string} source @param {string} kind  of the change */
  #put(source, kind) {
    if (source === this.#source) return;
    if (!kind || kind !== this.#last) this.#before = [...this.#before, this.#source].slice(-MOST_UNDO);
    this.#last = kind;
    this.#source = source;
    this.#read();
    this.changed();
  }

  /**
   * Take over another tree.
   * @param {{roots: DrawnNode[], path: Path}|null} changed  null: nothing changes
   * @param {string} [say]
   * @param {{kind?: string, focus?: boolean}} [how]
   */
  #set(changed, say = "", { kind = "", focus = true } = {}) {
    if (!changed) return;
    this.#path = changed.path;
    this.#put(withDrawing(this.#source, write(changed.roots)), kind);
    this.#path = changed.path;
    this.#paint();
    this.#status.textContent = say;
    if (focus) this.#focus();
  }

  #focus() {
    const chosen = this.element.querySelector("[role='treeitem'][tabindex='0']") ?? this.element.querySelector(".drawing-add .btn");
    if (chosen instanceof HTMLElement) chosen.focus();
  }

  #undo() {
    const before = this.#before.pop();
    if (before === undefined) return;
    this.#source = before;
    this.#last = "";
    this.#read();
    this.changed();
    this.#status.textContent = "Undone.";
    if (!this.element.contains(document.activeElement)) this.#focus();
  }

  /** @param {Kind} kind */
  #add(kind) {
    const { roots } = this.#drawing, changed = add(roots, this.#path, kind), parent = at(changed.roots, changed.path.slice(0, -1));
    const name = at(changed.roots, changed.path)?.name ?? "";
    this.#set(changed, parent ? `${name} added below ${parent.name}.` : `${name} added.`);
  }

  #remove() {
    const { roots } = this.#drawing, node = at(roots, this.#path);
    if (node) this.#set(remove(roots, this.#path), `${node.name} deleted.`);
  }

  /** @param {"up"|"down"|"in"|"out"} way @param {boolean} [focus] */
  #move(way, focus = true) {
    const moved = move(this.#drawing.roots, this.#path, way), parent = moved && at(moved.roots, moved.path.slice(0, -1));
    const name = at(this.#drawing.roots, this.#path)?.name ?? "";
    const place = parent ? `child ${(moved.path.at(-1) ?? 0) + 1} of ${parent.name}` : "on top";
    if (moved) this.#set(moved, `${name} is now ${place}.`, { focus });
    else this.#status.textContent = `${name} cannot move there.`;
  }

  /** @param {Partial<DrawnNode>} values @param {string} [kind] */
  #change(values, kind) {
    this.#set(change(this.#drawing.roots, this.#path, values), "", { kind, focus: false });
  }

  /** @param {Path} path */
  #select(path) {
    const changed = String(path) !== String(this.#path);
    this.#path = path;
    if (changed) this.#paint();
    this.#focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const { roots } = this.#drawing, lines = linesOf(roots), here = lines.findIndex(({ path }) => String(path) === String(this.#path));
    const line = lines[here], to = (/** @type {Path|undefined} */ path) => path && this.#select(path);
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.shiftKey) this.#undo();
    else if (event.ctrlKey || event.metaKey || !line) return;
    else if (event.altKey) {
      const way = /** @type {const} */ ({ ArrowUp: "up", ArrowDown: "down", ArrowLeft: "out", ArrowRight: "in" })[event.key];
      if (!way) return;
      this.#move(way);
    } else if (event.key === "ArrowDown") to(lines[here + 1]?.path);
    else if (event.key === "ArrowUp") to(lines[here - 1]?.path);
    else if (event.key === "ArrowLeft") to(line.path.length > 1 ? line.path.slice(0, -1) : undefined);
    else if (event.key === "ArrowRight") to(line.node.children.length ? [...line.path, 0] : undefined);
    else if (event.key === "Home") to(lines[0]?.path);
    else if (event.key === "End") to(lines.at(-1)?.path);
    else if (event.key === "Enter" || event.key === "F2") this.#rename();
    else if (event.key === "Delete" || event.key === "Backspace") this.#remove();
    else if (event.key === "Insert" || event.key === "+") this.#add("worker");
    else return;
    event.preventDefault();
  }

  #rename() {
    const field = this.element.querySelector("input[name='name']");
    if (field instanceof HTMLInputElement) field.select();
  }

  /** @param {KeyboardEvent} event */
  #finished(event) {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape" && this.#last.startsWith("name")) this.#undo();
    this.#focus();
  }

  /** @param {PointerEvent} event @param {Path} path */
  #drag(event, path) {
    const { currentTarget: row, target } = event;
    if (!(row instanceof HTMLElement) || path.length < 2) return;
    // A finger scrolls the tree with the rest of the card
    if (event.pointerType === "touch" && !(target instanceof Element && target.closest(".grip"))) return;
    drag(event, row, (below, y) => below.closest(".drawing-tree li") ?? rowAt(below, row, y), (over, after, dx) => {
      const on = over instanceof HTMLElement ? (over.dataset.path ?? "").split(",").map(Number) : [];
      const { roots } = this.#drawing, name = at(roots, path)?.name ?? "";
      const to = dropPath(roots, on, after, path, Math.floor(-dx / LEVEL));
      if (to) this.#set(put(roots, path, to), `${name} moved.`);
    });
  }

  #paint() {
    const { roots, drawable } = this.#drawing;
    render(drawable ? html`
      <div class="drawing-add" role="group" aria-label="Add to the tree">
        ${ADDS.map(([kind, word]) => html`<button type="button" class="btn" aria-label=${`Add ${word.toLowerCase()}`}
          @click=${() => this.#add(kind)}><span aria-hidden="true">+</span> ${word}</button>`)}
        <button type="button" class="btn quiet" ?disabled=${!this.#before.length} @click=${() => this.#undo()}>Undo</button>
      </div>
      <ul class="drawing-tree" role="tree" aria-label="The drawn tree"
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.#pressed(event)}>
        ${linesOf(roots).map((line) => this.#line(line))}
      </ul>
      ${this.#fields()}` : html`<p class="hint">${this.problem?.say ?? NO_DRAWING}</p>`,
    this.#place);
    render(html`${drawable ? html`<p class="drawing-said" data-bad=${this.problem ? "yes" : nothing}>${this.problem
      ? html`Line ${this.problem.line}: ${this.problem.say}`
      : html`<span class="for-keys">Arrows select, Alt with arrows moves, Enter renames, + adds, Tab goes on to kind and
        strategy, Delete removes.</span> A name such as Store or Pool chooses the kind. Drag a node onto
        a supervisor, or to the left to take it out of its branch.`}</p>` : nothing}
      ${this.#counts()}`, this.#more);
  }

  /** @param {Line} line */
  #line({ node, path, siblings, rails }) {
    const chosen = String(path) === String(this.#path), place = (path.at(-1) ?? 0) + 1;
    const what = { supervisor: node.strategy, dynamic: "dynamic", store: /store$/i.test(node.name) ? "" : "store", worker: "" }[node.kind];
    const isAgent = node.kind === "worker" && at(this.#drawing.roots, path.slice(0, -1))?.kind === "dynamic";
    const label = `${node.name}, ${isAgent ? "temporary agent" : WORDS[node.kind]}${node.kind === "supervisor" ? ` ${what}` : ""}`;
    return html`<li role="treeitem" aria-level=${path.length} aria-posinset=${place} aria-setsize=${siblings}
      aria-selected=${String(chosen)} aria-expanded=${node.children.length ? "true" : nothing} aria-label=${label}
      tabindex=${chosen ? 0 : -1} data-path=${path.join(",")} data-kind=${node.kind}
      data-bad=${node.children.length && !supervises(node) ? "yes" : nothing}
      @pointerdown=${(/** @type {PointerEvent} */ event) => this.#drag(event, path)}
      @focus=${() => this.#select(path)} @click=${() => this.#select(path)} @dblclick=${() => this.#rename()}>
      <span class="rails" aria-hidden="true">${rails.map((on) => html`<i data-on=${on ? "yes" : nothing}></i>`)}${path.length > 1
        ? html`<i data-on=${place < siblings ? "tee" : "end"}></i>`
        : nothing}</span>
      ${glyph(node.kind)}<span class="name">${node.name}</span><span class="what">${what}</span>
      ${path.length > 1 ? html`<span class="grip" aria-hidden="true">⠿</span>` : nothing}
    </li>`;
  }

  /** Return the fields of the selected node. */
  #fields() {
    const { roots } = this.#drawing, node = at(roots, this.#path);
    if (!node) return html`<p class="hint">Nothing is drawn yet. Add the root.</p>`;
    const may = (/** @type {"up"|"down"|"in"|"out"} */ way) => move(roots, this.#path, way) !== null;
    // The root is a supervisor
    const kinds = Object.entries(KINDS).filter(([kind]) => this.#path.length > 1 || kind === "supervisor" || kind === node.kind);
    return html`<fieldset class="drawing-one"><legend>${node.name}</legend>
      <label>Name<input type="text" name="name" autocomplete="off" spellcheck="false" maxlength="40" .value=${node.name}
        @input=${(/** @type {InputEvent} */ event) => this.#typed(event)} @change=${(/** @type {Event} */ event) => this.#shown(event)}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.#finished(event)}></label>
      <label>Kind<select @change=${(/** @type {Event} */ event) => this.#change({ kind: /** @type {Kind} */ (valueOf(event)) })}>${kinds
        .map(([kind, word]) => html`<option value=${kind} ?selected=${kind === node.kind}
          .selected=${kind === node.kind}>${word}</option>`)}</select></label>
      <label>Strategy<select ?disabled=${node.kind !== "supervisor"}
        @change=${(/** @type {Event} */ event) => this.#change({ strategy: valueOf(event) })}>${STRATEGIES.map((one) => html`<option
          value=${one} .selected=${one === node.strategy}>${one}</option>`)}</select></label>
      <div class="drawing-moves">${MOVES.map(([way, word, path]) => html`<button type="button" class="btn quiet" aria-label=${word}
        title=${word} ?disabled=${!may(way)} @click=${() => this.#move(way, false)}><svg viewBox="0 0 16 16" width="16" height="16"
          aria-hidden="true"><path d=${path}></path></svg></button>`)}
        <button type="button" class="btn quiet" @click=${() => this.#remove()}>Delete</button></div>
    </fieldset>`;
  }

  /** @param {Event} event */
  #typed(event) {
    const name = cleanName(valueOf(event)).trim(), edit = `name ${this.#path}`, node = at(this.#drawing.roots, this.#path);
    if (!name || !node) return;
    if (this.#last !== edit) {
      const parent = at(this.#drawing.roots, this.#path.slice(0, -1));
      this.#named = node.kind === "worker" && !node.children.length && kindOfName(node.name) === "worker" && parent?.kind === "supervisor";
    }
    this.#change({ name, ...(this.#named ? { kind: kindOfName(name) } : {}) }, edit);
  }

  /** Show the name as it is, without what cannot stand in one. @param {Event} event */
  #shown({ target }) {
    if (target instanceof HTMLInputElement) target.value = at(this.#drawing.roots, this.#path)?.name ?? "";
  }

  #counts() {
    const keys = this.choice.keys ?? [];
    return keys.length ? html`<fieldset class="drawing-counts"><legend>How many processes end when one crashes, itself included?</legend>
      ${keys.map((key) => html`<label>${this.choice.labels[key] ?? key}<input type="number" inputmode="numeric" min="0" max="99"
        .value=${countIn(this.#source, key)} @input=${(/** @type {Event} */ event) =>
        this.#put(withCount(this.#source, key, valueOf(event)), `count ${key}`)}></label>`)}</fieldset>` : nothing;
  }
}

/** @param {Event} event */
const valueOf = ({ target }) => (target instanceof HTMLInputElement || target instanceof HTMLSelectElement ? target.value : "");

/**
 * Return the row for a height without one: the last row below all rows, else the dragged row, whose place is empty.
 * @param {Element} below @param {HTMLElement} dragged @param {number} y
 */
function rowAt(below, dragged, y) {
  const rows = [...below.closest(".drawing-place")?.querySelectorAll(".drawing-tree li") ?? []].filter((row) => row !== dragged);
  const last = rows.at(-1);
  return last ? (y > last.getBoundingClientRect().bottom ? last : dragged) : null;
}

/** @param {DrawnNode[]} roots @returns {Line[]} */
function linesOf(roots) {
  /** @param {DrawnNode[]} siblings @param {Path} above @param {boolean[]} rails @returns {Line[]} */
  const walk = (siblings, above, rails) => siblings.flatMap((node, place) => [
    { node, path: [...above, place], siblings: siblings.length, rails },
    ...walk(node.children, [...above, place], above.length ? [...rails, place + 1 < siblings.length] : []),
  ]);
  return walk(roots, [], []);
}

/** @param {Kind} kind */
const glyph = (kind) => html`<svg class="glyph" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">${kind === "supervisor"
  ? svg`<rect x="1.5" y="1.5" width="13" height="13" rx="4"></rect><circle cx="8" cy="8" r="2"></circle>`
  : kind === "dynamic"
  ? svg`<rect x="1.5" y="1.5" width="13" height="13" rx="4" stroke-dasharray="3 2"></rect><circle cx="8" cy="8" r="2"></circle>`
  : kind === "store"
  ? svg`<path d="M2.5 4c0-1.4 2.5-2.5 5.5-2.5s5.5 1.1 5.5 2.5v8c0 1.4-2.5 2.5-5.5 2.5S2.5 13.4 2.5 12z
      M2.5 4c0 1.4 2.5 2.5 5.5 2.5s5.5-1.1 5.5-2.5"></path>`
  : svg`<circle cx="8" cy="8" r="6.2"></circle><circle cx="8" cy="8" r="2"></circle>`}</svg>`;
