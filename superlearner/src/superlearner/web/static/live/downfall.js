/**
 * The end of a node's last tree: what a page says when nothing runs there any more.
 *
 * @module
 */

import { make } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { time } from "../base/words.js";
import { restartsIn } from "./storms.js";

/** @import { FeedEvent, Model } from "./model.js" */

/**
 * Return the event that ended the last tree of a node; null while a tree runs, or if none is known to have run.
 * @param {Pick<Model, "rows"|"feed">} model @returns {FeedEvent|null}
 */
export function downfall({ rows, feed }) {
  if (rows.size) return null;
  const ends = restartsIn(feed);
  return ends.findLast(({ kind }) => kind === "gave_up") ?? ends.at(-1) ?? null;
}

/** Return the sentence about it. @param {FeedEvent} event */
export const downfallText = ({ kind, at, parts }) => (kind === "gave_up"
  ? `${parts?.who ?? "The supervisor"} gave up at ${time(at)}, and no supervisor starts it again.`
  : `Nothing runs here any more. The last end was that of ${parts?.who ?? "a process"} at ${time(at)}.`);

/** Return the sentence with the link to the page of the restart. @param {FeedEvent} event @returns {Node[]} */
export const downfallParts = (event) => [
  make("span", {}, `${downfallText(event)} `),
  ...(event.event ? [make("a", { href: whyAddress(event.ref ?? event.event) }, "Why?")] : []),
];
