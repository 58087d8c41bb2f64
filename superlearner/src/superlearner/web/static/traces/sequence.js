/**
 * `<sl-sequence>`: a sequence diagram with lanes for processes, a row for each message, and bars from calls to
 * answers; only the visible part is drawn. The same data as a table, and each row as a sentence.
 *
 * Pass all data to `show({items, people, now})` each time. The view follows the newest row. It stays at a crash, so that
 * the reader sees what came of it, and where the user scrolls to; then it counts new rows. Events: `sl-choose` (detail: the
 * item, or null), `sl-goto` (detail: a pid).
 *
 * @module
 */

import { attribute, draw, make, renew, write } from "../base/dom.js";
import { CrashStop, stopWords } from "./crash-stop.js";
import { drawRows, partnerOf } from "./sequence-drawing.js";
import { OUTSIDE, arrange, describe, fits, MOST_LANES } from "./sequence-layout.js";
import { said } from "./sequence-said.js";
import { SequenceTable, TABLE_ROW } from "./sequence-table.js";
import { counted, number } from "../base/words.js";

/** @import { Item, Layout, Mark, Person } from "./sequence-layout.js" */
/** @typedef {{kind?: string, text?: string, who?: string}} Filter */

const ROW = 28;
/** Width of a letter. */
const LETTER = 6.75;
const SPARE = 6;
/** Beyond this number, rows are laid out less often, so the newest may be late. */
const MANY = 2000;
const MANY_MS = 250;
const NARROW = 96;
const WIDE = 220;
let elements = 0;

export class SlSequence extends HTMLElement {
  /** @type {readonly Item[]} */ #items = [];
  /** @type {readonly Item[]} */ #newest = [];
  /** @type {ReadonlyMap<string, Person>} */ #people = new Map();
  /** @type {Filter} */ #filter = {};
  /** @type {Set<string>} */ #opened = new Set();
  /** @type {Layout} */ #layout = arrange([], new Map());
  /** @type {number|null} */ #chosen = null;
  #following = true;
  #crashes = new CrashStop();
  /** The crash that stays in view while it follows. @type {Mark|null} */ #crash = null;
  /** The lane of the crash is to be brought into view, once. */ #aside = false;
  /** Where the view was last scrolled to by itself. */ #scrolledTo = 0;
  #table = false;
  #due = false;
  #taken = -Infinity;
  #later = 0;
  #width = 0;
  #step = NARROW;
  #gutter = 72;
  #name = `seq-${++elements}`;

