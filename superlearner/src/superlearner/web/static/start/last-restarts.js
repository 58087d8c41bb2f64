/**
 * The newest restarts: those in the feed of the shown node, and those that the platform has stored, also of other nodes.
 * Pure.
 *
 * @module
 */

/** @import { Line } from "../live/storms.js" */
/** Seconds by which the times of a restart in the feed and in the store may differ. */
const SAME_S = 0.5;

/** @typedef {{node: string, at: number, count: number, line: Line|null, stored: Api.RestartLine|null}} Restart */

/**
 * Return the newest restarts, each once, newest first; a stored crash loop is placed by its last restart.
 * @param {object} known
 * @param {string} known.node  the shown node
 * @param {readonly Line[]} known.lines  of its feed
 * @param {ReadonlySet<string|undefined>} known.refs  the ids of all restarts in its feed
 * @param {readonly Api.RestartLine[]} known.stored  also of other nodes
 * @param {number} most
 * @returns {Restart[]}
 */
export function newest({ node, lines, refs, stored }, most) {
  const since = Math.min(...lines.map(({ from }) => from)) - SAME_S, ended = (/** @type {Api.RestartLine} */ one) => one.until ?? one.at;
  const onRequest = (/** @type {Api.RestartLine} */ one) => Boolean(one.request) && one.reason === null; // no restart in the feed
  const others = stored.filter((one) =>
    (one.node && one.node !== node) || (!refs.has(one.ref) && (ended(one) < since || onRequest(one))));
  return [
    ...lines.map((line) => ({ node, at: line.from, count: line.count, line, stored: null })),
    ...others.map((one) => ({ node: one.node ?? node, at: ended(one), count: one.count ?? 1, line: null, stored: one })),
  ].sort((one, other) => other.at - one.at).slice(0, most);
}
