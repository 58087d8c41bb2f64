// The layout of sequence diagrams.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CrashStop, stopWords } from "#static/traces/crash-stop.js";
import { arrange, describe, fits, lifeIn, spansIn } from "#static/traces/sequence-layout.js";
import { latencies } from "#static/traces/traces-model.js";

const message = (seq, kind, from, to, more = {}) => ({ seq, at: 100 + seq / 1000, kind, from, to, text: `m${seq}`, ...more });
const mark = (seq, kind, who) => ({ seq, at: 100 + seq / 1000, kind, who, text: "" });
const range = (from, to) => Array.from({ length: to - from }, (_, place) => from + place);
const byPid = (people) => new Map(people.map((one) => [one.pid, one]));
const arranged = (items, people = [], opened = []) => arrange(items, byPid(people), { opened: new Set(opened) });

test("a call and its answer are a pair with a latency and a bar", () => {
  const { rows, spans } = arranged([
    message(1, "call", "0.1.0", "0.2.0", { answer: 4 }),
    message(2, "cast", "0.2.0", "0.3.0"),
    message(4, "reply", "0.2.0", "0.1.0", { answers: 1 }),
    message(5, "call", "0.1.0", "0.2.0"),
  ]);
  assert.deepEqual(rows.map(({ lane, to }) => [lane, to]), [[0, 1], [1, 2], [1, 0], [0, 1]]);
  assert.deepEqual(rows.map(({ latency }) => latency && Number(latency.toFixed(6))), [0.003, null, 0.003, null]);
  assert.deepEqual(spans, [{ lane: 1, first: 0, last: 2, open: false }]);
});

test("a process that is started again goes on in the lane of its name", () => {
  const people = ["0.2.0", "0.9.0"].map((pid) => ({ pid, name: "ledger", label: "ledger" }));
  const items = [
    message(1, "cast", "0.1.0", "0.2.0"), mark(2, "crashed", "0.2.0"), message(3, "info", null, "0.1.0"), mark(4, "started", "0.9.0"),
    message(5, "cast", "0.1.0", "0.9.0"),
  ];
  const layout = arranged(items, people);
  assert.deepEqual(layout.lanes.map(({ label }) => label), ["0.1.0", "ledger", "outside"]);
  assert.deepEqual(lifeIn(layout, 1, 0, 5), [
    { from: 0, to: 1.5, alive: true }, { from: 1.5, to: 3.5, alive: false }, { from: 3.5, to: 5, alive: true },
  ]);
  assert.deepEqual(lifeIn(layout, 1, 2, 3), [{ from: 2, to: 3, alive: false }]);
});

test("a lane is alive again from the first message of the successor, even before its start is reported", () => {
  const people = ["0.2.0", "0.9.0"].map((pid) => ({ pid, name: "cart", label: "cart" }));
  const layout = arranged([
    message(1, "cast", "0.1.0", "0.2.0"), mark(2, "exited", "0.2.0"), message(3, "info", "0.1.0", "0.2.0"),
    message(4, "call", "0.9.0", "0.1.0", { answer: 5 }), message(5, "reply", "0.1.0", "0.9.0", { answers: 4 }), mark(6, "started", "0.9.0"),
  ], people);
  assert.deepEqual(lifeIn(layout, 1, 0, 6), [
    { from: 0, to: 1.5, alive: true }, { from: 1.5, to: 3.5, alive: false }, { from: 3.5, to: 6, alive: true },
  ]);
});

test("more than a dozen lanes are folded by supervisor and unfold one by one", () => {
  const people = range(1, 21).map((n) => ({ pid: `0.${n}.0`, label: `w${n}`, supervisor: n < 11 ? "pool" : "other" }));
  const items = range(1, 21).map((n) => message(n, "info", null, `0.${n}.0`));
  const folded = arranged(items, people);
  assert.deepEqual(folded.lanes.map(({ label }) => label).slice(0, 3), ["outside", "10 below pool", "w11"]);
  assert.equal(folded.lanes.length, 12);
  const opened = arranged(items, people, ["pool"]);
  assert.equal(opened.lanes.length, 21);
  assert.deepEqual(opened.lanes.map(({ group }) => group).slice(0, 3), [null, "pool", "pool"]);
  assert.ok(!arranged(items.slice(0, 5), people).lanes.some((lane) => lane.folded));
});

test("a window has the bars that began long before it", () => {
  const items = [
    message(1, "call", "0.1.0", "0.2.0", { answer: 5000 }),
    ...range(2, 5000).map((n) => message(n, "cast", "0.3.0", "0.4.0")),
    message(5000, "reply", "0.2.0", "0.1.0", { answers: 1 }),
  ];
  const layout = arranged(items);
  assert.equal(spansIn(layout, 2000, 2040).length, 1);
  assert.equal(spansIn(layout, 0, 0).length, 0);
});

test("there are no more lanes than can be read, and the rest share the last", () => {
  const items = range(1, 200).map((n) => message(n, "info", null, `0.${n}.0`));
  const people = range(1, 200).map((n) => ({ pid: `0.${n}.0`, name: `w${n}`, label: `w${n}` }));
  const { lanes, rows } = arranged(items, people);
  assert.equal(lanes.length, 40);
  assert.deepEqual([lanes.at(-1).label, rows.at(-1).to], ["others", 39]);
  assert.deepEqual(arranged(items).lanes.map(({ label }) => label), ["outside", "199 without a name"]);
});