  #heads = make("div", { class: "heads" });
  #svg = draw("svg", { "aria-hidden": "true" });
  #options = make("div", { class: "options", role: "presentation" });
  #list = make("div", { class: "rows", role: "listbox", tabindex: 0, "aria-label": "Messages in the order in which they were sent" },
    this.#svg, this.#options);
  #diagram = make("div", { class: "diagram" }, this.#heads, this.#list);
  #rows = new SequenceTable((place) => this.#pick(place));
  #grid = this.#rows.element;
  #asDiagram = make("button", { type: "button", "aria-pressed": "true" }, "Diagram");
  #asTable = make("button", { type: "button", "aria-pressed": "false" }, "Table");
  #fold = make("button", { type: "button", class: "btn quiet", hidden: true }, "Unfold all");
  #follow = make("button", { type: "button", class: "btn", "aria-pressed": "true" }, "Following");
  #count = make("span", { class: "count" });
  #stopLead = make("span", { class: "lead" });
  #stopWords = make("span");
  #stop = make("span", { class: "stop", role: "status" }, this.#stopLead, this.#stopWords);
  #said = make("div", { class: "said", hidden: true });
  #empty = make("p", { class: "none hint", hidden: true });

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.append(
      make("div", { class: "seq-bar" },
        make("div", { class: "segmented", role: "group", "aria-label": "Show as" }, this.#asDiagram, this.#asTable),
        this.#fold, this.#count, this.#stop, this.#follow),
      this.#empty, this.#diagram, this.#grid, this.#said);
    this.#asDiagram.onclick = () => this.#switch(false);
    this.#asTable.onclick = () => this.#switch(true);
    this.#follow.onclick = () => this.follow(!this.following);
    this.#fold.onclick = () => this.#foldAll();
    for (const view of [this.#diagram, this.#grid]) {
      view.addEventListener("scroll", () => this.#scrolled(), { passive: true });
      view.addEventListener("keydown", (event) => this.#key(event));
    }
    this.#list.onclick = (event) => this.#pick(Math.floor((event.clientY - this.#list.getBoundingClientRect().top) / ROW));
    new ResizeObserver(() => this.#paintSoon()).observe(this);
    attribute(this.#follow, "hidden", this.hasAttribute("data-still"));
    if (this.hasAttribute("data-still")) this.#following = false;
  }

  /**
   * Show the data; draw only what is new.
   * @param {{items: readonly Item[], people: ReadonlyMap<string, Person>, now: number}} known
   */
  show({ items, people, now }) {
    this.#newest = items;
    this.#people = people;
    const crash = this.#crashes.next(items, people, now);
    if (crash && this.following) {
      this.#crash = crash;
      this.#aside = true;
    }
    if (!this.#following && !this.hasAttribute("data-still") && this.#items.length && items.length) this.#showState();
    else if (items.length < MANY || performance.now() - this.#taken > MANY_MS) this.#take();
    else if (!this.#later) this.#later = setTimeout(() => this.#following && this.#take(), MANY_MS);
  }

  /** Set the filter. @param {Filter} filter */
  filter(filter) {
    this.#filter = filter;
    this.#take();
  }

  /** True if the view follows the newest message. */
  get following() {
    return this.#following && !this.#crash;
  }

  /** @param {boolean} on */
  follow(on) {
    this.#following = on;
    this.#crash = null;
    if (on) this.#take();
    this.#showState();
  }

  /** Go to a message or mark; unselect one that is not shown. @param {number|null} seq @returns {boolean} */
  choose(seq) {
    if (seq !== null && !this.#layout.places.has(seq)) this.#take();
    const place = seq === null ? -1 : this.#layout.places.get(seq) ?? -1;
    this.#choose(place);
    return place >= 0;
  }

  /** The chosen item. @returns {Item|null} */
  get chosen() {
    return this.#layout.rows[this.#place()]?.item ?? null;
  }

  #take() {
    clearTimeout(this.#later);
    this.#later = 0;
    this.#taken = performance.now();
    this.#items = this.#newest;
    const seen = this.#filter.kind || this.#filter.text || this.#filter.who
      ? this.#items.filter((item) => fits(item, this.#filter, this.#people))
      : this.#items;
    this.#layout = arrange(seen, this.#people, { opened: this.#opened });
    if (this.#crash && !this.#layout.places.has(this.#crash.seq)) this.#crash = null; // filtered out, or no longer kept
    this.#showState();
    this.#paintSoon();
  }

  #showState() {
    const missed = this.#newest.length
      ? this.#newest.length - 1 - this.#newest.findLastIndex((item) => item.seq <= (this.#items.at(-1)?.seq ?? 0))
      : 0;
    write(this.#follow,
      this.#crash ? "Follow on" : this.#following ? "Following" : missed ? `Follow, ${number(missed)} new` : "Follow");
    attribute(this.#follow, "aria-pressed", String(this.following));
    write(this.#stopLead, this.#crash ? "Following stopped: " : "");
    write(this.#stopWords, this.#crash ? stopWords(this.#crash, this.#people) : "");
    this.#count.hidden = this.#crash !== null;
    const { rows, lanes } = this.#layout;
    write(this.#count,
      rows.length === this.#items.length ? counted(rows.length, "row") : `${number(rows.length)} of ${counted(this.#items.length, "row")}`);
    const folded = lanes.some((lane) => lane.folded && lane.group !== null);
    this.#fold.hidden = !folded && !this.#opened.size;
    write(this.#fold, folded ? "Unfold all" : "Fold by supervisor");
    const nothing = !rows.length;
    this.#empty.hidden = !nothing;
    write(this.#empty, this.#items.length ? "Nothing matches the filter." : this.dataset["empty"] ?? "No messages yet.");
    this.#diagram.hidden = nothing || this.#table;
    this.#grid.hidden = nothing || !this.#table;
  }

  #foldAll() {
    const groups = this.#layout.lanes.flatMap((lane) => (lane.folded && lane.group ? [lane.group] : []));
    if (groups.length) for (const group of groups) this.#opened.add(group);
    else this.#opened.clear();
    this.#take();
  }

  /** @param {boolean} table */
  #switch(table) {
    this.#table = table;
    attribute(this.#asTable, "aria-pressed", String(table));
    attribute(this.#asDiagram, "aria-pressed", String(!table));
    this.#showState();
    this.#paint();
    if (this.#place() >= 0) this.#bring(this.#place());
  }

  #place() {
    return this.#chosen === null ? -1 : this.#layout.places.get(this.#chosen) ?? -1;
  }

  #paintSoon() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#paint());
  }

  #scrolled() {
    const view = this.#table ? this.#grid : this.#diagram;
    const end = view.scrollTop + view.clientHeight >= view.scrollHeight - ROW;
    if (this.#crash) {
      if (Math.abs(view.scrollTop - this.#scrolledTo) > 1) this.follow(end);
    } else if (!this.hasAttribute("data-still") && end !== this.#following && view.scrollHeight > view.clientHeight) this.follow(end);
    this.#paintSoon();
  }

  #paint() {
    this.#due = false;
    if (!this.isConnected || !this.#layout.rows.length) return;
    const view = this.#table ? this.#grid : this.#diagram;
    if (this.#table) this.#paintTable();
    else this.#paintDiagram();
    if (!this.#following) return;
    const to = this.#followTo(view);
    if (Math.abs(view.scrollTop - to) > 1) {
      view.scrollTop = to;
      if (this.#table) this.#paintTable();
      else this.#paintDiagram();
    }
    this.#scrolledTo = view.scrollTop;
    if (this.#aside && this.#crash && !this.#table) this.#bringAside();
  }

  /** Scroll to the lane of the crash: on a phone, not all have room. */
  #bringAside() {
    const lane = this.#layout.rows[this.#crashPlace()]?.lane ?? 0, view = this.#diagram;
    const x = this.#gutter + this.#step * (lane + 0.5) - view.scrollLeft;
    if (x < this.#gutter || x > view.clientWidth - NARROW) view.scrollLeft += x - view.clientWidth / 2;
    this.#aside = false;
  }

  /** Return where a view that follows is scrolled to: its end, with the crash in its upper part. @param {HTMLElement} view */
  #followTo(view) {
    const end = view.scrollHeight - view.clientHeight, place = this.#crashPlace();
    return place < 0 ? end : Math.min(end, Math.max(0, place * (this.#table ? TABLE_ROW : ROW) - view.clientHeight / 3));
  }

  #crashPlace() {
    return this.#crash ? this.#layout.places.get(this.#crash.seq) ?? -1 : -1;
  }

  #paintDiagram() {
    const { lanes, rows } = this.#layout;
    const room = this.#diagram.clientWidth;
    if (!room) return;
    const longest = rows.length ? ((rows.at(-1)?.item.at ?? 0) - this.#layout.begun).toFixed(3).length : 0;
    this.#gutter = Math.max(room < 480 ? 58 : 72, Math.ceil(longest * LETTER) + 18);
    this.#step = Math.max(NARROW, Math.min(WIDE, (room - this.#gutter - 24) / Math.max(1, lanes.length)));
    this.#width = Math.max(room, this.#gutter + this.#step * lanes.length + 16);
    this.#heads.style.width = this.#list.style.width = `${this.#width}px`;
    this.#list.style.height = `${rows.length * ROW + 8}px`;
    this.#paintHeads();
    const top = this.#diagram.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const last = Math.min(rows.length, Math.ceil((top + this.#diagram.clientHeight) / ROW) + SPARE);
    const chosen = this.#place();
    this.#svg.style.top = `${first * ROW}px`;
    attribute(this.#svg, "width", this.#width);
    attribute(this.#svg, "height", Math.max(0, last - first) * ROW);
    attribute(this.#svg, "viewBox", `0 ${first * ROW} ${this.#width} ${Math.max(0, last - first) * ROW}`);
    const x = (/** @type {number} */ lane) => this.#gutter + this.#step * (lane + 0.5);
    this.#svg.replaceChildren(
      ...drawRows(this.#layout, first, last,
        { x, width: this.#width, height: this.#list.clientHeight, row: ROW, gutter: this.#gutter, letter: LETTER },
        chosen, this.#crashPlace()));
    /** @type {HTMLElement[]} */ const options = [];
    for (let place = first; place < last; place++) {
      const option = make("div", {
        role: "option", id: `${this.#name}-${place}`, "aria-posinset": place + 1, "aria-setsize": rows.length,
        "aria-selected": String(place === chosen) , "aria-label": describe(this.#layout, place, this.#people),
      });
      option.style.top = `${place * ROW}px`;
      options.push(option);
    }
    this.#options.replaceChildren(...options);
    attribute(this.#list, "aria-activedescendant", chosen >= first && chosen < last ? `${this.#name}-${chosen}` : null);
  }

  #paintHeads() {
    const heads = this.#layout.lanes.map((lane) => {
      const title = lane.key === OUTSIDE
        ? "Code outside of every process: a timer, a script, a request to the API"
        : lane.pids.slice(0, 20).join(", ");
      const button = lane.group !== null
        ? make("button", {
          type: "button",
          title: lane.folded ? `Show them one by one: ${title}` : `Fold all below ${lane.group}`,
          "aria-expanded": String(!lane.folded), "data-group": lane.group,
        },
          lane.label)
        : lane.key === OUTSIDE ? make("span", { title }, lane.label)
          : make("button", { type: "button", title, "data-pid": lane.pids.at(-1) ?? "" }, lane.label);
      const head = make("div", { class: `head${lane.folded ? " folded" : ""}${lane.traced ? "" : " other"}` }, button);
      head.style.width = `${this.#step}px`;
      return head;
    });
    this.#heads.style.paddingLeft = `${this.#gutter}px`;
    renew(this.#heads, heads);
    this.#heads.onclick = (event) => {
      const { group, pid } = /** @type {HTMLElement} */ (event.target).dataset;
      if (group !== undefined) {
        if (!this.#opened.delete(group)) this.#opened.add(group);
        this.#take();
      } else if (pid) this.#goTo(pid);
    };
  }

  #paintTable() {
    this.#rows.paint(this.#layout, this.#people, this.#place(), this.#crashPlace());
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /** @type {HTMLElement} */ (event.target).matches("button")) return;
    const last = this.#layout.rows.length - 1;
    const place = this.#place();
    const partner = partnerOf(this.#layout, place);
    const to = /** @type {Record<string, number>} */ ({
      ArrowDown: Math.min(last, place + 1), ArrowUp: place < 0 ? last : Math.max(0, place - 1), Home: 0, End: last,
      PageDown: Math.min(last, place + 15), PageUp: Math.max(0, place - 15), Enter: partner >= 0 ? partner : place,
    })[event.key];
    if (event.key === "Escape" && place >= 0) this.#choose(-1);
    else if (to === undefined) return;
    else this.#pick(to);
    event.preventDefault();
    event.stopPropagation();
  }

  /** Select a row, which stops following. @param {number} place */
  #pick(place) {
    if (!this.#layout.rows[place]) return;
    if (this.#following) this.follow(false);
    this.#choose(place);
  }

  /** @param {number} place */
  #choose(place) {
    const item = this.#layout.rows[place]?.item ?? null;
    this.#chosen = item?.seq ?? null;
    if (item) this.#bring(place);
    this.#paint();
    this.#describeRow(place);
    this.dispatchEvent(new CustomEvent("sl-choose", { detail: item, bubbles: true }));
  }

  /** @param {number} place */
  #bring(place) {
    if (this.#following) this.follow(false);
    const [view, height, head] = this.#table ? [this.#grid, TABLE_ROW, TABLE_ROW] : [this.#diagram, ROW, this.#heads.offsetHeight];
    const top = place * height;
    if (top < view.scrollTop) view.scrollTop = Math.max(0, top - height);
    else if (top + height + head > view.scrollTop + view.clientHeight) view.scrollTop = top + 2 * height + head - view.clientHeight;
  }

  /** Show the chosen row in words. @param {number} place */
  #describeRow(place) {
    const words = said(this.#layout, this.#people, place, { pick: (to) => this.#pick(to), goTo: (pid) => this.#goTo(pid) });
    this.#said.hidden = !words.length;
    if (words.length) this.#said.replaceChildren(...words);
  }

  /** @param {string} pid */
  #goTo(pid) {
    this.dispatchEvent(new CustomEvent("sl-goto", { detail: pid, bubbles: true }));
  }
}

customElements.define("sl-sequence", SlSequence);
export { MOST_LANES };
