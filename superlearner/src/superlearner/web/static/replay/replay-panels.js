/**
 * The panels beside the lanes of a replay: events, the tree, one process, each at the playhead.
 *
 * @module
 */

import { attribute, closest, icon, make, renew, write } from "../base/dom.js";
import { shapeOf } from "../base/marks.js";
import { label, linesOf, restartsText } from "../live/model.js";
import { biography, isCrash, lastUpTo, lookAt, sentence } from "./reel.js";
import { counted, duration, isOrderly, kindText, number, reasonedState } from "../base/words.js";

/** @import { Biography, Reel } from "./reel.js" */
/** @import { Model } from "../live/model.js" */

const ROW = 28;
const MOST_ROWS = 400;
const MOST_WAITING = 50;
const NO_TREE = "This recording has no supervision tree: a saved trace has messages, starts and ends only. To have the tree, record the "
  + "whole node: on Messages press “Record now”, let it happen again, and press Stop.";

/** `<sl-reel-events>`: the steps of a recording; the one at the playhead is marked. Event: `sl-seek` (detail: place). */
export class SlReelEvents extends HTMLElement {
  /** @type {Reel|null} */ #reel = null;
  #now = -1;
  #rows = make("div", { class: "all" });

  connectedCallback() {
    if (this.#rows.isConnected) return;
    attribute(this, "tabindex", 0);
    this.append(this.#rows);
    this.addEventListener("scroll", () => this.#paint(), { passive: true });
    this.#rows.onclick = (event) => {
      const place = Number(closest(event.target, "button")?.dataset["place"] ?? 0);
      if (place) this.dispatchEvent(new CustomEvent("sl-seek", { detail: place, bubbles: true }));
    };
    new ResizeObserver(() => this.#paint()).observe(this);
  }

  /** @param {Reel} reel @param {number} place @param {boolean} [grown]  more of it was loaded */
  show(reel, place, grown = false) {
    const now = lastUpTo(reel.steps, place);
    if (now === this.#now && reel === this.#reel && !grown) return;
    this.#reel = reel;
    this.#now = now;
    this.#rows.style.height = `${reel.steps.length * ROW}px`;
    const wanted = (now + 1) * ROW - this.clientHeight * 0.7;
    if (this.clientHeight) this.scrollTop = Math.max(0, wanted);
    this.#paint();
  }

  #paint() {
    const reel = this.#reel;
    if (!reel || !this.clientHeight) return;
    const first = Math.max(0, Math.floor(this.scrollTop / ROW) - 4);
    const last = Math.min(reel.steps.length, Math.ceil((this.scrollTop + this.clientHeight) / ROW) + 4);
    /** @type {HTMLElement[]} */ const rows = [];
    for (let step = first; step < last; step++) {
      const place = reel.steps[step] ?? 0;
      const event = reel.events[place - 1];
      if (!event) continue;
      const row = make("button", {
        type: "button", "data-place": place, "data-kind": isCrash(event) ? "crash" : event[1],
        "aria-current": step === this.#now ? "step" : null, "data-later": step > this.#now, tabindex: step === this.#now ? 0 : -1,
      },
        make("span", { class: "at" }, ((reel.real[place] ?? 0) / 1000).toFixed(3)), make("span", { class: "what" }, sentence(reel, place)));
      row.style.top = `${step * ROW}px`;
      rows.push(row);
    }
    renew(this.#rows, rows.map((row) => row));
    this.#rows.childNodes.forEach((node, index) => {
      const top = rows[index]?.style.top ?? `${(first + index) * ROW}px`;
      if (/** @type {HTMLElement} */ (node).style.top !== top) /** @type {HTMLElement} */ (node).style.top = top;
    });
  }
}

/** `<sl-reel-tree>`: the supervision tree at the playhead. Event: `sl-lane` (detail: pid). */
export class SlReelTree extends HTMLElement {
  /** @type {Model|null} */ #model = null;
  #treeless = false;
  #list = make("ul", { class: "rows", "aria-label": "Supervision tree at the playhead" });
  #more = make("p", { class: "hint", hidden: true });

  connectedCallback() {
    if (this.#list.isConnected) return;
    this.append(this.#list, this.#more);
    this.#list.onclick = (event) => {
      const pid = closest(event.target, "button")?.dataset["pid"];
      if (pid) this.dispatchEvent(new CustomEvent("sl-lane", { detail: pid, bubbles: true }));
    };
  }

  /**
   * @param {Model} model
   * @param {boolean} treeless  there is never a tree
   * @param {number|null} [at]  the moment, to tell how long each process had run
   */
  show(model, treeless, at = null) {
    if ((model === this.#model && treeless === this.#treeless) || !this.offsetParent) return;
    this.#model = model;
    this.#treeless = treeless;
    const lines = linesOf(model);
    const rows = lines.slice(0, MOST_ROWS).map(({ row, more, depth }) => {
      const line = more ? make("li", { class: "hint" }, `and ${number(more)} more`)
        : make("li", { "data-state": row.state, "data-kind": row.kind },
          make("button", { type: "button", "data-pid": row.pid ?? "", disabled: row.pid === null, title: row.pid ?? "" },
            icon(shapeOf(row), "glyph"), make("span", { class: "name" }, label(row)),
            make("span", { class: "what" },
              at !== null && row.kind === "supervisor" && !row.strategy ? [kindText(row), "–"].filter(Boolean).join(" · ") : kindText(row)),
            !row.uncounted && restartsText(row) ? make("span", { class: "n" }, restartsText(row)) : null,
            at !== null && row.pid !== null
              ? make("span", {
                class: "age", "data-known": row.since > 0,
                title: row.since ? "Time since its start, at this moment" : "Its start is no longer in memory.",
              },
                row.since ? duration(at - row.since) : "–")
              : null,
            make("span", { class: "tag" }, row.state === "running" ? row.pid ?? "" : reasonedState(row))));
      line.style.setProperty("--depth", String(Math.min(depth, 12)));
      return line;
    });
    const left = lines.slice(MOST_ROWS).reduce((sum, { more }) => sum + (more || 1), 0);
    renew(this.#list, rows);
    this.#list.childNodes.forEach((node, index) => /** @type {HTMLElement} */
      (node).style.setProperty("--depth", rows[index]?.style.getPropertyValue("--depth") ?? "0"));
    this.#more.hidden = model.rows.size > 0 && left === 0;
    write(this.#more,
      model.rows.size ? `${counted(left, "more row")}.`
        : treeless ? NO_TREE
        : "The recording tells of no supervisor up to here.");
  }
}

/** `<sl-reel-process>`: state, mailbox and work of one process at the playhead. Event: `sl-seek` (detail: place). */
export class SlReelProcess extends HTMLElement {
  /** @type {Biography|null} */ #life = null;
  #length = 0;
  #told = "";

  connectedCallback() {
    this.onclick = (/** @type {MouseEvent} */ event) => {
      const place = Number(closest(event.target, "button")?.dataset["place"] ?? 0);
      if (place) this.dispatchEvent(new CustomEvent("sl-seek", { detail: place, bubbles: true }));
    };
  }

  /** Show a process; after a restart, its successor of the same name. @param {Reel} reel @param {string|null} pid @param {number} place */
  show(reel, pid, place) {
    if (pid === null) {
      if (this.#told !== "none")
        this.replaceChildren(
          make("p", { class: "hint" }, "Choose a process by its lane, or in the tree, to see its state and mailbox at the playhead."));
      this.#told = "none";
      return;
    }
    const here = incarnation(reel, pid, place);
    if (this.#life?.pid !== here || this.#length !== reel.events.length) {
      this.#life = biography(reel, here);
      this.#length = reel.events.length;
    }
    const seen = lookAt(reel, this.#life, place);
    const key = JSON.stringify([here, seen]);
    if (key === this.#told) return;
    this.#told = key;
    const person = reel.people.get(here);
    const jump = (/** @type {number} */ to, /** @type {string} */ words) =>
      make("button", { type: "button", class: "link", "data-place": to }, words);
    const life = this.#life;
    renew(this, [
      make("h3", { "data-state": seen.alive ? "running" : seen.unborn || isOrderly(seen.reason) ? "stopped" : "crashed" },
        person?.label ?? here, " ", make("span", { class: "badge" }, here), " ",
        make("span", { class: "tag" },
          seen.alive ? seen.callback ? `in ${seen.callback}` : "waiting" : seen.unborn ? "not started yet" : `ended: ${seen.reason}`)),
      make("p", { class: "ways" },
        life.born ? jump(life.born, "Its start") : null,
        life.born && life.died !== Infinity ? " · " : null,
        life.died === Infinity ? null : jump(life.died, "Its end")),
      make("h4", {}, "State"),
      seen.state === null
        ? make("p", { class: "hint" },
          life.states.length ? "Not known before its first change." : "Not in this recording. Record with states to see it.")
        : make("pre", { tabindex: 0, role: "region", "aria-label": "State" }, seen.state),
      make("h4", {}, `Mailbox, ${counted(seen.waiting.length, "message")}`),
      seen.waiting.length
        ? make("ol", {},
          ...seen.waiting.slice(0, MOST_WAITING)
            .map((sent) => make("li", {},
              jump(sent, reel.events[sent - 1]?.[4] || "a message"),
              make("span", { class: "hint" }, ` from ${reel.label(reel.events[sent - 1]?.[2] ?? null)}`))))
        : make("p", { class: "hint" }, "Empty."),
      make("h4", {}, "Last message"),
      seen.message === null
        ? make("p", { class: "hint" }, "None yet.")
        : make("pre", { tabindex: 0, role: "region", "aria-label": "Last message" }, seen.message),
    ]);
  }
}

/**
 * Return the process of this name at a moment: the latest started by then.
 * @param {Reel} reel
 * @param {string} pid
 * @param {number} place
 */
function incarnation(reel, pid, place) {
  const name = reel.people.get(pid)?.name;
  if (!name) return pid;
  let found = pid;
  let latest = -1;
  for (const other of reel.people.values()) {
    const born = reel.born.get(other.pid) ?? 0;
    if (other.name === name && born <= place && born > latest) [found, latest] = [other.pid, born];
  }
  return found;
}

customElements.define("sl-reel-events", SlReelEvents);
customElements.define("sl-reel-tree", SlReelTree);
customElements.define("sl-reel-process", SlReelProcess);
