// Predictions: questions about the reader's own tree, and the record of answers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { all } from "#static/moment/picture.js";
import { quiet } from "#static/moment/schedule.js";
import { countAnswer, isAnswered, recall } from "#static/predict/record.js";
import { keyOf, treeOf, victimOf, within } from "#static/predict/tree-question.js";

/** A tree as the live feed has it: `"a/b"` is a child of `"a"`; names that end in `sup` are supervisors. */
function live(...keys) {
  const rows = new Map(), kids = new Map();
  for (const key of keys) {
    const parent = key.includes("/") ? key.slice(0, key.lastIndexOf("/")) : null, supervisor = key.endsWith("sup");
    rows.set(key, {
      key, parent, id: key.split("/").at(-1), name: null, pid: "0.9.0", kind: supervisor ? "supervisor" : "worker",
      strategy: supervisor ? "one_for_all" : null, restart: parent ? "permanent" : null, state: "running", last: null, budget: null,
    });
    kids.set(parent ?? "", [...(kids.get(parent ?? "") ?? []), key]);
  }
  return { rows, kids };
}
const names = (tree) => all(tree).map(({ name }) => name);

test("a question shows the supervisor of the process, and what is above it if that is small", () => {
  const small = live("sup", "sup/a_sup", "sup/a_sup/x", "sup/a_sup/y", "sup/b");
  assert.deepEqual(names(treeOf(small, "sup/a_sup/x", 0)), ["sup", "a_sup", "x", "y", "b"]);
  const many = Array.from({ length: 12 }, (_, place) => `sup/w${place}`);
  assert.deepEqual(names(treeOf(live("sup", "sup/a_sup", "sup/a_sup/x", ...many), "sup/a_sup/x", 0)), ["a_sup", "x"]);
  assert.equal(treeOf(small, "sup", 0), null);
});

test("of many children, a question shows the first and the one that is killed", () => {
  const tree = treeOf(live("sup", ...Array.from({ length: 30 }, (_, place) => `sup/w${place}`)), "sup/w20", 0);
  assert.deepEqual([tree.children.length, tree.children.at(-1).name, tree.more], [12, "w20", 18]);
});

test("dynamic children come and go, so a question shows only the one that is killed", () => {
  const tree = live("sup", "sup/d_sup", "sup/d_sup/x", "sup/d_sup/y", "sup/w");
  tree.rows.get("sup/d_sup").strategy = "dynamic";
  assert.deepEqual(names(treeOf(tree, "sup/w", 0)), ["sup", "d_sup", "w"]);
  assert.deepEqual(names(treeOf(tree, "sup/d_sup/y", 0)), ["sup", "d_sup", "y", "w"]);
});

test("the answer plays in the tree of the question, without states", () => {
  const shown = treeOf(live("sup", "sup/a_sup", "sup/a_sup/x", "sup/b"), "sup/a_sup/x", 0);
  const { children: [branch] } = shown, child = { ...branch.children[0], pid: "0.9.0", state: "7" };
  const start = { kind: "start", at: 0, id: child.id, by: branch.id, pid: "0.10.0", state: "0" };
  const played = within({ ...quiet(1, { ...branch, children: [child] }), events: [start] }, shown);
  assert.deepEqual(names(played.root), names(shown));
  assert.deepEqual(all(played.root).map(({ pid, state }) => [pid, state])[2], ["0.9.0", null]);
  assert.deepEqual(played.events, [{ ...start, state: null }]);
  const above = { ...shown, id: "top", name: "top" };
  assert.equal(within(quiet(2, above), shown).root.id, "top");
});

test("the selected process is killed; of a supervisor that none restarts, the first child that runs", () => {
  const tree = live("sup", "sup/a", "sup/b_sup");
  tree.rows.get("sup/a").pid = null;
  assert.deepEqual(["sup", "sup/a", "sup/b_sup"].map((key) => victimOf(tree, tree.rows.get(key))), ["sup/b_sup", "sup/a", "sup/b_sup"]);
});

test("an answer counts again only if another strategy or the last restart decides", () => {
  const tree = live("sup", "sup/a"), key = () => keyOf(treeOf(tree, "sup/a", 0), "sup/a"), first = key();
  const sup = tree.rows.get("sup");
  sup.budget = { used: 1, max: 3, window_s: 5, resets_at: 4, expires: [4] };
  assert.equal(key(), first);
  sup.budget = { used: 3, max: 3, window_s: 5, resets_at: 4, expires: [2, 3, 4] };
  assert.notEqual(key(), first);
  sup.budget = null;
  sup.strategy = "rest_for_one";
  assert.notEqual(key(), first);
});

test("answers of the game and of the tree make one streak; levels are passed in the game only", () => {
  countAnswer("2/17", 2, true);
  countAnswer("sup/a/one_for_one", 0, true);
  assert.deepEqual([recall().streak, recall().passed], [2, [2]]);
  assert.equal(countAnswer("sup/a/one_for_one", 0, false).streak, 2);
  assert.ok(isAnswered("sup/a/one_for_one") && !isAnswered("2/18"));
  countAnswer("3/1", 3, false);
  assert.deepEqual([recall().streak, recall().best, recall().tried], [0, 2, [3]]);
});
