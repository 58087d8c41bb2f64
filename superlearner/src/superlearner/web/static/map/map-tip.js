/**
 * The tooltip of the map: a frame around the process at the pointer, and a description.
 *
 * @module
 */

import { make, renew } from "../base/dom.js";
import { label, restartsText } from "../live/model.js";
import { kindText, number, stateReason, stateText } from "../base/words.js";

/** @import { Row } from "../live/model.js" */
/** @import { Level, Place } from "./map-layout.js" */

export class MapTip {
  /** The frame, which scrolls along with the map. */
  aim = make("div", { class: "aim", hidden: true, "aria-hidden": "true" });
  words = make("div", { class: "tip", hidden: true, "aria-hidden": "true" });

  /**
   * @param {{row: Row, place: Place}|null} on  null: nothing
   * @param {{level: Level, width: number, height: number, scrolled: number, now: number}} map  the visible part
   */
  show(on, { level: { h }, width, height, scrolled, now }) {
    this.words.hidden = this.aim.hidden = on === null;
    if (!on) return;
    const { row, place } = on;
    Object.assign(this.aim.style, { left: `${place.x - 1}px`, top: `${place.y - 1}px`, width: `${place.w + 2}px`, height: `${h + 2}px` });
    const why = row.state === "running" && row.last?.crash ? `after ${row.last.reason}` : stateReason(row);
    const facts = [
      row.pid ?? "", restartsText(row), row.mailbox ? `${number(row.mailbox)} in the mailbox` : "",
    ];
    renew(this.words, [
      make("b", {}, label(row)), make("span", { class: "what" }, kindText(row)),
      make("p", { "data-look": row.state }, make("span", { class: "st" }, stateText(row, now)), why ? ` ${why}` : ""),
      make("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    ]);
    const below = place.y - scrolled + h + 8;
    const { offsetWidth, offsetHeight } = this.words;
    const top = below + offsetHeight > height ? place.y - scrolled - offsetHeight - 8 : below;
    Object.assign(this.words.style, { left: `${Math.max(4, Math.min(place.x, width - offsetWidth - 4))}px`, top: `${Math.max(4, top)}px` });
  }
}
