// The last restarts of Start: those of the shown node's feed, and those that are stored, also of other nodes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { restartsIn, rowText, storedText, Storms } from "#static/live/storms.js";
import { newest, restartText } from "#static/start/last-restarts.js";

const line = (from) => ({ from, count: 1 });
const stored = (ref, at, node = null) => ({ ref, at, node, count: 1 });
const told = (known, most = 3) =>
  newest({ node: "a", lines: [], refs: new Set(), stored: [], ...known }, most).map(({ node, at, line: fed }) =>
    `${node} ${at} ${fed ? "feed" : "stored"}`);

test("restarts of other nodes stand by time between those of the feed", () => {
  const known = { lines: [line(30), line(10)], refs: new Set(["r.30", "r.10"]), stored: [stored("s.1", 20, "b"), stored("r.30", 30, "a")] };
  assert.deepEqual(told(known), ["a 30 feed", "b 20 stored", "a 10 feed"]);
  assert.deepEqual(told(known, 1), ["a 30 feed"]);
});

test("a restart of the shown node is listed once, and from the store only if it is older than the feed", () => {
  const known = { lines: [line(30)], refs: new Set(["r.30", "r.40"]), stored: [stored("r.40", 40), stored("r.5", 5), stored("r.35", 35)] };
  assert.deepEqual(told(known), ["a 30 feed", "a 5 stored"]);
  assert.deepEqual(told({ ...known, lines: [] }), ["a 35 stored", "a 5 stored"]);
});

test("a restart is listed once if its time is a little earlier in the store than in the feed", () => {
  const known = { lines: [line(30.0004)], refs: new Set(["r.11"]), stored: [stored("r.9", 30, "a"), stored("r.5", 20, "a")] };
  assert.deepEqual(told(known), ["a 30.0004 feed", "a 20 stored"]);
});

test("a stored crash loop is one line with its count, and the sum of a minute already has one", () => {
  const text = (line, count, kept = true) => storedText({ line, count, kept, at: 10, until: 28 });
  assert.equal(text("till crashed and was restarted", 30), "till crashed and was restarted 30× in 18\u00a0s");
  assert.equal(text("till was killed and restarted", 30), "till was killed and restarted 30× in 18\u00a0s");
  assert.equal(text("till_sup gave up", 6), "till_sup gave up 6× in 18\u00a0s");
  assert.equal(text("till crashed and was restarted", 1), "till crashed and was restarted");
  assert.equal(text("till ended 1,090 times more", 1090, false), "till ended 1,090 times more");
});

test("the crash with which a supervisor gave up is in the line of the give-up only", () => {
  const crash = (id, parts) => ({
    id, at: id, kind: "crashed", level: "bad", key: "shop/till", text: "", parts: { who: "till", reason: "KeyError", ...parts },
  });
  const fall = { id: 9, at: 9, kind: "gave_up", level: "bad", key: "shop", text: "shop gave up", parts: { who: "shop" } };
  const feed = [crash(1), crash(2), crash(8, { fatal: 1 }), fall], lines = new Storms().take(restartsIn(feed));
  assert.deepEqual(newest({ node: "a", lines, refs: new Set(), stored: [] }, 9).map(({ count, line }) => [line.event.kind, count]),
    [["gave_up", 1], ["crashed", 2]]);
  const folded = new Storms().take(restartsIn([crash(3, { times: 7, fatal: 1 }), fall]));
  assert.deepEqual(folded.map(({ count }) => count), [1, 7]); // regression: *crashed 6×*, and the timeline said 7
});

test("a loop with two give-ups has all of its crashes and its whole time on Start, as in the tree and the timeline", () => {
  const crash = (id, fatal = 0) => ({ id, at: 51 + id * 0.4, kind: fatal ? "crashed" : "restarted", level: "bad", key: "sup/till", text: "",
    parts: { who: "till", reason: "KeyError", ...(fatal && { fatal }) } });
  const feed = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((id) => crash(id, id % 5 === 0 ? 1 : 0));
  const [all] = new Storms().take(feed), lines = new Storms().take(restartsIn(feed));
  assert.equal(rowText(all), "till crashed 11× in 4\u00a0s: KeyError");
  assert.deepEqual(newest({ node: "a", lines, refs: new Set(), stored: [] }, 3).map(restartText), [rowText(all)]);
  const rest = { ...all, id: "9", from: 60, to: 63 }; // the next row of the loop, after a pause
  assert.deepEqual(newest({ node: "a", lines: [all, rest], refs: new Set(), stored: [] }, 3).map(restartText),
    ["till crashed 22× in 12\u00a0s: KeyError"]);
});

test("a stored loop that goes on in the feed is not listed beside its line there", () => {
  const known = { lines: [line(30)], refs: new Set(), stored: [{ ...stored("r.20", 20, "a"), until: 31 }] };
  assert.deepEqual(told(known), ["a 30 feed"]);
});

