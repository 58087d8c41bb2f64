// A recording in the browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cast, within } from "#static/replay/reel-lanes.js";
import { Reel } from "#static/replay/reel.js";

const row = (key, pid) => ({
  key,
  parent: key.includes("/") ? key.slice(0, key.lastIndexOf("/")) : null,
  id: key.split("/").at(-1), name: null, pid, kind: "worker", what: "", strategy: null, state: "running",
});
const page = (nodes) => ({
  place: 0, last: 3, people: [], frames: [], keyframe: { k: "s", epoch: "e", seq: 1, now: 0, feed: [], health: null, nodes },
  events: [
    [0, "sent", "0.2.0", "0.1.0", "'tick'", 0, "cast"], [5, "sent", "0.2.0", "0.4.0", "'book'", 0, "cast"],
    [9, "exited", "0.4.0", null, "killed", 0, ""],
  ],
});

test("the first event of the reader's own trees comes after those of the platform", () => {
  const reel = new Reel();
  reel.add(
    page([
      row("superlearner", "0.1.0"), row("superlearner/services", "0.2.0"), row("superlearner/playground", "0.3.0"),
      row("superlearner/playground/shop", "0.4.0"),
    ]));
  assert.deepEqual(reel.steps, [2, 3]);
  assert.equal(reel.ownFirst, 2);
  reel.show(true);
  assert.deepEqual(reel.steps, [1, 2, 3]);
  assert.equal(reel.ownFirst, 2);
});

test("events and lanes of the platform's own processes are hidden behind a switch that has their number", () => {
  const reel = new Reel(), how = { opened: new Set(), most: 12, only: "" };
  reel.add(
    page([
      row("superlearner", "0.1.0"), row("superlearner/services", "0.2.0"), row("superlearner/playground", "0.3.0"),
      row("superlearner/playground/shop", "0.4.0"),
    ]));
  const lanes = () => cast(reel, how).lanes.flatMap(({ pids }) => pids).sort();
  assert.deepEqual([reel.platform, reel.hides, lanes()], [3, true, ["0.4.0"]]);
  reel.show(true);
  assert.deepEqual([reel.platform, reel.hides, lanes()], [3, false, ["0.1.0", "0.2.0", "0.4.0"]]);
});

test("a recording of the platform alone shows it, until a process of the reader starts", () => {
  const own = [row("superlearner", "0.1.0"), row("superlearner/services", "0.2.0"), row("superlearner/playground", "0.3.0")];
  const reel = new Reel(), first = page(own);
  reel.add({ ...first, last: 6 });
  assert.deepEqual([reel.platform, reel.hides, reel.steps], [0, false, [1, 2, 3]]);
  reel.add({ ...page([...first.keyframe.nodes, row("superlearner/playground/shop", "0.4.0")]), place: 3, last: 6 });
  assert.deepEqual([reel.platform, reel.hides, reel.steps], [3, true, [2, 3, 5, 6]]);
});

test("a label ends before the right edge of the lanes", () => {
  const labels = [{ x: 10, width: 50 }, { x: 290, width: 50 }, { x: 290, width: 500 }];
  assert.deepEqual(within(labels, 20, 300).map(({ x }) => x), [20, 250, 20]);
});

test("a recording of a node without the platform opens at its beginning", () => {
  const reel = new Reel();
  reel.add(page([row("shop", "0.1.0"), row("shop/till", "0.2.0"), row("shop/ledger", "0.4.0")]));
  assert.equal(reel.ownFirst, 0);
});
