/**
 * The rows of the map of a cluster: the keys that each member has, and those that come to it when another one leaves. Pure.
 *
 * @module
 */

/** @typedef {"stays"|"goes"|"comes"|"tried"} Look */
/** @typedef {{key: string, look: Look, other: string|null}} Tile  with the member it goes to or comes from */
/** @typedef {{name: string, share: number, leaves: boolean, tiles: Tile[]}} Row */

/**
 * Return the members with their keys, in their order; keys that come are last.
 * @param {Api.ClusterMap} found
 * @returns {Row[]}
 */
export function rows({ members, keys, tried, without }) {
  const all = tried ? [...keys, tried] : keys;
  return members.map(({ name, share }) => ({
    name, share, leaves: name === without,
    tiles: [
      ...all.filter(({ node }) => node === name).map(({ key, table, goes_to: next }) => ({
        key, other: next, look: /** @type {Look} */ (next !== null ? "goes" : table === null ? "tried" : "stays"),
      })),
      ...all.filter(({ goes_to: next }) => next === name).map(({ key, node }) => ({
        key, other: node, look: /** @type {Look} */ ("comes"),
      })),
    ],
  }));
}
