/**
 * Keyboard and mouse handling of the tree. Arrows move the focus, Enter and a click select, Space and a click with
 * Ctrl add, Shift extends, Delete kills, letters jump to a name.
 *
 * @module
 */

import { closest } from "../base/dom.js";
import { label } from "../live/model.js";
import { toast } from "../base/toast.js";
import { downText } from "../base/words.js";

/** @import { Row } from "../live/model.js" */

/** Letters typed within this time form one word. */
const TYPING_MS = 700;

export class TreeKeys {
  /** @type {string|null} */ #anchor = null;
  #typed = "";
  #typing = 0;

  /** The line under the pointer when it was last moved. @type {string|null} */ #aim = null;
  #at = { x: -1, y: -1 };

  /** @param {import("./tree.js").SlTree} tree */
  constructor(tree) {
    this.tree = tree;
  }

  /**
   * Record the line under the pointer. Browsers also report a resting pointer when lines move below it; those events
   * are ignored.
   * @param {PointerEvent} event
   */
  moved(event) {
    if (this.#rests(event) && event.pointerType === "mouse") return;
    this.#at = { x: event.clientX, y: event.clientY };
    this.#aim = this.#keyOf(event);
  }

  /** Return whether the pointer is resting; clicks have integer coordinates, moves do not. @param {MouseEvent} event */
  #rests(event) {
    return Math.abs(event.clientX - this.#at.x) < 1 && Math.abs(event.clientY - this.#at.y) < 1;
  }

  /** Update the line under the pointer after scrolling with the wheel. */
  turned() {
    this.#aim = null;
  }

  /** @param {Event} event */
  #keyOf(event) {
    const item = closest(event.target, "[data-key]");
    return item instanceof HTMLElement && !("gone" in item.dataset) ? item.dataset.key ?? null : null;
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const key = this.#keyOf(event);
    if (key === null || !(event.target instanceof Element) || event.target.closest("a")) return;
    const act = event.target.closest(".kill");
    if (act?.matches("[aria-disabled]")) return;
    if (act) {
      const focused = act.contains(document.activeElement);
      this.#killed(key, event, act.matches("[data-act=start]"));
      this.tree.point(key, false);
      // a disabled button loses the focus; moving it takes 5 ms with 300 lines: update the line first
      requestAnimationFrame(() => focused && [act, document.body].includes(document.activeElement ?? act) && this.tree.point(key));
      return;
    }
    this.tree.point(key);
    if (event.target.closest(".twist") && event.target.closest("[aria-expanded]")) this.tree.toggle(key);
    else if (event.shiftKey) this.#extend(key);
    else if (event.ctrlKey || event.metaKey) this.#add(key);
    else this.#only(key);
  }

  /**
   * Handle a click on a kill or start button; ignore it if another line has moved under the pointer.
   * @param {string} key
   * @param {MouseEvent} event
   * @param {boolean} start  the button starts a stopped process
   */
  #killed(key, event, start) {
    const meant = this.#aim ?? key;
    this.#aim = key;
    if (meant !== key && this.#rests(event))
      toast("Nothing was killed: another line moved under the pointer.", { hint: "Click again if you mean this one." });
    else if (start) this.tree.start(key);
    else this.tree.kill([key]);
  }

  /** @param {MouseEvent} event */
  clickedTwice(event) {
    const key = this.#keyOf(event);
    if (key !== null && event.target instanceof Element && !event.target.closest(".kill, .twist")) this.tree.toggle(key);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const key = this.tree.cursor;
    if (key === null || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key !== "a") return;
      event.preventDefault();
      this.tree.select(this.tree.lines.filter((line) => line.match).map((line) => line.row.key), false);
      return;
    }
    if (this.#handle(event, key)) event.preventDefault();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} key
   * @returns {boolean}  whether the key was handled
   */
  #handle(event, key) {
    const { lines } = this.tree;
    const place = lines.findIndex((line) => line.row.key === key);
    const line = lines[place];
    if (!line) return false;
    switch (event.key) {
      case "ArrowDown": return this.#move(place + 1, event.shiftKey);
      case "ArrowUp": return this.#move(place - 1, event.shiftKey);
      case "PageDown": return this.#move(Math.min(place + 10, lines.length - 1), event.shiftKey);
      case "PageUp": return this.#move(Math.max(place - 10, 0), event.shiftKey);
      case "Home": return this.#move(0, event.shiftKey);
      case "End": return this.#move(lines.length - 1, event.shiftKey);
      case "ArrowRight":
        if (line.open === false) this.tree.toggle(key, true);
        else if (line.open) this.#move(place + 1, false);
        return true;
      case "ArrowLeft":
        if (line.open) this.tree.toggle(key, false);
        if (!line.open || this.tree.lines[place]?.open) this.#move(lines.findIndex((other) => other.row.key === line.row.parent), false);
        return true;
      case "Enter": {
        if (event.shiftKey) return this.tree.dispatchEvent(new CustomEvent("sl-why", { detail: key }));
        const more = /** @type {HTMLElement|null} */ (document.activeElement?.querySelector("a.more"));
        if (more) more.click();
        return more ? true : this.#only(key);
      }
      case " ": return this.#add(key);
      case "Delete": return this.#delete(line.row);
      default: return this.#jump(event.key, place);
    }
  }

  /** End the selected processes if there are several, else the focused line if it was chosen by the user. @param {Row} row */
  #delete(row) {
    const { key } = row;
    const { selected, chosen } = this.tree;
    if (selected.size > 1) this.tree.kill([...selected], true);
    else if (chosen !== key)
      toast("Nothing was killed: the line you were on has ended.", { hint: "Choose another one with the arrow keys, Enter or a click." });
    else if (this.tree.holds(key)) toast("Nothing was killed.", { hint: downText(label(row)) });
    else this.tree.kill([key]);
    return true;
  }

  /** @param {number} place @param {boolean} extend */
  #move(place, extend) {
    const key = this.tree.lines[place]?.row.key;
    if (key === undefined) return true;
    if (extend) {
      this.#anchor ??= this.tree.cursor;
      this.#extend(key);
    } else this.#anchor = null;
    this.tree.point(key);
    return true;
  }

  /** @param {string} key */
  #only(key) {
    this.#anchor = key;
    this.tree.select([key]);
    return true;
  }

  /** @param {string} key */
  #add(key) {
    this.#anchor = key;
    const keys = new Set(this.tree.selected);
    if (!keys.delete(key)) keys.add(key);
    this.tree.select([...keys]);
    return true;
  }

  /** Select everything from the anchor to this line. @param {string} key */
  #extend(key) {
    const keys = this.tree.lines.map((line) => line.row.key);
    const from = keys.indexOf(this.#anchor ?? this.tree.cursor ?? key);
    const to = keys.indexOf(key);
    const range = keys.slice(Math.min(from, to), Math.max(from, to) + 1);
    this.tree.select(from <= to ? range : range.reverse());
  }

  /** @param {string} letter @param {number} place */
  #jump(letter, place) {
    if (letter.length !== 1 || !/[\p{L}\p{N}_]/u.test(letter)) return false;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => (this.#typed = ""), TYPING_MS);
    this.#typed += letter.toLowerCase();
    const { lines } = this.tree;
    const start = this.#typed.length === 1 ? place + 1 : place;
    for (let step = 0; step < lines.length; step += 1) {
      const line = lines[(start + step) % lines.length];
      if (line && label(line.row).toLowerCase().startsWith(this.#typed)) return this.#move((start + step) % lines.length, false);
    }
    return true;
  }
}
