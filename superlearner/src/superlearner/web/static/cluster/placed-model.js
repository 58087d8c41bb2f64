/**
 * The distributed supervisors of a cluster as the page draws them: where their children run, and which moves are new. Pure.
 *
 * @module
 */

import { quiet } from "../moment/schedule.js";

/** @import { Moment, MomentNode } from "../moment/schedule.js" */
/** @typedef {Api.TableEntry} Entry */
/** @typedef {Api.ClusterMove} Move */
/** @typedef {{name: string, children: Entry[], members: string[], places: Map<string, string[]>}} Placed */

/** Children of a member that are drawn. */
const DRAWN = 8;
/** Moves at once that are still played; of more, none is. */
const MOST = 3;

/** Return the name of a member; one of this machine without its host. @param {string} name */
export const shortMember = (name) => name.replace(/@127\.0\.0\.1$/, "");

/**
 * Return the supervisors with their children, the members on which these run, and those of each child: two, if the cluster is cut.
 * @param {readonly Entry[]} entries
 * @returns {Placed[]}
 */
export function supervisors(entries) {
  /** @type {Map<string, Entry[]>} */
  const found = new Map();
  for (const entry of entries) found.set(entry.table, [...found.get(entry.table) ?? [], entry]);
  return [...found].map(([name, children]) => {
    const members = [...new Set(children.flatMap(({ node }) => node ?? []))].sort();
    const places = new Map(children.map(({ key }) => [key, /** @type {string[]} */ ([])]));
    for (const { key, node } of children) if (node !== null) places.get(key)?.push(node);
    return { name, children, members, places };
  });
}

/**
 * Return the picture of a supervisor at rest: its members, and their children.
 * @param {Placed} placed
 * @param {number} id  below 0, so that it is no restart
 * @returns {Moment}
 */
export function portrait({ name, children, members }, id) {
  const of = (/** @type {string} */ member) => children.filter(({ node }) => node === member);
  const branches = members.map((member) => ({
    ...drawn(`${name}/${member}`, shortMember(member), "member"), more: Math.max(0, of(member).length - DRAWN),
    children: of(member).slice(0, DRAWN).map(({ key }) => drawn(`${name}/${member}/${key}`, key, null)),
  }));
  const summary = `The children of ${name} and their members`;
  return { ...quiet(id, { ...drawn(name, name, "distributed"), children: branches }), summary };
}

/** @param {string} id @param {string} name @param {string|null} strategy  null for a child @returns {MomentNode} */
const drawn = (id, name, strategy) => ({
  id, name, kind: strategy === null ? "worker" : "dynamic_supervisor", pid: null, strategy, limit: null, used: 0, restart: null,
  state: null, children: [], more: 0,
});

/**
 * Return the moves to play, the oldest first; none of a storm, and none of those that were there before.
 * @param {readonly Move[]} moves  newest first
 * @param {ReadonlySet<string>|null} seen  the ids of those that were listed before; null at first
 * @returns {Move[]}
 */
export function fresh(moves, seen) {
  const found = seen === null ? [] : moves.filter(({ ref }) => !seen.has(ref)).reverse();
  return found.length > MOST ? [] : found;
}