test("a row is a sentence with what became of the message", () => {
  const items = [
    message(1, "call", "0.1.0", "0.2.0", { answer: 2 }),
    message(2, "reply", "0.2.0", "0.1.0", { answers: 1 }),
    message(3, "cast", "0.1.0", "0.2.0", { dropped: true }),
    message(4, "call", "0.1.0", "0.2.0", { timeout: 0.5 }),
  ];
  const layout = arrange(items, new Map());
  assert.deepEqual(items.map((_, at) => describe(layout, at, new Map())), [
    "0.000 s: 0.1.0 calls 0.2.0: m1, answered in 1.00 ms",
    "0.001 s: 0.2.0 replies to 0.1.0: m2, after 1.00 ms",
    "0.002 s: 0.1.0 casts to 0.2.0: m3, dropped: the receiver had ended",
    "0.003 s: 0.1.0 calls 0.2.0: m4, timed out after 500 ms",
  ]);
});

test("following stops at a new crash, and once for a process that goes on crashing", () => {
  const people = byPid([{ pid: "0.2.0", name: "ledger", label: "ledger" }, { pid: "0.9.0", name: "ledger", label: "ledger" }]);
  const crash = (seq, at, who, text = "killed") => ({ seq, at, kind: "crashed", who, text });
  const items = [message(1, "cast", "0.1.0", "0.2.0")], stop = new CrashStop();
  const next = (...more) => stop.next((items.push(...more), [...items]), people, items.at(-1).at)?.seq ?? null;
  assert.equal(next(), null);
  assert.equal(next(mark(2, "exited", "0.1.0"), crash(3, 100, "0.2.0"), message(4, "info", null, "0.1.0"), crash(5, 100.1, "0.3.0")), 3);
  assert.equal(next(), null, "each crash once");
  assert.equal(next(mark(6, "started", "0.9.0"), crash(7, 104, "0.9.0"), crash(8, 108, "0.9.0")), null, "it crashes in a loop");
  assert.equal(next(crash(9, 114, "0.9.0")), 9);
  assert.deepEqual(["killed", "ValueError('x')"].map((text) => stopWords(crash(1, 100, "0.2.0", text), people)),
    ["ledger was killed.", "ledger crashed."]);
});

test("a crash before the sequence opened stops it only if it is recent, also on another server", () => {
  const crash = (seq, at) => ({ seq, at, kind: "crashed", who: "0.2.0", text: "killed" }), stop = new CrashStop();
  assert.equal(stop.next([crash(1, 100), message(2, "cast", "0.1.0", "0.2.0")], new Map(), 120), null);
  assert.equal(stop.next([crash(1, 200)], new Map(), 203)?.at, 200);
  assert.equal(stop.next([], new Map(), 0), null);
  assert.equal(stop.next([crash(1, 202)], new Map(), 203)?.at, 202);
});

test("filters take answers with their calls, and ends with signals", () => {
  const items = [
    message(1, "call", "0.1.0", "0.2.0"),
    message(2, "reply", "0.2.0", "0.1.0"),
    message(3, "system", "0.2.0", "0.1.0", { text: "Down(ref)", tag: "Down" }),
    mark(4, "crashed", "0.2.0"),
  ];
  const seen = (filter) => items.filter((item) => fits(item, filter, new Map())).map(({ seq }) => seq);
  assert.deepEqual(seen({ kind: "call" }), [1, 2]);
  assert.deepEqual(seen({ kind: "ends" }), [3, 4]);
  assert.deepEqual(seen({ text: "DOWN" }), [3]);
  assert.deepEqual(seen({ who: "0.2.0", kind: "crashed" }), [4]);
});

test("latencies of those without a name are one line for their class", () => {
  const people = [
    { pid: "0.1.0", name: "shop", what: "Shop", label: "shop" },
    ...[5, 6, 7].map((n) => ({ pid: `0.${n}.0`, name: null, what: "Order", label: `Order 0.${n}.0` })),
    { pid: "0.9.0", name: null, what: "outside", label: "outside" },
  ];
  const items = [
    ...[5, 6, 7].map((n) => message(n, "call", `0.${n}.0`, "0.1.0", { tag: "pay" })),
    ...[5, 6].map((n) => message(10 + n, "reply", "0.1.0", `0.${n}.0`, { answers: n })),
    message(20, "call", null, "0.5.0", { tag: "ask" }),
    message(21, "reply", "0.5.0", "0.9.0", { answers: 20 }),
  ];
  assert.deepEqual(latencies(items, byPid(people)).map(({ from, to, tag, count, open }) => [from, to, tag, count, open]),
    [["Order (3)", "shop", "pay", 3, 1], ["outside", "Order 0.5.0", "ask", 1, 0]]);
  assert.deepEqual(arranged(items.slice(-2), people).lanes.map(({ label, pids }) => [label, pids]),
    [["outside", ["0.9.0"]], ["Order 0.5.0", ["0.5.0"]]]);
});
