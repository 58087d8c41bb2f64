/**
 * A line of the tree: creates its elements once, then writes only changes.
 *
 * A restart takes less than a millisecond, so a crash never shows up as a state. The line therefore keeps the look of
 * a crash for 400 ms after a change of the restart counter or the last exit.
 *
 * @module
 */

import { attribute, icon, make, nodeQuery, reshape, root, write } from "../base/dom.js";
import { budgetAt, label, ranAgain, restartsText } from "../live/model.js";
import { PLATFORM, YOURS } from "../live/scopes.js";
import { hiddenText, phrases, pips, shapeOf, SHAPES } from "../base/marks.js";
import {
  atPlace, budgetText, classText, counted, downText, MEANINGS, number, STATES, stateText, time, unlimited, UNLIMITED, withoutQuestion,
} from "../base/words.js";

/** @import { Row } from "../live/model.js" */
/** @import { Line } from "./outline.js" */

const HOLD_MS = 400;
/** A sibling that is stopped only to be restarted is stopped for less than this, which is not shown. */
const STOP_MS = 150;
/** States that need no further emphasis. */
const LOUD = new Set(["crashed", "gave_up", "stuck"]);
/** Time for which "killing" may be shown after the answer, until a frame shows the result. */
const PENDING_MS = 1500;
/** Processes without a supervisor that the platform lists individually. */
const MOST_ALONE = 200;

/** Return the class; for a root of your trees also its supervisor, which is a row of the platform. @param {Row} row */
const besides = (row) => [classText(row), row.parent === YOURS ? "in playground" : ""].filter(Boolean).join(" · ");

/** Return the number of processes in a group. @param {Row} row */
const groupText = (row) =>
  counted(row.children ?? 0, "process", "processes") + ((row.children ?? 0) > MOST_ALONE ? `, the oldest ${MOST_ALONE} here` : "");

export class RowView {
  /** @type {Line|null} */ line = null;
  /** @type {{look: "crashed"|"restarting"|"exiting", reason: string}|null} */ #held = null;
  #release = 0;
  #pending = 0;
  /** A replay shows it as stopped. */ #down = false;

  /**
   * @param {Row} row
   * @param {(view: RowView) => void} repaint
   */
  constructor(row, repaint) {
    this.repaint = repaint;
    this.key = row.key;
    this.glyph = icon("running", "glyph");
    this.id = make("span", { class: "id" });
    this.strategy = make("span", { class: "strategy" });
    this.what = make("span", { class: "what" });
    this.why = make("span", { class: "why" });
    /** @type {HTMLAnchorElement|null} */
    this.more = null;
    this.pid = make("span", { class: "pid" });
    this.state = make("span", { class: "st" });
    this.restarts = make("span", { class: "rs" });
    this.budget = make("span", { class: "bu", title: row.kind === "supervisor" ? MEANINGS.budget : null });
    this.mailbox = make("span", { class: "mq" });
    this.kill = make("button", { type: "button", class: "kill", tabindex: -1 }, "Kill");
    this.element = make("li", { role: "treeitem", tabindex: -1, "data-key": row.key, "data-kind": row.kind },
      make("span", { class: "twist", "aria-hidden": "true" }, icon("open")), this.glyph,
      // Parts that do not fit are dropped from the end
      make("span", { class: "nm" }, this.id, this.strategy, this.why, this.what),
      this.pid, this.state, this.restarts, this.budget, this.mailbox, this.kill);
  }

  /** The displayed state; the actual one is `data-state`. */
  get look() {
    return this.#held?.look ?? this.line?.row.state ?? "stopped";
  }

  /**
   * Update the line; `seen` is false if the row was not on the page before.
   * @param {Line} line
   * @param {boolean} seen
   */
  take(line, seen) {
    const before = this.line?.row;
    const row = line.row;
    this.line = line;
    if (!before && seen && row.restarts > 0 && row.last?.crash) this.#hold("crashed", HOLD_MS, row.last.reason);
    if (!before || before === row) return;
    const ended = row.last !== null && row.last.at !== before.last?.at;
    const moved = ended || row.restarts !== before.restarts || row.pid !== before.pid || row.state !== before.state;
    if (moved) this.settle();
    if (seen) this.#notice(before, row, ended);
  }