test("a stored loop is placed by its last restart, as in the list of the server", () => {
  const known = { stored: [{ ...stored("r.9", 10, "a"), count: 144, until: 40 }, stored("r.5", 20, "a")] };
  assert.deepEqual(told(known), ["a 40 stored", "a 20 stored"]);
  assert.deepEqual(told(known, 1), ["a 40 stored"]);
});

test("a stored restart keeps the reason and who acted, as the feed has them", () => {
  const restart = { line: "till crashed and was restarted", count: 1, kept: true, at: 10, until: 10, name: "till", started: 1,
    reason: "KeyError('tax')", supervisor: "shop", strategy: "one_for_one", gave_up: false };
  assert.equal(storedText(restart), "till crashed and was restarted: KeyError('tax'), restarted by shop (one_for_one)");
  const killed = { line: "till was killed and restarted", reason: "killed", request: "your request from the page (process.kill)" };
  assert.equal(storedText({ ...restart, ...killed }),
    "till was killed and restarted: killed by your request from the page, restarted by shop (one_for_one)");
  const story = "shop gave up: 0 of 2 restarts left in 10 s (last: till crashed: KeyError('tax'))";
  assert.equal(storedText({ ...restart, line: "shop gave up", gave_up: true, story }), story);
  assert.equal(storedText({ ...restart, count: 30, until: 28 }),
    "till crashed and was restarted 30× in 18\u00a0s, the last time: KeyError");
});

test("a restart on request is listed from the store: the feed has only its stop and its start", () => {
  const known = { lines: [line(30), line(10)], refs: new Set(["r.30", "r.10"]) };
  const request = { reason: null, request: "your request from the page (supervisor.restart_child)" };
  assert.deepEqual(told({ ...known, stored: [{ ...stored("r.20", 20), ...request }] }), ["a 30 feed", "a 20 stored", "a 10 feed"]);
  assert.deepEqual(told({ ...known, stored: [{ ...stored("r.20", 20), ...request, reason: "killed" }] }), ["a 30 feed", "a 10 feed"]);
});

test("restarts that repeat are one line in feed and store, and a give-up stays among the last three", () => {
  const crash = (from) => ({
    from, to: from, count: 1, bars: [],
    event: { kind: "restarted", level: "bad", text: "", parts: { who: "pricing", reason: "TypeError('no')" } },
  });
  const record = (at, line, more = {}) => ({ ref: `s.${at}`, at, until: at, line, kept: true, count: 1, ...more });
  const known = {
    node: "a", lines: [crash(1000), crash(960), crash(900)], refs: new Set(),
    stored: [
      record(800, "pricing crashed and was restarted", { count: 15, at: 640, until: 800 }),
      record(700, "cart crashed"), record(690, "till crashed"),
      record(600, "delivery gave up", { gave_up: true }), record(400, "pricing crashed and was restarted"),
    ],
  };
  assert.deepEqual(newest(known, 3).map(restartText), ["pricing crashed 18× in 6\u00a0min: TypeError", "cart crashed", "delivery gave up"]);
  assert.deepEqual(newest(known, 9).map(restartText).slice(2), ["till crashed", "delivery gave up", "pricing crashed and was restarted"]);
  const parts = { who: "pricing", reason: "KeyError('tea')" };
  const other = { ...crash(930), event: { ...crash(930).event, text: "pricing crashed: KeyError('tea')", parts } };
  assert.deepEqual(newest({ ...known, lines: [crash(1000), crash(960), other, crash(900)] }, 3).map(restartText).slice(0, 2),
    ["pricing crashed 18× in 6\u00a0min: TypeError", "pricing crashed: KeyError('tea')"], "one reason is not that of all");
  assert.deepEqual(newest({ ...known, lines: [crash(9000)] }, 3).map(({ at }) => at), [9000, 800, 700], "an old give-up is not kept");
});

test("after a deadlock its cause is listed, and not the callers that ended with it", () => {
  const crash = (who, at, reason) => ({
    from: at, to: at, count: 1, bars: [], event: { kind: "restarted", level: "bad", text: who, parts: { who, reason } },
  });
  const timeout = "ledger did not answer a call in 2.0 s (timeout): a deadlock, queue -> ledger -> queue";
  const lines = [
    crash("Worker w2", 100.3, `its call to queue failed: ${timeout}`), crash("Worker w1", 100.2, `its call to queue failed: ${timeout}`),
    crash("queue", 100, timeout), crash("cart", 90, "its call to queue failed: noproc"),
  ];
  const shown = newest({ node: "a", lines, refs: new Set(), stored: [] }, 3);
  assert.deepEqual(shown.map(({ line: { event } }) => event.parts.who), ["queue", "cart"]);
  const goesOn = { ...crash("Worker w3", 100.1, `its call to queue failed: ${timeout}`), to: 400, count: 90 };
  assert.deepEqual(newest({ node: "a", lines: [goesOn, ...lines], refs: new Set(), stored: [] }, 1).map(({ count }) => count), [90]);
});
