// The state of a process with its reason, and what an action on it loses.

import assert from "node:assert/strict";
import { test } from "node:test";

import { budgetText, reasonedState, stateReason, withoutBudget } from "#static/base/words.js";
import { outcome } from "#static/tree/bulk-plan.js";

const row = (more) => ({
  key: "a", id: "a", name: "stock", pid: "0.7.0", kind: "worker", state: "running", mailbox: 0, last: null, ...more,
});
const exit = (reason, crash) => ({ at: 1, reason, crash });

test("a state is explained by what led to it, never by the exit of a predecessor", () => {
  const shutdown = exit("shutdown", false), crash = exit("KeyError('a')", true);
  assert.equal(reasonedState(row({ state: "suspended", last: shutdown, doing: null })), "suspended");
  assert.equal(reasonedState(row({ state: "suspended", last: crash, doing: "a request over HTTP" })), "suspended by a request over HTTP");
  assert.equal(reasonedState(row({ state: "stuck", last: crash, doing: "handle_call" })), "not answering: handle_call");
  assert.equal(reasonedState(row({ state: "exiting", last: crash })), "shutting down");
  assert.equal(reasonedState(row({ state: "starting", last: crash })), "starting");
  assert.equal(reasonedState(row({ state: "crashed", last: crash })), "crashed: KeyError('a')");
  assert.equal(reasonedState(row({ state: "restarting", last: crash })), "restarting: KeyError('a')");
  assert.equal(reasonedState(row({ state: "gave_up", last: shutdown })), "gave up");
  assert.equal(reasonedState(row({ state: "stopped", last: shutdown })), "stopped: shutdown");
  assert.equal(stateReason(row({ last: crash })), "");
});

test("a question before an action says that the state and the waiting messages are lost", () => {
  const supervisor = row({ key: "s", id: "s", name: "shop", kind: "supervisor", strategy: "one_for_one" });
  const text = (rows, action, step = null) => outcome({ supervisor, rows }, action, step).text;
  assert.match(text([row({ mailbox: 46 })], "restart"), /no crash\. Its state and 46 waiting messages are lost\.$/);
  assert.match(text([row({ mailbox: 1 }), row({})], "terminate"), / Their states and 1 waiting message are lost\.$/);
  assert.match(text([row({})], "restart"), / Its state is lost\.$/);
  assert.match(text([row({ mailbox: 3 })], "kill"), / Its state and 3 waiting messages are lost\.$/);
  assert.doesNotMatch(text([row({})], "kill") + text([row({ pid: null, mailbox: null })], "restart"), /lost/);
});

test("a single restart is one, also in a sentence whose budget is left out", () => {
  assert.equal(budgetText(1, { max: 1, window_s: 5 }), "1 of 1 restart left in 5 s");
  assert.equal(withoutBudget("a was killed; sup restarted a; 0 of 1 restart left in 5 s"), "a was killed; sup restarted a");
});
