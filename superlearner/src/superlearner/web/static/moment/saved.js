/**
 * The page of a saved moment: it plays a restart without a platform. Its document has the moment as JSON.
 *
 * @module
 */

import { byId, write } from "../base/dom.js";
import { isServiceChange } from "./story.js";
import { notesOf, Theatre } from "./theatre.js";

/** @typedef {{moment: import("./schedule.js").Moment, notes: string[]|null}} Saved  `notes`: null for those of the moment */

/** @type {Saved} */ const { moment, notes } = JSON.parse(byId("moment", HTMLScriptElement).text);
const theatre = new Theatre(byId("why-body", HTMLElement)), at = byId("at", HTMLElement);

write(at, new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "long" }).format(new Date(at.getAttribute("datetime") ?? "")));
theatre.open(moment);
theatre.tell(moment, byId("title", HTMLElement).textContent ?? "", notes ?? notesOf(moment));
if (!isServiceChange(moment)) void document.fonts.ready.then(() => {
  theatre.stage.fit();
  theatre.stage.reveal();
  theatre.stage.play();
});
