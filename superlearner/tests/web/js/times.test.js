// Crash times on an axis: a file and its times, moves between neighbours, and what a window holds.

import assert from "node:assert/strict";
import { test } from "node:test";

import { added, endOf, moved, sourceOfTimes, timesIn, within } from "#static/lesson/times.js";

test("times are a file, and the file is the times again", () => {
  assert.equal(sourceOfTimes([0, 1, 2, 5.1], "x"), "times = [0, 1, 2, 5.1]\n");
  assert.deepEqual(timesIn(sourceOfTimes([0, 1, 2, 5.1], "x")), [0, 1, 2, 5.1]);
  assert.equal(sourceOfTimes([], "times = None\n"), "times = None\n");
  assert.deepEqual(timesIn("# mine\ntimes = (0, .5,)"), [0, 0.5]);
  for (const text of ["times = None", "times = [1, x]", "times = [-1]", "times = [1e9]"]) assert.equal(timesIn(text), null);
});

test("a crash moves in tenths, between its neighbours and the ends of the axis", () => {
  assert.deepEqual(moved([0, 1, 2], 1, 1.234), [0, 1.2, 2]);
  assert.deepEqual(moved([0, 1, 2], 1, 5), [0, 1.9, 2]);
  assert.deepEqual(moved([0, 1, 2], 1, -1), [0, 0.1, 2]);
  assert.deepEqual(moved([0, 1, 2], 2, 99), [0, 1, 12]);
  assert.deepEqual(moved([0.1 + 0.2], 0, 0.3), [0.3]);
});

test("another crash comes a second after the last, and the axis has room for it", () => {
  assert.deepEqual(added([]), [0]);
  assert.deepEqual(added([0, 2.1]), [0, 2.1, 3.1]);
  assert.deepEqual([endOf([]), endOf([30])], [12, 31]);
});

test("a window has both of its ends, as the supervisor counts them", () => {
  assert.deepEqual([5, 5.1].map((last) => within([0, 1, 2, last], last, 5)), [4, 3]);
  assert.equal(within([0, 1, 2, 5], 2, 5), 3);
});
