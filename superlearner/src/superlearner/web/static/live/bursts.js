/**
 * The decoder of the signals in a feed entry, which are shortened for transport. Pure.
 *
 * @module
 */

/** @import { FeedEvent } from "./model.js" */
/** @import { Burst, Kind } from "../teaching/signal-lanes.js" */
/** @typedef {{who: (string|[string, string])[], list: [string, number, number, number, string?][], more?: number}} Wire */

/** @type {Record<string, Kind>} */
const KINDS = { k: "kill", l: "link", e: "exit", t: "stop", s: "start", f: "failed", g: "gave_up" };

/**
 * @param {FeedEvent} event
 * @returns {Burst|null}  null: there are none
 */
export function burstOf({ parts, sup }) {
  const wire = parts?.signals;
  if (!wire) return null;
  const whole = (/** @type {string} */ key) => (key === "" || key.startsWith("/") ? `${sup ?? ""}${key}` : key);
  const usual = (/** @type {Kind} */ kind) => (kind === "exit" ? parts?.reason ?? "" : kind === "stop" ? "shutdown" : "");
  return {
    who: wire.who.map((one) => {
      const key = whole(typeof one === "string" ? one : one[0]);
      return [key, typeof one === "string" ? key.slice(key.lastIndexOf("/") + 1) : one[1]];
    }),
    list: wire.list.map(([letter, from, to, us, word]) => {
      const kind = KINDS[letter] ?? "exit";
      return [kind, from, to, us, word ?? usual(kind)];
    }),
    more: wire.more ?? 0,
  };
}

/** Return whether an entry is complete. @param {FeedEvent} event */
export const isSettled = ({ parts }) => parts?.signals !== undefined && parts.open !== true;
