import assert from "node:assert/strict";
import test from "node:test";

import { cutText, rows } from "../../../src/superlearner/web/static/cluster/map-model.js";

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
    { key: "c1", look: "stays", other: null, also: [] }, { key: "c2", look: "comes", other: "b", also: [] },
  ]]);
  assert.deepEqual([b.leaves, b.tiles], [true, [{ key: "c2", look: "goes", other: "a", also: [] }]]);
});

test("the map of a cut cluster has its sides, and the other member of each child that runs twice", () => {
  const members = ["n1", "n2", "n3"].map((name) => ({ name, share: 0.5, keys: 1 }));
  const keys = [key("c1", "n1"), key("c1", "n3"), key("c2", "n2")];
  const found = { members, sides: [["n1", "n3"], ["n2"]], keys, tried: null, without: null, missing: [] };
  assert.deepEqual(rows(found).map(({ name, tiles }) => [name, tiles.map(({ key, also }) => [key, also])]), [
    ["n1", [["c1", ["n3"]]]], ["n3", [["c1", ["n1"]]]], ["n2", [["c2", []]]],
  ]);
  assert.equal(cutText(found),
    "The cluster is cut: n1 and n3 | n2. Each side divides all keys among its own members. 1 child runs on more than one.");
  assert.equal(cutText({ ...found, sides: [] }), "");
});
