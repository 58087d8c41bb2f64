// When each member of a cluster was connected, as the page draws it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { spans } from "#static/cluster/cluster-model.js";

const member = (name, since) => ({ name, since, incarnation: 1 });
const event = (at, node, what, reason = null) => ({ at, node, what, reason, incarnation: 1 });
const drawn = (events, members, begun) =>
  Object.fromEntries([...spans(events, members, begun)].map(([name, list]) => [name, list.map(({ from, to, what }) => [from, to, what])]));

test("a member was there from its join to its end, and one that is there now has none", () => {
  const events = [event(300, "b", "joined"), event(200, "b", "lost"), event(110, "b", "joined")];
  assert.deepEqual(drawn(events, [member("a", 50), member("b", 300)], 100),
    { a: [[100, null, "up"]], b: [[110, 200, "lost"], [300, null, "up"]] });
});

test("before it started, no member was there", () => {
  assert.deepEqual(drawn([], [member("a", 590)], 0), { a: [[590, null, "up"]] });
});

test("a member whose join is forgotten was there from the begin", () => {
  assert.deepEqual(drawn([event(150, "b", "left")], [], 100), { b: [[100, 150, "left"]] });
});
