/**
 * What the page says about watched messages. Pure.
 *
 * @module
 */

import { counted, duration, number } from "../base/words.js";

/** Say how many messages were watched, and for how long; watching goes on. @param {Api.Topology} topology */
export function watchedText({ seconds, seen, unseen, share, watched, processes }) {
  const every = number(Math.round(1 / Math.max(share, 1e-6)));
  const sample = unseen ? `; the picture is a sample: ${number(seen)} of them, about 1 in ${every}` : "";
  const part = watched < processes ? `; ${number(watched)} of ${number(processes)} processes are watched` : "";
  return `${counted(seen + unseen, "message")} in ${seconds < 59 ? `${duration(seconds)} so far` : "the last minute"}${sample}${part}`;
}
