// When each member of a cluster was connected, as the page draws it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bars, size, spans } from "#static/cluster/cluster-model.js";

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

test("a bar is as long as the member was there, whatever its end; one that was lost has a mark at its end", () => {
  const looks = (what) => {
    const end = what === "up" ? [] : [event(150, "b", what)];
    const there = what === "up" ? [member("b", 50)] : [];
    const [[, list]] = spans([...end, event(50, "b", "joined")], there, 100);
    return bars(list, 100, 200).map(({ x, width, look }) => [look, Math.round(x), Math.round(x + width)]);
  };
  assert.deepEqual(["up", "left", "disconnected", "lost"].map(looks), [
    [["up", 0, 100]], [["up", 0, 50]], [["up", 0, 50]], [["up", 0, 50], ["lost", 50, 50]],
  ]);
});

test("a worker has no children to count, and a child that does not run is not counted", () => {
  const worker = (pid) => ({ id: "w", pid, name: "w", what: "W", type: "worker", status: "running", restarts: 0, last_exit: null });
  const supervisor = { ...worker("0.1.0"), type: "supervisor", more: 3, children: [worker("0.2.0"), worker(null)] };
  assert.equal(size([supervisor, worker("0.3.0")]), 6);
});
