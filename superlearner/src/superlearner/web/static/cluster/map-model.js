/**
 * The rows of the map of a cluster: the keys that each member has, and those that come to it when another one leaves. Pure.
 *
 * @module
 */

import { counted } from "../base/words.js";
import { listed } from "./simulation-model.js";

/** @typedef {"stays"|"goes"|"comes"|"tried"} Look */
/**
 * A key, with the member it goes to or comes from, and the others on which its child runs, too.
 * @typedef {{key: string, look: Look, other: string|null, also: string[]}} Tile
 */
/** @typedef {{name: string, share: number, leaves: boolean, tiles: Tile[]}} Row */

/**
 * Return the members with their keys, in their order; keys that come are last.
 * @param {Api.ClusterMap} found
 * @returns {Row[]}
 */
export function rows({ members, sides = [], keys, tried, without }) {
  const all = tried ? [...keys, tried] : keys, run = nodesOf(keys);
  const place = new Map(sides.flat().map((name, at) => [name, at]));
  return members.toSorted((one, other) => (place.get(one.name) ?? 0) - (place.get(other.name) ?? 0)).map(({ name, share }) => ({
    name, share, leaves: name === without,
    tiles: [
      ...all.filter(({ node }) => node === name).map((one) => ({
        key: one.key, other: one.goes_to, also: (run.get(childOf(one)) ?? []).filter((other) => other !== name),
        look: /** @type {Look} */ (one.goes_to !== null ? "goes" : one.table === null ? "tried" : "stays"),
      })),
      ...all.filter(({ goes_to: next }) => next === name).map(({ key, node }) => ({
        key, other: node, also: [], look: /** @type {Look} */ ("comes"),
      })),
    ],
  }));
}

/** @param {Api.MapKey} key */
const childOf = ({ table, key }) => JSON.stringify([table, key]);

/** Return the members on which each child runs. @param {readonly Api.MapKey[]} keys */
function nodesOf(keys) {
  /** @type {Map<string, string[]>} */ const found = new Map();
  for (const one of keys)
    if (one.table !== null) found.set(childOf(one), [...found.get(childOf(one)) ?? [], one.node]);
  return found;
}

/** Say which sides a cut cluster has; "" if it is not cut. @param {Api.ClusterMap} found */
export function cutText({ sides = [], keys }) {
  if (!sides.length) return "";
  const twice = [...nodesOf(keys).values()].filter((nodes) => nodes.length > 1).length;
  const run = twice ? ` ${counted(twice, "child runs", "children run")} on more than one.` : "";
  return `The cluster is cut: ${sides.map(listed).join(" | ")}. Each side divides all keys among its own members.${run}`;
}
