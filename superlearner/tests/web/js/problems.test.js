// The problems that Start lists: each once, and why they are unknown.

import assert from "node:assert/strict";
import { test } from "node:test";

import { unknownBecause, withoutStorm } from "#static/start/problems.js";

const line = (/** @type {string} */ who, kind = "gave_up") => /** @type {any} */ ({ event: { kind, parts: { who } } });

test("a supervisor that gives up in a loop is one problem, not a second one with the count of the monitor", () => {
  const fell = { name: "upstream", evidence: { give_ups: 13 } }, storm = { name: "gateway", evidence: { restarts: 14 } };
  const other = { name: "orders", evidence: { give_ups: 1 } };
  assert.deepEqual(withoutStorm([fell, storm, other], [line("upstream")]), [storm, other]);
  assert.deepEqual(withoutStorm([fell, storm], [line("upstream", "restarted")]), [fell, storm]);
  assert.deepEqual(withoutStorm([fell], []), [fell]);
});

test("the problems of a node that is gone are unknown", () => {
  assert.match(unknownBecause("gone", ""), /^The node is gone/);
  assert.deepEqual(["live", "lost"].map((status) => unknownBecause(/** @type {any} */ (status), status === "lost" ? "Lost." : "")),
    ["", "Lost."]);
});
