// The table of restarts: which columns come first, and which rows link to their restart.

import assert from "node:assert/strict";
import { test } from "node:test";
import { restartOf, tableOf } from "#static/arsenal/json-tree.js";

const ROW = { event: 7, ref: "9f3a0c1b22d4.7", at: 1.5, line: "till crashed", count: 1, kept: true };

test("the fields that are shown first are the first columns, and none is left out", () => {
  assert.deepEqual(tableOf([ROW], ["at", "until", "line"])?.columns, ["at", "line", "event", "ref", "count", "kept"]);
});

test("a restart with a page links to it, and no other row does", () => {
  assert.equal(restartOf(ROW), "9f3a0c1b22d4.7");
  assert.equal(restartOf({ ...ROW, kept: false }), "");
  assert.equal(restartOf({ ...ROW, kept: false, count: 30 }), "9f3a0c1b22d4.7");
  assert.equal(restartOf({ ref: "refs/heads/main", kept: true }), "");
});
