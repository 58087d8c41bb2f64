/**
 * The end of a node's last tree: what a page says when nothing runs there any more. Loaded when that is so.
 *
 * @module
 */

import { requestOn } from "../base/api.js";
import { icon, make, nodeQuery, renew, root } from "../base/dom.js";
import { whyAddress } from "../base/process-link.js";
import { time } from "../base/words.js";
import { restartsIn } from "./storms.js";

/** @import { FeedEvent, Model } from "./model.js" */

/** What each place says when no end is known. @type {WeakMap<Element, Node[]>} */
const written = new WeakMap();

/** Restarts after a give-up that are read to find out whether it ended a tree. */
const MOST_AFTER = 100;

/** @typedef {Pick<FeedEvent, "kind"|"at"> & {text?: string, parts?: {who?: string}|null, event?: number|null, ref?: string|null}} End */

/**
 * Return the event that ended the last tree of a node; null while a tree runs, or if none is known to have run. Processes
 * without a supervisor may still run.
 * @param {Pick<Model, "rows"|"feed">} model
 * @param {End|null} [stored]  a give-up that the platform has stored: its feed begins with the platform
 * @returns {End|null}
 */
export function downfall({ rows, feed }, stored = null) {
  if ([...rows.values()].some(({ kind }) => kind === "supervisor")) return null;
  const ends = restartsIn(feed);
  const gaveUp = ends.findLast(({ kind }) => kind === "gave_up"), { id = 0, key, pid } = gaveUp ?? {};
  // A later process of that name was ended
  const later = gaveUp && feed.findLast((one) => one.kind === "ended" && one.id > id && one.key === key && one.pid !== pid);
  return later ?? gaveUp ?? stored ?? (rows.size ? null : ends.at(-1)) ?? null;
}

/** Return the sentence about it. @param {End} event */
export function downfallText({ kind, at, text = "", parts }) {
  if (kind !== "gave_up") return `No supervised processes are running. The last to end was ${parts?.who ?? "a process"}, at ${time(at)}.`;
  const [first, because = ""] = text.split(" gave up: ", 2);
  if (because && parts?.who && first !== parts.who) return `At ${time(at)} ${text}. No supervisor restarts ${parts.who}.`;
  return `${parts?.who ?? "The supervisor"} gave up at ${time(at)}${because && `: ${because}`}. No supervisor restarts it.`;
}

/**
 * Return the stored give-up of a restart as an end.
 * @param {Pick<Api.RestartLine, "at"|"until"|"fell_at"|"name"|"fallen"|"story"|"ref">} line
 * @returns {End}
 */
export const storedEnd = ({ at, until, fell_at: fellAt, name, fallen, story, ref }) =>
  ({ kind: "gave_up", at: fellAt ?? until ?? at, text: story ?? "", parts: { who: fallen?.at(-1) ?? name ?? undefined }, ref });

/**
 * Return the give-up that ended the tree of a node, if nothing was started or restarted after it: the feed of a service begins
 * with its attachment.
 * @param {string} node
 * @returns {Promise<End|null>}
 */
export async function readStoredEnd(node) {
  /** @type {(query: string) => Promise<Api.RestartLine[]>} */
  const list = (query) => requestOn(node, "GET", `/restarts?${query}`);
  try {
    const [fall] = await list("only=give_ups&fold=false&per_page=1");
    if (!fall || fall.restarted) return null;
    const after = await list(`only=restarts&per_page=${MOST_AFTER}&since=${fall.at}`);
    return after.some(({ ref, incident, ran_on }) => ref !== fall.ref && !incident && !ran_on) ? null : storedEnd(fall);
  } catch {
    return null;
  }
}

/**
 * Say in a place how the last tree ended; what stood there comes back when that is not so. Return whether it has ended.
 * @param {Model} model
 * @param {Element} place
 * @param {End|null} [stored]
 */
export function showDownfall(model, place, stored = null) {
  const before = written.get(place) ?? [...place.childNodes], event = downfall(model, stored);
  written.set(place, before);
  for (const one of before) // what is suggested where no tree has ever been
    if (one instanceof HTMLElement && one.matches("[data-never]")) one.hidden = model.feed.length > 0;
  renew(place, event === null ? before : [
    make("p", { role: "status", "data-look": "gave_up" }, icon("gave-up", "glyph"), " ", make("b", {}, downfallText(event)), " ",
      ...((event.ref ?? event.event) ? [make("a", { href: whyAddress(event.ref ?? event.event ?? "") }, "Why?")] : [])),
    make("p", {}, event.kind === "gave_up" ? "Fix the cause, then restart the program. " : "Restart the program to run it. ",
      ...(event.kind === "gave_up" && (event.ref ?? event.event) ? [make("i", {}, "Why?"), " shows the tree at that moment. "] : []),
      "Earlier events are in the ", make("a", { href: `${root()}/timeline${nodeQuery()}` }, "timeline"), "."),
  ]);
  return event !== null;
}
