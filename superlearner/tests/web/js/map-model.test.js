import assert from "node:assert/strict";
import test from "node:test";

import { rows } from "../../../src/superlearner/web/static/cluster/map-model.js";

const MEMBERS = [{ name: "a", share: 0.5, keys: 1 }, { name: "b", share: 0.5, keys: 1 }];
const key = (name, node, goes_to = null) => ({ table: "counters", key: name, node, goes_to });

test("each member has its keys, and the one that is tried", () => {
  const keys = [key("c1", "a"), key("c2", "b")];
  const found = { members: MEMBERS, keys, tried: { ...key("x", "b"), table: null }, without: null, missing: [] };
  assert.deepEqual(rows(found).map(({ tiles }) => tiles.map(({ key, look }) => [key, look])), [
    [["c1", "stays"]], [["c2", "stays"], ["x", "tried"]],
  ]);
});

test("the keys of a member that leaves go to others, and no other key moves", () => {
  const found = { members: MEMBERS, keys: [key("c1", "a"), key("c2", "b", "a")], tried: null, without: "b", missing: [] };
  const [a, b] = rows(found);
  assert.deepEqual([a.leaves, a.tiles], [false, [
    { key: "c1", look: "stays", other: null }, { key: "c2", look: "comes", other: "b" },
  ]]);
  assert.deepEqual([b.leaves, b.tiles], [true, [{ key: "c2", look: "goes", other: "a" }]]);
});
