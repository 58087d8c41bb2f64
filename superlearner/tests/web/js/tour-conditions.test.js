// When a step of a tour is done.

import assert from "node:assert/strict";
import { test } from "node:test";

import { happened, nextTour, pieces, shown, targetOf } from "#static/learn/tour-conditions.js";

test("conditions fit what they name and nothing else", () => {
  const event = { kind: "event", type: "child_restarted", name: "ledger", data: { strategy: "rest_for_one" } };
  const kill = { kind: "operation", operations: ["process.kill"], doors: ["cli"] };
  const look = { kind: "visited", path: "/supervisors", words: { process: "counter_1" } };
  const restarted = (more) => happened(event, { ...event, ...more }, "ada");
  const did = (data, user = "ada") => happened(kill,
    { type: "operation_done", data: { operation: "process.kill", user: "ada", claims: "cli", outcome: "ok", ...data } },
    user);
  const at = (words, path = "/supervisors") => shown(look, path, new URLSearchParams(words));
  assert.deepEqual([restarted({}), restarted({ name: "cart" }), restarted({ data: null }), restarted({ type: "crashed" })],
    [true, false, false, false]);
  assert.deepEqual([did({}), did({ claims: "page" }), did({ outcome: "not_found" }), did({ operation: "process.exit" })],
    [true, false, false, false]);
  assert.deepEqual([did({}, "bob"), did({ user: "tim" }), did({ user: "owner" }, "anonymous"), did({ user: "anonymous" }, "owner")],
    [false, false, true, true]);
  assert.deepEqual([at("process=x/y/counter_1"), at("process=counter_1", "/supervisors/"), at("process=counter_11")], [true, true, false]);
  assert.deepEqual([at(""), at("process=counter_1", "/")], [false, false]);
  const path = [{ id: "a", steps: 2 }, { id: "b", steps: 2 }, { id: "c", steps: 1 }];
  assert.deepEqual([{}, { b: 1 }, { a: 2, b: 2 }, { a: 2, b: 2, c: 1 }].map((learned) => nextTour(path, learned)), ["a", "b", "c", null]);
  assert.deepEqual(pieces("kill `x`").map(({ code, text }) => [code, text]), [[false, "kill "], [true, "x"]]);
  assert.deepEqual([look, event, kill].map((done) => targetOf({ done, page: "/supervisors?process=cart" })),
    ["counter_1", "ledger", "cart"]);
  assert.equal(targetOf({ done: kill, page: "/arsenal?operation=process.kill" }), "");
});
