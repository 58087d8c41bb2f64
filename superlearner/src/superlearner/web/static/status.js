/**
 * The header says whether what is on the page is still true.
 *
 * @module
 */

import { byId, write } from "./dom.js";
import { settle } from "./toast.js";

/** @typedef {import("./live.js").Status} Status */

const WORDS = { connecting: "Connecting", live: "Live", silent: "Not answering", lost: "Reconnecting", gone: "Node is gone" };

/** @param {Status} status */
export function showStatus(status) {
  byId("live", HTMLElement).dataset.status = status;
  write(byId("live-word", HTMLElement), WORDS[status]);
  if (status === "live") settle("unreachable");
}