  /**
   * Choose the look to hold after a change.
   * @param {Row} before
   * @param {Row} row
   * @param {boolean} ended  its process has ended since
   */
  #notice(before, row, ended) {
    if (LOUD.has(row.state)) this.#let();
    else if (ended && row.last?.crash) this.#hold("crashed", HOLD_MS, row.last.reason);
    else if (ranAgain(before, row) && this.#held?.look !== "crashed") this.#hold("restarting", HOLD_MS);
    else if (row.state === "stopped" && before.state === "running") this.#hold("exiting", STOP_MS);
  }

  /** @param {"crashed"|"restarting"|"exiting"} look @param {number} time @param {string} [reason] */
  #hold(look, time, reason = "") {
    this.#held = { look, reason };
    clearTimeout(this.#release);
    this.#release = setTimeout(() => {
      this.#let();
      this.fade();
      this.repaint(this);
    }, time);
  }

  #let() {
    clearTimeout(this.#release);
    this.#held = null;
  }

  /** Fade the tint; all other changes are instant. */
  fade() {
    const { element } = this;
    element.dataset.fade = "";
    setTimeout(() => delete element.dataset.fade, HOLD_MS);
  }

  /** Show the pending action at once, until a frame or the answer replaces it. @param {string} word */
  mark(word) {
    clearTimeout(this.#pending);
    this.element.dataset.pending = word;
    this.repaint(this);
  }

  /** Handle the answer; the frame with the result follows in a moment. */
  answered() {
    if (!("pending" in this.element.dataset)) return;
    clearTimeout(this.#pending);
    this.#pending = setTimeout(() => {
      this.settle();
      this.repaint(this);
    }, PENDING_MS);
  }

  settle() {
    clearTimeout(this.#pending);
    delete this.element.dataset.pending;
  }

  /** Disable its kill button while a replay shows it as stopped. @param {boolean} down */
  hold(down) {
    if (this.#down === down) return;
    this.#down = down;
    this.repaint(this);
  }

  /** Keep the line of a removed row for a moment, with its end. @param {string} reason */
  leave(reason) {
    this.settle();
    clearTimeout(this.#release);
    const { element } = this;
    element.dataset.gone = "";
    element.dataset.look = reason ? "crashed" : "stopped";
    for (const name of ["role", "aria-selected", "aria-expanded", "aria-level", "aria-posinset", "aria-setsize", "aria-label", "tabindex"])
      element.removeAttribute(name);
    element.setAttribute("aria-hidden", "true");
    reshape(this.glyph, SHAPES[element.dataset.look] ?? "stopped");
    write(this.why, withoutQuestion(reason));
    write(this.state, reason ? "crashed" : "ended");
    for (const cell of [this.restarts, this.budget, this.mailbox]) cell.replaceChildren();
    this.kill.disabled = true;
  }

  /**
   * Write the line.
   * @param {number} now  server time
   * @param {{all: number, bad: number}|null} inside  the content of a collapsed branch
   * @param {boolean} fell  it gave up before it was restarted
   * @returns {number|null}  when it has to be written again without an event
   */
  paint(now, inside, fell) {
    if (!this.line) return null;
    const { line } = this;
    const { row, depth, place, siblings, open, match } = line;
    const { element } = this;
    const look = this.look;
    attribute(element, "aria-level", depth);
    attribute(element, "aria-posinset", place);
    attribute(element, "aria-setsize", siblings);
    attribute(element, "aria-expanded", open === null ? null : String(open));
    attribute(element, "data-state", row.state);
    attribute(element, "data-look", look);
    attribute(element, "data-pid", row.pid ?? "");
    attribute(element, "data-restarts", row.restarts);
    attribute(element, "data-since", row.since);
    attribute(element, "data-above", !match);
    if (element.style.getPropertyValue("--depth") !== String(depth)) element.style.setProperty("--depth", String(depth));
    reshape(this.glyph, shapeOf(row, look));

    this.#name(row);
    write(this.strategy, row.strategy ?? "");
    write(this.what, row.key === PLATFORM ? "the platform" : row.kind === "group" ? groupText(row) : besides(row));
    if (row.kind === "group") this.#more(row);
    const why = this.#why(row, inside, fell);
    write(this.why, withoutQuestion(why));
    attribute(this.why, "title", why || null);
    write(this.pid, row.pid ?? "");
    const pending = "pending" in element.dataset;
    const state = pending ? element.dataset.pending ?? "" : (this.#held ? STATES[this.#held.look] : null) ?? stateText(row, now);
    write(this.state, state);
    write(this.restarts, row.restarts ? number(row.restarts) : "");
    write(this.mailbox, row.mailbox === null ? "" : number(row.mailbox));
    attribute(this.restarts, "data-one", row.restarts === 1);
    attribute(this.restarts, "data-along", row.restarted_along || null);
    attribute(this.restarts, "title", row.restarted_along ? restartsText(row) : null);
    attribute(this.mailbox, "data-hot", (row.mailbox ?? 0) >= 100);
    const dead = row.pid === null;
    write(this.kill, dead ? "Start" : "Kill");
    attribute(this.kill, "data-act", dead ? "start" : "kill");
    attribute(this.kill, "aria-label", `${dead ? "Start" : "Kill"} ${label(row)}`);
    this.kill.disabled = pending || (dead && !line.startable);
    const held = this.#down && !dead;
    attribute(this.kill, "aria-disabled", held ? "true" : null); // its place stays
    attribute(this.kill, "title", held ? downText(label(row)) : null);
    const next = this.#paintBudget(row, now);
    const count = restartsText(row);
    attribute(element, "aria-label",
      `${label(row)}, ${row.kind === "group" ? groupText(row) : row.strategy ? `supervisor ${row.strategy}` : row.what}, `
        + `${state}${dead && row.last?.start ? "; its last start failed" : ""}${count && `, ${count}`}`);
    const waits = row.again_at && row.again_at > now ? row.again_at - Math.ceil(row.again_at - now) + 1 : null;
    return waits === null ? next : Math.min(waits, next ?? Infinity);
  }

  /** Link to the page of all processes if only the oldest of very many are shown. @param {Row} row */
  #more(row) {
    const some = (row.children ?? 0) > MOST_ALONE;
    if (some === Boolean(this.more)) return;
    this.more?.remove();
    this.more = some ? make("a", { class: "more", href: `${root()}/processes${nodeQuery()}`, tabindex: -1 }, "All processes") : null;
    if (this.more) this.what.after(this.more);
  }

  /** Return the name; omit the pid of a nameless child, which has its own column. @param {Row} row */
  #name(row) {
    const text = label(row);
    if (this.id.textContent === text) return;
    const tail = row.pid !== null && text.endsWith(` ${row.pid}`) ? ` ${row.pid}` : "";
    this.id.replaceChildren(text.slice(0, text.length - tail.length), ...(tail ? [make("span", { class: "no" }, tail)] : []));
  }

  /** @param {Row} row @param {{all: number, bad: number}|null} inside @param {boolean} fell */
  #why(row, inside, fell) {
    attribute(this.why, "data-loud", false);
    if (this.#held?.reason || row.state === "crashed" || row.state === "gave_up") {
      attribute(this.why, "data-loud", true);
      return this.#held?.reason || (row.state === "gave_up" ? "too many restarts" : row.last?.reason) || "";
    }
    if (row.state === "stuck") return `since ${time(row.since)}${row.doing ? `: ${row.doing}` : ""}`;
    if (row.state === "suspended") return `since ${time(row.since)}${row.doing ? ` by ${row.doing}` : ""}`;
    if (inside) return hiddenText(inside);
    if (row.state === "stopped" && row.last?.start)
      return `its last start failed: ${row.last.reason}${atPlace(row.last.where, row.last.reason)}`;
    if (!row.last?.crash) return fell ? "after it gave up" : "";
    return row.last.reason === "killed" ? "was killed" : `after ${row.last.reason}`;
  }

  /** @param {Row} row @param {number} now */
  #paintBudget(row, now) {
    if (row.budget === null || unlimited(row.budget)) {
      for (const name of ["data-left", "data-level"]) this.budget.removeAttribute(name);
      attribute(this.element, "data-spent", false);
      write(this.budget, row.kind !== "supervisor" || row.pid === null ? "" : row.budget ? budgetText(0, row.budget) : UNLIMITED);
      return null;
    }
    const { left, next } = budgetAt(row.budget, now);
    attribute(this.element, "data-spent", left < row.budget.max);
    attribute(this.budget, "data-left", left);
    attribute(this.budget, "data-level", left === 0 ? "none" : left < row.budget.max ? "some" : "all");
    const text = budgetText(left, row.budget);
    if (this.budget.textContent === text) return next;
    this.budget.replaceChildren(pips(left, row.budget.max), make("span", { class: "fit" }, ...phrases(text)));
    return next;
  }
}
