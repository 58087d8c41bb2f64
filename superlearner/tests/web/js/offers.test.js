// What the panel of one process offers besides Kill and Start.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY, reduce } from "#static/live/model.js";
import { offers } from "#static/tree/bulk-plan.js";

const row = (/** @type {string} */ key, more = {}) => ({
  key, parent: key.includes("/") ? key.slice(0, key.lastIndexOf("/")) : null, id: key, name: null, pid: `0.${key.length}.0`, kind: "worker",
  what: "", strategy: null, state: "running", critical: false, ...more,
});
const model = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, feed: [], nodes: [
  row("shop", { kind: "supervisor", strategy: "one_for_one" }), row("shop/ledger"), row("shop/held", { state: "suspended" }),
  row("shop/down", { state: "stopped", pid: null }), row("pool", { kind: "supervisor", strategy: "dynamic" }), row("pool/job"),
  row("clock", { critical: true }),
] });

test("a process can be suspended or resumed, and restarted and terminated by a supervisor that can", () => {
  const of = (/** @type {string} */ key) => Object.values(offers(model, /** @type {any} */ (model.rows.get(key))));
  assert.deepEqual(of("shop/ledger"), ["suspend", true, true]);
  assert.deepEqual(of("shop/held"), ["resume", true, true]);
  assert.deepEqual(of("pool/job"), ["suspend", false, true]);
  assert.deepEqual(of("shop"), ["suspend", false, false]);
  assert.deepEqual([of("shop/down"), of("clock")], [[null, false, false], [null, false, false]]);
});
