/**
 * A question about the reader's own tree: its drawing, and the process that is killed. Pure.
 *
 * @module
 */

import { YOURS } from "../live/scopes.js";
import { all } from "../moment/picture.js";
import { nodeOf } from "../start/portrait.js";
import { isDynamic } from "../teaching/strategy-rules.js";

/** @import { Model, Row } from "../live/model.js" */
/** @import { Moment, MomentNode } from "../moment/schedule.js" */
/** @typedef {Pick<Model, "rows"|"kids">} Tree */

/** Children of one supervisor, and all processes, that a question shows. */
const MOST_CHILDREN = 12, MOST = 8;

/** @param {Tree} tree @param {string} key @param {string} victim @param {number} now @returns {MomentNode|null} */
function drawn(tree, key, victim, now) {
  const row = tree.rows.get(key), every = tree.kids.get(key) ?? [];
  if (!row) return null;
  const way = every.find((kid) => victim === kid || victim.startsWith(`${kid}/`));
  const first = isDynamic(row.strategy) ? [] : every.slice(0, MOST_CHILDREN); // dynamic children come and go
  if (way && !first.includes(way)) first.splice(MOST_CHILDREN - 1, 1, way);
  const children = first.flatMap((kid) => drawn(tree, kid, victim, now) ?? []);
  return { ...nodeOf(row, now), pid: null, state: null, children, more: every.length - first.length };
}

/**
 * Return the tree of a question: from the supervisor of the process, or from further above if that is not much more.
 * @param {Tree} tree
 * @param {string} victim  its key
 * @param {number} now  server time in seconds
 * @returns {MomentNode|null}  null: no supervisor handles its end
 */
export function treeOf(tree, victim, now) {
  let found = null;
  for (let key = tree.rows.get(victim)?.parent; key && key !== YOURS; key = tree.rows.get(key)?.parent) {
    const larger = tree.rows.get(key)?.kind === "supervisor" ? drawn(tree, key, victim, now) : null;
    if (!larger || (found && all(larger).reduce((sum, { more, strategy }) => sum + 1 + (isDynamic(strategy) ? 0 : more), 0) > MOST)) break;
    found = larger;
  }
  return found;
}

/**
 * Return the process that is killed: the selected one, or a child of a supervisor that none restarts.
 * @param {Tree} tree
 * @param {Row} row
 */
export const victimOf = ({ rows, kids }, row) => (row.restart !== null || row.kind !== "supervisor" ? row.key
  : (kids.get(row.key) ?? []).find((key) => rows.get(key)?.pid) ?? row.key);

/** Return the key under which the first answer counts. @param {MomentNode} tree @param {string} victim */
export function keyOf(tree, victim) {
  const above = all(tree).find(({ children }) => children.some(({ id }) => id === victim));
  return `${victim}/${above?.strategy ?? ""}${above?.limit && above.used >= above.limit[0] ? "/none left" : ""}`;
}

/**
 * Return a restart in the tree of the question, so that nothing moves, and without states, whose place verdicts take.
 * @param {Moment} moment
 * @param {MomentNode} shown
 * @returns {Moment}
 */
export function within(moment, shown) {
  /** @param {MomentNode} node @returns {MomentNode} */
  const bare = (node) => ({ ...node, state: null, children: node.children.map(bare) });
  /** @param {MomentNode} node @returns {MomentNode} */
  const grafted = (node) => (node.id === moment.root.id ? bare(moment.root) : { ...node, children: node.children.map(grafted) });
  const found = all(shown).some(({ id }) => id === moment.root.id);
  return {
    ...moment, root: found ? grafted(shown) : bare(moment.root),
    events: moment.events.map((event) => ("state" in event ? { ...event, state: null } : event)),
  };
}
