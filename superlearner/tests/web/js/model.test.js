// The reducer of the feed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY, budgetAt, linesOf, reduce, restartsText, tally } from "#static/live/model.js";
import { outline } from "#static/tree/outline.js";

import { forAll } from "./random.js";

/** The rows of a tree, `{name: [value, children]}`, in preorder, each with the sibling before it. */
function rows(tree, parent = null) {
  let after = null;
  return Object.entries(tree).flatMap(([name, [restarts, children]]) => {
    const row = { key: parent ? `${parent}/${name}` : name, parent, id: name, restarts, after };
    after = row.key;
    return [row, ...rows(children, row.key)];
  });
}

/** What turns one tree into the other, as a server would say it: rows whose place changed go and come again. */
function delta(old, now, seq) {
  const [before, after] = [old, now].map((tree) => new Map(rows(tree).map((row) => [row.key, row])));
  const gone = [...before].filter(([key, row]) => after.get(key)?.after !== row.after || !after.has(key)).map(([key]) => key);
  const out = (key) => gone.some((top) => key === top || key.startsWith(`${top}/`));
  const stays = (key) => before.has(key) && !out(key);
  return {
    k: "d", seq, x: gone, n: [...after.values()].filter(({ key }) => !stays(key)),
    p: [...after.values()]
      .filter(({ key, restarts }) => stays(key) && restarts !== before.get(key).restarts)
      .map(({ key, restarts }) => [key, { restarts }]),
  };
}

const snapshot = (tree, seq) => ({ k: "s", epoch: "e", seq, now: 0, nodes: rows(tree), feed: [], health: null });

function tree(draw, depth = 0) {
  const names = draw.some([..."abcdef"], depth < 3 ? 4 : 0);
  return Object.fromEntries(names.map((name) => [name, [draw.int(0, 3), draw.int(0, 2) ? tree(draw, depth + 1) : {}]]));
}

test("a snapshot and its deltas make what the last snapshot makes", () => {
  const shown = (frames) => outline(frames.reduce(reduce, EMPTY), new Set(), "").map(({ row, depth, place, siblings, open }) =>
    [row.key, row.restarts, depth, place, siblings, open]);
  const histories = (draw) => Array.from({ length: draw.int(1, 6) }, () => tree(draw));
  forAll(500, histories, (history) => {
    const deltas = history.slice(1).map((now, place) => delta(history[place], now, place + 1));
    assert.deepEqual(shown([snapshot(history[0], 0), ...deltas]), shown([snapshot(history.at(-1), 0)]));
  });
});

test("the reducer leaves the old model as it was", () => {
  const old = { a: [0, { b: [1, {}], c: [2, {}] }] };
  const change = { ...delta(old, { a: [5, { c: [2, {}] }] }, 1), x: ["a/b"], n: [] }; // c keeps its place
  const before = reduce(EMPTY, snapshot(old, 0));
  const copy = JSON.stringify([[...before.rows], [...before.kids]]);
  const after = reduce(before, change);
  assert.equal(JSON.stringify([[...before.rows], [...before.kids]]), copy);
  assert.notEqual(after, before);
  assert.equal(after.rows.get("a/c"), before.rows.get("a/c"));
  assert.equal(EMPTY.rows.size, 0);
});

test("nothing is applied after a gap until a snapshot comes", () => {
  const frames = [
    snapshot({ a: [0, {}] }, 4), { k: "d", seq: 6, p: [["a", { restarts: 1 }]] }, { k: "d", seq: 5, p: [["a", { restarts: 2 }]] },
  ];
  const told = ({ gap, seq, rows }) => [gap, seq, rows.get("a").restarts];
  assert.deepEqual(told(frames.reduce(reduce, EMPTY)), [true, 4, 0]);
  assert.deepEqual(told([...frames, snapshot({ a: [9, {}] }, 6)].reduce(reduce, EMPTY)), [false, 6, 9]);
  assert.equal(reduce(EMPTY, frames[1]), EMPTY);
});

