/**
 * The distributed supervisors of a cluster as the page draws them: where their children run, and which moves are new. Pure.
 *
 * @module
 */

import { counted } from "../base/words.js";
import { quiet } from "../moment/schedule.js";
import { listed } from "./simulation-model.js";

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

const COPY = /^a second copy of (?<child>.+) started on (?<on>\S+): /;
/** The most seconds between two moves of one cut. */
const ONE_CUT_S = 60;
const CONFLICT = /^(?<child>.+) ran on both \S+ and \S+: the older one, /;

/**
 * Return the lines of a list of moves: the second copies that a cut started, and the conflicts that ended them, are one.
 * @param {readonly Move[]} moves  newest first
 * @returns {{text: string, moves: Move[]}[]}
 */
export function linesOf(moves) {
  /** @type {{moves: Move[], copies: RegExpMatchArray[], conflicts: RegExpMatchArray[]}[]} */
  const groups = [];
  for (const move of moves) {
    const copy = COPY.exec(move.text), conflict = CONFLICT.exec(move.text), last = groups.at(-1);
    const isOneCut = last && (last.moves.at(-1)?.at ?? 0) - move.at <= ONE_CUT_S;
    const group = isOneCut && (copy ?? conflict) && (last.copies.length || last.conflicts.length)
      && !(conflict && last.copies.length) ? last
      : { moves: [], copies: [], conflicts: [] };
    if (group !== last) groups.push(group);
    group.moves.push(move);
    if (copy) group.copies.push(copy);
    else if (conflict) group.conflicts.push(conflict);
  }
  return groups.map(({ moves: all, copies, conflicts }) => ({ text: summary(all, copies, conflicts), moves: all }));
}

/** @param {Move[]} moves @param {RegExpMatchArray[]} copies @param {RegExpMatchArray[]} conflicts */
function summary([first, ...more], copies, conflicts) {
  if (!more.length) return first?.text ?? "";
  const named = (/** @type {string} */ group, /** @type {RegExpMatchArray[]} */ all) =>
    [...new Set(all.map(({ groups }) => groups?.[group] ?? ""))].sort();
  const children = counted(named("child", [...copies, ...conflicts]).length, "child", "children");
  if (!conflicts.length) return `${children} started a second time, on ${listed(named("on", copies))}: the cluster was cut`;
  return `${children} ran on two members while the cluster was cut; healed: of each, the older one stays`;
}

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
