// The shapes of processes: one for each state and kind, on every page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { shapeOf } from "#static/base/marks.js";

test("a running process has the shape of its kind, any other that of its state", () => {
  const shape = (kind, state, look) => shapeOf({ kind, state }, look);
  assert.deepEqual(["worker", "supervisor", "group"].map((kind) => shape(kind, "running")), ["running", "supervisor", "list"]);
  const states = ["starting", "restarting", "exiting", "crashed", "gave_up", "stuck", "stopped", "unheard of"];
  const shapes = ["restarting", "restarting", "restarting", "crashed", "gave-up", "stuck", "stopped", "stopped"];
  for (const kind of ["worker", "supervisor"]) assert.deepEqual(states.map((state) => shape(kind, state)), shapes);
  assert.equal(shape("supervisor", "running", "crashed"), "crashed");
  assert.equal(shape("unheard of", "running"), "running");
});
