// Crash loops in the list of events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fold, loopText } from "#static/timeline/loops.js";

const end = (at, name, reason) => ({ id: `e${at}`, at, type: "child_terminated", name, supervisor: "sup", text: "", seq: at,
  data: { id: name, reason, by_itself: true } });
const again = (at, name, reason) => ({ ...end(at, name, reason), type: "child_restarted", data: { id: name, reason, along: false } });
const loop = (from, count, name = "poller", reason = "KeyError") =>
  Array.from({ length: count }, (_, round) => [end(from + 2 * round, name, reason), again(from + 2 * round + 1, name, reason)]).flat();
const told = (events, open = []) =>
  fold(events, new Set(open)).map(({ event, events: all, loop: found }) =>
    `${event.id} ${all.length}${found ? ` ${loopText(found)}` : ""}`);

test("ends and restarts of one child for one reason that follow each other are one row, named by the oldest", () => {
  const events = [...loop(0, 6), end(20, "cart", "KeyError"), ...loop(30, 5, "poller", "ValueError")];
  assert.deepEqual(told(events), ["e10 12 6× in 11\u00a0s", "e20 1", "e38 10 5× in 9\u00a0s"]);
  assert.deepEqual(fold(events, new Set()).map(({ loop: found }) => found?.id), ["e0", undefined, "e30"]);
});

test("a loop goes on around its supervisor's give-ups and the ends of others, and ends with a pause", () => {
  const gaveUp = (at) => ({ ...end(at, "sup", "x"), type: "gave_up" });
  const events = [...loop(0, 3), gaveUp(6), end(6, "cart", "KeyError"), ...loop(7, 3), gaveUp(13), ...loop(30, 2)];
  assert.deepEqual(told(events), ["e6 1", "e6 1", "e11 12 6× in 12\u00a0s", "e13 1", "e30 1", "e31 1", "e32 1", "e33 1"]);
});

test("failed attempts to restart a child are one row", () => {
  const failed = (at, reason) => ({ ...end(at, "office", reason), type: "restart_failed", data: { id: "office", reason, used: at } });
  const events = [end(0, "office", "shutdown"), ...Array.from({ length: 300 }, (_, at) => failed(at / 100, "no")), failed(3, "other")];
  assert.deepEqual(told(events), ["e0 1", "e2.99 300 300× in 3\u00a0s", "e3 1"]);
});

test("failed attempts are counted also if the memory has lost the first ones", () => {
  // Regression: of 1,500 attempts, one reader saw 666 and the next one 273
  const failed = (at, attempts) => ({ ...end(at, "office", "no"), type: "restart_failed", data: { id: "office", reason: "no", attempts } });
  const events = Array.from({ length: 300 }, (_, place) => failed(place / 100, 1_201 + place));
  assert.deepEqual(told(events), ["e2.99 300 1,500×"]);
  assert.deepEqual(told(events.map(({ data, ...event }) => ({ ...event, data: { ...data, attempts: data.attempts - 1_200 } }))),
    ["e2.99 300 300× in 3\u00a0s"]);
});

test("stored restarts and those that were only counted are one row, with the words of a stored one and one count", () => {
  const kept = (at, text, more = {}) => ({ id: `k${at}`, at, type: "kept", text, seq: null, data: {}, until: at, ...more });
  const sum = (at, times) => kept(at, `till crashed and was restarted ${times} times more`, { until: at + 8, data: { times } });
  const line = "till crashed and was restarted";
  assert.deepEqual(told([kept(1, line), kept(2, line), sum(3, 900), sum(12, 50)]), ["k2 4 952× in 19\u00a0s"]);
  assert.deepEqual(told([sum(3, 900)]), ["k3 1"]);
});

test("ends at another line of code are a loop of their own, and those with other arguments are not", () => {
  // Regression: two bugs that raised the same class were one row
  const at = (where, reason) => ({ data, ...event }) => ({ ...event, data: { ...data, where, reason: reason ?? data.reason } });
  const mixed = [...loop(0, 5).map(at("a.py:1")), ...loop(0.5, 5).map(at("b.py:2"))].sort((one, other) => one.at - other.at);
  assert.deepEqual(told(mixed), ["e8 10 5× in 9\u00a0s", "e8.5 10 5× in 9\u00a0s"]);
  const counted = loop(0, 5).map((event, place) => at("a.py:1", `KeyError(${place})`)(event));
  assert.deepEqual(told(counted), ["e8 10 the last of 5 in 9\u00a0s"]);
  const kept = (number, reason, where) => ({ id: `k${number}`, at: number, type: "kept", text: "till crashed and was restarted", seq: null,
    until: number, data: { reason, where } });
  const stored = [0, 1, 2, 3, 4].map((place) => [kept(place, "KeyError(1)", "a.py:1"), kept(place + 0.5, "KeyError(2)", "b.py:2")]);
  const more = { ...kept(6, null, null), text: "till crashed and was restarted 90 times more", data: { times: 90 } };
  assert.deepEqual(told([...stored.flat(), more]), ["k4 5 5× in 4\u00a0s", "k4.5 6 95× in 6\u00a0s"]);
});

test("supervisors that give up one after the other are one row", () => {
  const gaveUp = (at, name) => ({ ...end(at, name, "x"), type: "gave_up", pid: name });
  const ended = (at, name, above) =>
    ({ ...end(at, name, "shutdown"), pid: name, data: { id: name, by_itself: true, supervisor_pid: above } });
  const fall = [gaveUp(1, "price_sup"), ended(2, "price_sup", "core"), gaveUp(3, "core"), ended(4, "core", "root"), gaveUp(5, "root")];
  const rows = (events) => fold(events, new Set()).map(({ event, above }) => [event.id, ...above].join(" "));
  assert.deepEqual(rows(fall), ["e1 core root", "e2", "e4"]);
  assert.deepEqual(fold(fall.filter(({ type }) => type === "gave_up"), new Set(), fall).map(({ above }) => above), [["core", "root"]],
    "also if the ends between them are not shown");
  const again = { ...fall[1], id: "r", at: 2.5, type: "child_restarted", data: { id: "price_sup", supervisor_pid: "core" } };
  assert.deepEqual(rows([...fall.slice(0, 2), again, ...fall.slice(2)]), ["e1", "e2", "r", "e3 root", "e4"]);
});

test("few rounds keep their rows, and so does a loop that is unfolded", () => {
  assert.equal(told(loop(0, 4)).length, 8);
  const open = fold(loop(0, 5), new Set(["e0"]));
  assert.equal(open.length, 10);
  assert.deepEqual(open.map(({ loop: found }) => found?.open), [...Array(9).fill(undefined), true]);
});

test("stops by a supervisor, starts along with a sibling and give-ups belong to no loop", () => {
  const others = [
    { ...end(1, "cart", "shutdown"), data: { id: "cart", reason: "shutdown" } }, { ...again(2, "cart", "shutdown"), data: { along: true } },
    { ...end(3, "sup", "x"), type: "gave_up" },
  ];
  assert.equal(told([...others, ...others, ...others, ...others, ...others]).length, 15);
});

test("the time for a long loop grows with its length, not with its square", () => {
  let read = 0;
  const counted = (event) => Object.defineProperty({ ...event }, "type", { get: () => (read += 1, event.type) });
  const reads = (rounds) => {
    read = 0;
    assert.equal(fold(loop(0, rounds).map(counted), new Set()).length, 1);
    return read;
  };
  assert.ok(reads(400) < 3 * reads(200));
});
