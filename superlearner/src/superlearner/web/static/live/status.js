/**
 * The connection status in the header: whether the page is up to date.
 *
 * @module
 */

import { attribute, byId, chosen, make, renew, spoken, write } from "../base/dom.js";
import { settle } from "../base/toast.js";
import { time } from "../base/words.js";

/** @import { Status } from "./live.js" */

const WORDS = { connecting: "Connecting", live: "Live", silent: "Not answering", lost: "Reconnecting", gone: "Not connected" };

/** @param {Status} status @param {boolean} [past]  the page shows an earlier moment */
export function showStatus(status, past = false) {
  byId("live", HTMLElement).dataset.status = status;
  write(byId("live-word", HTMLElement), past && status === "live" ? "Connected" : WORDS[status]);
  if (status === "live") settle("unreachable");
}

/** Return what holds the event loop of the page's node, as its program says it; "" if that is not known. */
export const heldWords = () => globalThis.document?.documentElement.dataset["held"] ?? "";

/**
 * Return what holds a node, with its name.
 * @param {string} node  "" for the default one
 * @param {string} held
 */
export const heldOn = (node, held) => !node ? held
  : held.startsWith("its process ") ? held.replace(/^its process (\d+)/, `process $1 of \`${node}\``) : `\`${node}\`: ${held}`;

/**
 * Return the sentence about a connection over which nothing comes.
 * @param {string} [since]  " since" and a time
 * @param {string} [node]  the node of the page; "" for the default one
 * @param {string} [held]  what holds its event loop
 */
export function silentWords(since = "", node = chosen(), held = heldWords()) {
  if (node && held) return `${node} is not answering: ${held}.`;
  return node === "" ? `The server is not answering${since}: a callback that does not return holds everybody up.`
    : `${node} is not answering${since}: a callback that does not return probably holds it up.`;
}

/**
 * Return the message for a lost connection, else "".
 * @param {Status} status
 * @param {number} fresh  server time of what is shown, 0: nothing is
 * @param {string} [node]  the node of the page; "" for the default one
 */
export function lostWords(status, fresh, node) {
  if (status !== "silent" && status !== "lost") return ""; // the shell says which node is gone
  const held = node === "" ? "" : heldWords();
  const why = status === "silent" || held
    ? silentWords("", node)
    : "The connection is lost; trying again.";
  return fresh && !held ? `${why} What you see is as of ${time(fresh)}.` : why;
}

/** Show a sentence with its commands, unless it is shown. @param {HTMLElement} element @param {string} words */
export function announce(element, words) {
  if (element.textContent !== words.replaceAll("`", "")) renew(element, [make("span", {}, ...spoken(words))]);
}

/** Show beside the page's figures that they are outdated. @param {Status} status @param {number} fresh */
export function showLost(status, fresh) {
  const words = lostWords(status, fresh);
  const line = byId("lost", HTMLElement);
  announce(line, words);
  line.hidden = words === "";
  for (const figures of document.querySelectorAll(".bar > .counts")) attribute(figures, "hidden", words !== "");
}
