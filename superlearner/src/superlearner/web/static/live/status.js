/**
 * The header says whether what is on the page is still true.
 *
 * @module
 */

import { attribute, byId, write } from "../base/dom.js";
import { settle } from "../base/toast.js";
import { time } from "../base/words.js";

/** @typedef {import("./live.js").Status} Status */

const WORDS = { connecting: "Connecting", live: "Live", silent: "Not answering", lost: "Reconnecting", gone: "Node is gone" };

/** @param {Status} status */
export function showStatus(status) {
  byId("live", HTMLElement).dataset.status = status;
  write(byId("live-word", HTMLElement), WORDS[status]);
  if (status === "live") settle("unreachable");
}

/** What is said while nobody tells what is true; "" otherwise. @param {Status} status @param {number} fresh  server time of what is shown, 0: nothing is */
export function lostWords(status, fresh) {
  if (status !== "silent" && status !== "lost") return ""; // the shell says which node is gone
  const why = status === "silent" ? "The server is not answering: a callback that does not return holds everybody up." : "The connection is lost; trying again.";
  return fresh ? `${why} What you see is as of ${time(fresh)}.` : why;
}

/** Says so where the figures of the page stand, which are not those of now. @param {Status} status @param {number} fresh */
export function showLost(status, fresh) {
  const words = lostWords(status, fresh);
  const line = byId("lost", HTMLElement);
  write(line, words);
  line.hidden = words === "";
  for (const figures of document.querySelectorAll(".bar > .counts")) attribute(figures, "hidden", words !== "");
}