for (const [budget, now, left, next] of [
  [{ used: 0, max: 3, window_s: 5, resets_at: null, expires: [] }, 10, 3, null],
  [{ used: 2, max: 3, window_s: 5, resets_at: 14, expires: [12, 14] }, 10, 1, 12],
  [{ used: 2, max: 3, window_s: 5, resets_at: 14, expires: [12, 14] }, 12, 2, 14],
  [{ used: 2, max: 3, window_s: 5, resets_at: 14, expires: [12, 14] }, 99, 3, null],
  [{ used: 2, max: 3, window_s: 5, resets_at: 14 }, 13, 1, 14],
  [{ used: 20, max: 30, window_s: 5, resets_at: 14, expires: [13, 14] }, 12, 10, 13],
  [{ used: 20, max: 30, window_s: 5, resets_at: 14, expires: [13, 14] }, 13.5, 29, 14],
  [{ used: 5, max: 3, window_s: 5, resets_at: 14, expires: [14, 14, 14, 14, 14] }, 12, 0, 14],
  [{ used: 1, max: 3, window_s: 1e9, resets_at: 1e9 + 9, expires: [1e9 + 9] }, 10, 2, null], // without a window
]) {
  test(`the budget at a moment: ${budget.used} of ${budget.max} used, at ${now}`,
    () => assert.deepEqual(budgetAt(budget, now), { left, next }));
}

test("the feed keeps its newest", () => {
  const ids = Array.from({ length: 250 }, (_, id) => ({ id }));
  const { feed } = [snapshot({}, 0), { k: "d", seq: 1, e: ids }].reduce(reduce, EMPTY);
  assert.deepEqual(feed.map(({ id }) => id), ids.slice(50).map(({ id }) => id));
});

test("the processes of the platform and groups are not counted", () => {
  const kinds = [["worker", false], ["supervisor", false], ["supervisor", true], ["group", false]];
  const nodes = kinds.map(([kind, critical], place) => ({ key: `k${place}`, parent: null, kind, critical, state: "running" }));
  const model = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, nodes, feed: [] });
  assert.equal(tally(model).running, 2);
});

test("processes that a group only counts run, too", () => {
  const group = { key: "%alone", parent: null, kind: "group", critical: false, state: "running", children: 300 };
  const listed = [1, 2].map((place) => ({ key: `%alone/${place}`, parent: "%alone", kind: "worker", critical: false, state: "running" }));
  assert.equal(tally(reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, nodes: [group, ...listed], feed: [] })).running, 300);
});

test("a suspended process is counted as such, not as running or restarting", () => {
  const nodes = ["suspended", "running"].map((state) => ({ key: state, parent: null, kind: "worker", critical: false, state }));
  const { running, suspended, restarting } = tally(reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, nodes, feed: [] }));
  assert.deepEqual([running, suspended, restarting], [1, 1, 0]);
});

test("restarts with a sibling are counted beside those of a process itself", () => {
  const text = (restarts, along) => restartsText({ restarts, restarted_along: along });
  assert.deepEqual([text(0, 0), text(1, 0), text(0, 5), text(2, 1)], ["", "1 restart", "5 with siblings", "2 restarts + 1 with siblings"]);
});

test("a group that counts more than it lists ends with a line about the others", () => {
  const nodes = [
    { key: "shop", parent: null, id: "shop", kind: "supervisor", children: null, after: null },
    { key: "alone", parent: null, id: "alone", kind: "group", children: 301, after: "shop" },
    ...["0.7.0", "0.8.0"].map((id, place) =>
      ({ key: `alone/${id}`, parent: "alone", id, kind: "worker", children: null, after: place ? "alone/0.7.0" : null })),
  ];
  const model = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, nodes, feed: [], health: null });
  assert.deepEqual(linesOf(model).map(({ row, more, depth }) => [row.id, more, depth]),
    [["shop", 0, 0], ["alone", 0, 0], ["0.7.0", 0, 1], ["0.8.0", 0, 1], ["alone", 299, 1]]);
  nodes[1].children = 2;
  assert.equal(linesOf(reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, nodes, feed: [], health: null })).length, 4);
});
