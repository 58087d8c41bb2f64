// The tree at an earlier moment, from the tree of now and the events since then.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY, reduce } from "#static/live/model.js";
import { above, yoursFirst, yoursOnly } from "#static/live/scopes.js";
import { precise } from "#static/base/words.js";
import { countKinds, countText, DEFAULT, kindsFrom, kindsText, momentFrom, ofKinds } from "#static/timeline/kinds.js";
import { KeptTrees } from "#static/timeline/kept-trees.js";
import { lifeOf } from "#static/timeline/life.js";
import { findKept, storedTree } from "#static/timeline/stored-tree.js";
import {
  countNew, countUpTo, firstSpan, isAbout, markOf, marksOf, meantBy, newestBefore, stepFrom, treeAt,
} from "#static/timeline/past.js";
import { row, now, event, events, older } from "./timeline-events.js";

/** The events that the page has; without more, all of them. */
const logOf = (events, more) => ({ events, whole: true, run: "r", change: 0, read: 0, ...more });
const shown = (at) => Object.fromEntries((treeAt(now, events, at).kids.get("sup") ?? []).map((key) => {
  const { id, pid, state, restarts } = treeAt(now, events, at).rows.get(key);
  return [id, [pid, state, restarts]];
}));

test("the tree of now is the tree of the page", () => {
  assert.equal(treeAt(now, events, null), now);
  assert.deepEqual(shown(15), { ledger: ["0.5.0", "running", 1], cart: ["0.6.0", "running", 0], late: ["0.7.0", "running", 0] });
});

test("a child is not there before its first start, and one that is gone is there until its end", () => {
  assert.deepEqual(shown(14), { ledger: ["0.5.0", "running", 1], cart: ["0.6.0", "running", 0] });
  assert.deepEqual(shown(13)["0.4.0"], ["0.4.0", "running", 0]);
});

test("a process was suspended between these events, which are changes", () => {
  const pauses = [
    ...events, event(16, "suspended", "0.5.0", "ledger", { by: "a request" }), event(18, "resumed", "0.5.0", "ledger", { by: null }),
  ];
  assert.deepEqual([15, 17, 19].map((at) => treeAt(now, pauses, at).rows.get("sup/ledger").state), ["running", "suspended", "running"]);
  assert.deepEqual(pauses.slice(-2).map(markOf), ["change", "change"]);
});

test("between its end and its restart a child is down, before it the former process runs", () => {
  assert.deepEqual(shown(12).cart, [null, "restarting", 0]);
  assert.deepEqual(shown(11).ledger, [null, "restarting", 0]);
  assert.equal(treeAt(now, events, 11).rows.get("sup/ledger").last.reason, "ValueError");
  assert.deepEqual(shown(9), { ledger: ["0.2.0", "running", 0], cart: ["0.3.0", "running", 0], "0.4.0": ["0.4.0", "running", 0] });
  assert.deepEqual(now.rows.get("sup/ledger").pid, "0.5.0");
});

test("the children of a supervisor that was restarted belong to its former process", () => {
  const top = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 9, feed: [], health: null, nodes: [
    row("top", "0.1.0"), row("top/sup", "0.8.0", { kind: "supervisor", restarts: 1 }), row("top/sup/job", "0.9.0"),
  ] });
  const past = [
    event(1, "child_terminated", "0.3.0", "job", { supervisor_pid: "0.2.0", reason: "killed", by: "exit" }),
    event(2, "child_terminated", "0.2.0", "sup", { reason: "shutdown", by: "exit" }),
    event(3, "child_started", "0.9.0", "job", { supervisor_pid: "0.8.0", old: null, along: false }),
    event(4, "child_restarted", "0.8.0", "sup", { old: "0.2.0", reason: "shutdown", along: false }),
  ];
  const at = (moment) => [...treeAt(top, past, moment).rows.values()].map(({ id, pid }) => `${id} ${pid}`);
  assert.deepEqual(at(4), ["top 0.1.0", "sup 0.8.0", "job 0.9.0"]);
  assert.deepEqual(at(2), ["top 0.1.0", "sup null"]);
  assert.deepEqual(at(0), ["top 0.1.0", "sup 0.2.0", "job 0.3.0"]);
});

test("dynamic children are in the order of their start, also those that have ended and those that were restarted", () => {
  const pool = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 20, feed: [], health: null, nodes: [
    row("sup", "0.1.0", { kind: "supervisor", strategy: "dynamic" }),
    row("sup/0.6.0", "0.6.0", { id: "order 0.6.0", name: null, restarts: 1 }),
  ] });
  const of = (at, type, pid, data) => event(at, type, pid, null, { id: null, ...data });
  const log = [
    ...["0.2.0", "0.3.0", "0.4.0", "0.5.0"].map((pid, at) => of(at, "child_started", pid, { old: null, along: false, what: "order" })),
    of(10, "child_terminated", "0.3.0", { reason: "killed", by: "exit" }),
    of(11, "child_restarted", "0.6.0", { old: "0.3.0", reason: "killed", along: false }),
    ...["0.2.0", "0.4.0", "0.5.0"].map((pid, at) => of(12 + at, "child_terminated", pid, { reason: "normal", by: "exit" })),
  ];
  const at = (moment) => {
    const { rows, kids } = treeAt(pool, log, moment);
    return kids.get("sup").map((key) => `${rows.get(key).id} ${rows.get(key).state}`).join(", ");
  };
  assert.equal(at(9), "order 0.2.0 running, order 0.3.0 running, order 0.4.0 running, order 0.5.0 running");
  assert.equal(at(10), "order 0.2.0 running, order 0.3.0 restarting, order 0.4.0 running, order 0.5.0 running");
  assert.equal(at(11), "order 0.2.0 running, order 0.4.0 running, order 0.5.0 running, order 0.6.0 running");
  assert.equal(at(13), "order 0.5.0 running, order 0.6.0 running");
});

test("children that end while a moment is shown keep their names and places, also at a later moment", () => {
  const pool = (...pids) => reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, feed: [], health: null, nodes: [
    row("sup", "0.1.0"), ...pids.map((pid) => row(`sup/${pid}`, pid, { id: `order ${pid}`, name: null, restarts: 2 })),
  ] });
  const ended = (at, pid) => event(at, "child_terminated", pid, null, { id: null, reason: "normal", by: "exit" });
  const log = [ended(10, "0.9.0"), ended(30, "0.2.0"), ended(40, "0.3.0")];
  const trees = new KeptTrees();
  const drawn = (living, at, now) => {
    const { rows, kids } = trees.at(living, logOf(log), at, now).model;
    return kids.get("sup").map((key) => `${rows.get(key).id} ${rows.get(key).restarts}`);
  };
  assert.deepEqual(drawn(pool("0.2.0", "0.3.0", "0.4.0"), 15, 20), ["order 0.2.0 2", "order 0.3.0 2", "order 0.4.0 2"]);
  assert.deepEqual(drawn(pool("0.4.0"), 15, 50), ["order 0.2.0 2", "order 0.3.0 2", "order 0.4.0 2"]);
  assert.deepEqual(drawn(pool("0.4.0"), 35, 50), ["order 0.3.0 2", "order 0.4.0 2"]);
  assert.deepEqual(drawn(pool("0.4.0"), 25, 50), ["order 0.2.0 2", "order 0.3.0 2", "order 0.4.0 2"]);
  assert.deepEqual(drawn(pool("0.4.0"), null, 50), ["order 0.4.0 2"]);
  assert.deepEqual(drawn(pool("0.4.0"), 35, 50), ["0.3.0 0", "order 0.4.0 2"]);
});

test("a tree that is kept gets what was on its way to the page, and none is kept of another run of the server", () => {
  const one = (pid, epoch = "e") =>
    reduce(EMPTY, { k: "s", epoch, seq: 1, now: 0, feed: [], health: null, nodes: [row("sup", "0.1.0"), row("sup/cart", pid)] });
  const trees = new KeptTrees();
  const cart = (living, now, more) => trees.at(living, logOf(older, more), 10, now).model.rows.get("sup/cart").pid;
  assert.equal(cart(one("0.2.0"), 10), "0.2.0");
  assert.equal(cart(one("0.3.0"), 10.5), "0.3.0");
  assert.equal(cart(one("0.4.0"), 11.5), "0.4.0");
  assert.equal(cart(one("0.5.0"), 20), "0.4.0");
  assert.equal(cart(one("0.6.0", "f"), 20), "0.6.0");
  assert.equal(cart(one("0.7.0", "f"), 20, { run: "another program of the node" }), "0.7.0");
});

test("events after a tree was kept do not change it", () => {
  const restart = (at, old, pid) => [
    event(at, "child_terminated", old, "ledger", { reason: "killed", by: "exit" }),
    event(at, "child_restarted", pid, "ledger", { old, reason: "killed", along: false }),
  ];
  const log = [...restart(30, "0.5.0", "0.8.0"), ...restart(31, "0.8.0", "0.9.0")];
  const { pid, restarts } = new KeptTrees().at(now, logOf([...older, ...log]), 18, 20).model.rows.get("sup/ledger");
  assert.deepEqual([pid, restarts], ["0.5.0", 1]);
});

test("no tree stands for a moment while its events are missing, or before the oldest one", () => {
  const trees = new KeptTrees();
  const state = (at, more, living = now) => {
    const { state, model } = trees.at(living, logOf(events, more), at, 20);
    assert.equal(model === null, state === "loading" || state === "unknown");
    return state;
  };
  assert.equal(state(null), "now");
  assert.equal(state(null, {}, EMPTY), "loading");
  assert.equal(state(13), "then");
  assert.equal(state(9.9), "unknown");
  assert.equal(state(9.9, { whole: false }), "loading");
  assert.equal(state(13, { whole: false }), "loading");
  assert.equal(state(13, { events: [] }), "unknown");
  assert.equal(state(13, { events: [], whole: false, run: "", read: -1 }), "loading");
});

test("a tree waits for the events of the changes that it already shows, and for no later ones", () => {
  const trees = new KeptTrees();
  const at = (more) => trees.at(now, logOf(events, more), 14, 20);
  assert.equal(at({ change: 3, read: 2 }).state, "loading");
  assert.equal(at({ change: 9, read: 3 }).model.rows.get("sup/ledger").pid, "0.5.0");
});

test("what somebody attached or detached is a change, and not a restart or a failure", () => { // Regression: red, and as a restart
  const mark = (text, reason = null) => {
    const data = { program: true, back: reason === null, started: reason ? 0 : 1 };
    const [one, ...more] = marksOf({ ...event(1, "kept", null, "shop"), text, data });
    assert.equal(more.length, 0);
    return one;
  };
  assert.equal(mark("shop is attached on request, to process 7"), "change");
  assert.equal(mark("shop is attached again on request, to process 7, after a gap of 12 s"), "change");
  assert.equal(mark("shop is no longer observed: it was detached on request", "it was detached on request"), "change");
  assert.equal(mark("shop is attached again after a gap of 6 s: its process 7 has run on"), "change");
  const stopped = "its program (process 7) had been stopped by a signal and is running again";
  assert.equal(mark(`shop answers again after a gap of 9 s: ${stopped}`), "change");
  assert.equal(mark("shop is attached again, to process 8, after a gap of 2 s"), "restart");
  assert.equal(mark("shop is gone: its process 7 no longer exists", "its process 7 no longer exists"), "crash");
});

test("a child that had ended when its supervisor was about to stop it is a failure", () => {
  const found = { reason: "killed", by: "supervisor", by_itself: true };
  assert.equal(markOf(event(1, "child_terminated", "0.3.0", "cart", found)), "crash");
  assert.equal(markOf(event(1, "child_terminated", "0.3.0", "cart", { ...found, by_itself: false })), "stop");
});

test("the tree of a kept restart is the stored one, with what had happened up to the moment", () => {
  const node = (id, pid, more = {}) =>
    ({ id, name: id.split("/").at(-1), pid, kind: "worker", strategy: null, restart: null, children: [], ...more });
  const moment = {
    at: 100,
    root: node("shop", "0.2.0", {
      kind: "supervisor", strategy: "one_for_all", children: [node("shop/till", "0.3.0"), node("shop/cart", "0.4.0")],
    }),
    events: [
      { kind: "crash", at: 0, id: "shop/till", reason: "KeyError(7)", crash: true },
      { kind: "decide", at: 0.001, id: "shop", what: "restart", left: 1 },
      { kind: "stop", at: 0.002, id: "shop/cart", by: "shop" },
      { kind: "start", at: 0.003, id: "shop/till", by: "shop", pid: "0.5.0" },
      { kind: "start", at: 0.004, id: "shop/cart", by: "shop", pid: "0.6.0" },
    ],
  };
  const at = (when) => {
    const { kids, rows } = storedTree(moment, when);
    assert.deepEqual([kids.get(""), kids.get("shop")], [["shop"], ["shop/till", "shop/cart"]]);
    return [...rows.values()].map(({ name, pid, state }) => `${name} ${pid} ${state}`);
  };
  assert.deepEqual(at(100), ["shop 0.2.0 running", "till null restarting", "cart 0.4.0 running"]);
  assert.equal(storedTree(moment, 100).rows.get("shop/till").last.reason, "KeyError(7)");
  assert.deepEqual(at(100.0025), ["shop 0.2.0 running", "till null restarting", "cart null stopped"]);
  assert.deepEqual(at(100.004), ["shop 0.2.0 running", "till 0.5.0 running", "cart 0.6.0 running"]);
  const kept = [
    { ref: "a.1", at: 99, until: 99.5, data: {} }, { ref: "a.2", at: 100, until: 100.004, data: {} },
    { ref: "b.1", at: 101, until: 101, data: { program: true, started: 0 } },
  ];
  assert.deepEqual([98, 99.2, 99.7, 100.0000004, 100.0046, 101].map((when) => findKept(kept, when)?.ref ?? null),
    [null, "a.1", null, "a.2", "a.2", null]);
});

test("at the moment of a stored give-up, the supervisor has given up, and no child waits for a restart", () => {
  const node = (id, children = []) => ({ id, name: id, kind: children.length ? "supervisor" : "worker", pid: id, ended: null, children });
  const events = [
    { kind: "crash", at: 0, id: "shop/till", reason: "KeyError(7)", crash: true },
    { kind: "decide", at: 0.001, id: "shop", what: "give_up" },
    { kind: "stop", at: 0.002, id: "shop/cart" }, { kind: "crash", at: 0.003, id: "shop", reason: "shutdown", crash: false },
    { kind: "start", at: 0.005, id: "shop", pid: "0.9.0" },
  ];
  const moment = { at: 100, events, root: node("top", [node("shop", [node("shop/till"), node("shop/cart")])]) };
  const at = (when) => [...storedTree(moment, when).rows.values()].map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(at(100.0005), ["top running", "shop running", "shop/till restarting", "shop/cart running"]);
  assert.deepEqual(at(100.004), ["top running", "shop gave_up", "shop/till crashed", "shop/cart stopped"]);
  assert.deepEqual(at(100.006), ["top running", "shop running", "shop/till crashed", "shop/cart stopped"]);
  const kept = [{ ref: "a.1", at: 100.003, began: 100, until: 100.003, data: {} }, { ref: "a.2", at: 99, until: 101, data: { times: 9 } }];
  assert.deepEqual([99.5, 100.001].map((when) => findKept(kept, when)?.ref ?? null), [null, "a.1"]);
});

test("the card of a process of the past is from its own events, and the one in its place now is another", () => {
  const life = (key, at) => lifeOf(now.rows.get(key), treeAt(now, events, at), now, events);
  const time = (at) => precise(at);
  assert.deepEqual(life("sup/ledger", 9), { name: "ledger", pid: "0.2.0", runs: false, facts: [
    "Its start is not among the events in memory.", `Ended at ${time(10)}: ValueError.`,
    "Another process runs in its place now: <0.5.0>.",
  ] });
  assert.deepEqual(life("sup/ledger", 10), {
    name: "ledger", pid: null, runs: false, facts: ["No process ran in this place at this moment."],
  });
  assert.deepEqual(life("sup/late", 16), { name: "late", pid: "0.7.0", runs: true, facts: [
    `Started at ${time(15)} by sup.`, "It runs now.",
  ] });
});

test("a supervisor that was killed is there with its strategy and its children, without an event about their end", () => {
  const top = reduce(EMPTY, {
    k: "s", epoch: "e", seq: 1, now: 9, feed: [], health: null, nodes: [row("top", "0.1.0", { kind: "supervisor" })],
  });
  const past = [
    event(1, "child_started", "0.3.0", "till", { supervisor_pid: "0.2.0", type: "worker", what: "Till", restarts: 0, along: false }),
    event(2, "child_started", "0.4.0", "Book ACME",
      { supervisor_pid: "0.2.0", id: "book", type: "worker", what: "Book", restarts: 0, along: false }),
    event(3, "child_started", "0.2.0", "stall",
      { type: "supervisor", restart: "temporary", what: "Stall", child_strategy: "rest_for_one", restarts: 0, along: false }),
    event(4, "child_restarted", "0.5.0", "till",
      { supervisor_pid: "0.2.0", what: "Till", old: "0.3.0", reason: "ValueError", strategy: "rest_for_one", restarts: 1, along: false }),
    event(5, "child_terminated", "0.2.0", "stall", { reason: "killed", by: "exit" }),
  ];
  past.splice(3, 0, event(3.5, "child_terminated", "0.3.0", "till", { supervisor_pid: "0.2.0", reason: "ValueError", by: "exit" }));
  const at = (moment) => [...treeAt(top, past, moment).rows.values()]
    .map((one) => [one.name ?? one.id, one.what, one.kind, one.strategy, one.pid, one.restarts, one.uncounted ?? false])
    .slice(1);
  assert.deepEqual(at(5), []);
  assert.deepEqual(at(4), [
    ["stall", "Stall", "supervisor", "rest_for_one", "0.2.0", 0, false],
    ["till", "Till", "worker", null, "0.5.0", 1, false],
    ["Book ACME", "Book", "worker", null, "0.4.0", 0, false],
  ]);
  assert.deepEqual(at(3).map(([name, , , , pid, restarts]) => [name, pid, restarts]),
    [["stall", "0.2.0", 0], ["till", "0.3.0", 0], ["Book ACME", "0.4.0", 0]]);
});

test("the children of a killed supervisor end after it, and are in their place below it before that", () => {
  const top = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 9, feed: [], health: null, nodes: [
    row("top", "0.1.0", { kind: "supervisor" }), row("top/shop", "0.8.0", { kind: "supervisor", restarts: 1 }),
    row("top/shop/tills", "0.9.0", { kind: "supervisor" }), row("top/shop/tills/till", "0.10.0"),
  ] });
  const started = (at, pid, name, parent, more) =>
    event(at, "child_started", pid, name, { supervisor_pid: parent, type: "supervisor", old: null, along: false, restarts: 0, ...more });
  const ended = (at, pid, name, parent) =>
    event(at, "child_terminated", pid, name, { supervisor_pid: parent, reason: "shutdown", by: "exit" });
  const log = (late) => [
    started(1, "0.4.0", "till", "0.3.0", { type: "worker" }), started(1.1, "0.3.0", "tills", "0.2.0"),
    started(1.2, "0.2.0", "shop", "0.1.0"),
    ended(2, "0.2.0", "shop", "0.1.0"), ended(late, "0.4.0", "till", "0.3.0"),
    started(3, "0.10.0", "till", "0.9.0", { type: "worker" }), started(3.1, "0.9.0", "tills", "0.8.0"),
    event(3.2, "child_restarted", "0.8.0", "shop", { old: "0.2.0", reason: "killed", along: false, restarts: 1 }),
  ].sort((one, other) => one.at - other.at);
  const keys = (late, at) => [...treeAt(top, log(late), at).rows.values()].map(({ key, pid }) => `${key} ${pid}`);
  for (const late of [2.5, 4]) // before or after the restart of the supervisor above
    assert.deepEqual(keys(late, 1.5), ["top 0.1.0", "top/shop 0.2.0", "top/shop/tills 0.3.0", "top/shop/tills/till 0.4.0"]);
  assert.deepEqual(keys(4, 3.5), ["top 0.1.0", "top/shop 0.8.0", "top/shop/tills 0.9.0", "top/shop/tills/till 0.10.0"]);
  assert.deepEqual(keys(2.5, 2.2), ["top 0.1.0", "top/shop null"]);
});

test("a root that has ended is there with its name while it had children", () => {
  const past = [
    event(1, "child_started", "0.9.0", "job", { supervisor_pid: "0.8.0" }),
    event(2, "child_terminated", "0.9.0", "job", { supervisor_pid: "0.8.0", reason: "shutdown", by: "supervisor" }),
  ];
  const at = (moment) =>
    [...treeAt(now, past.map((one) => ({ ...one, supervisor: "stall" })), moment).rows.values()].map(({ id }) => id).slice(4);
  assert.deepEqual([at(0), at(1), at(2)], [[], ["stall", "job"], []]);
});

test("restarts are those up to the moment, and unknown if no event tells them", () => {
  const life = (pid, restarts, more) => event(0, "child_started", pid, "ledger", { restarts, old: null, along: false, ...more });
  const log = [
    { ...life("0.20.0", 0), at: 1 }, event(2, "child_terminated", "0.20.0", "ledger", { reason: "ValueError", by: "exit" }),
    event(3, "child_restarted", "0.21.0", "ledger", { old: "0.20.0", reason: "ValueError", restarts: 1, along: false }),
    // Deleted and added again
    event(4, "child_terminated", "0.21.0", "ledger", { reason: "shutdown", by: "supervisor" }), { ...life("0.5.0", 0), at: 5 },
  ];
  const model = reduce(EMPTY, {
    k: "s", epoch: "e", seq: 1, now: 20, feed: [], health: null,
    nodes: [row("sup", "0.1.0", { kind: "supervisor" }), row("sup/ledger", "0.5.0", { restarts: 0 })],
  });
  const counts = (events, at) => {
    const { restarts, uncounted } = treeAt(model, events, at).rows.get("sup/ledger");
    return uncounted ? null : restarts;
  };
  assert.deepEqual([counts(log, 5), counts(log, 3), counts(log, 2), counts(log, 1)], [0, 1, 0, 0]);
  assert.equal(counts(log.slice(3), 3), null);
});

test("the children of a restarted supervisor continue the restarts of their ids", () => {
  const job = (at, type, pid, parent, more) => event(at, type, pid, "job", { supervisor_pid: parent, ...more });
  const log = [
    job(1, "child_started", "0.3.0", "0.2.0", { restarts: 0 }),
    event(2, "child_started", "0.2.0", "stall", { type: "supervisor", restarts: 0 }),
    job(3, "child_terminated", "0.3.0", "0.2.0", { reason: "ValueError", by: "exit" }),
    job(4, "child_restarted", "0.4.0", "0.2.0", { old: "0.3.0", restarts: 1 }),
    event(5, "child_terminated", "0.2.0", "stall", { reason: "killed", by: "exit" }),
    job(6, "child_started", "0.6.0", "0.5.0", { restarts: 0 }),
    event(7, "child_restarted", "0.5.0", "stall", { old: "0.2.0", restarts: 1 }),
    event(8, "child_terminated", "0.5.0", "stall", { reason: "killed", by: "exit" }),
  ];
  const top = reduce(EMPTY, {
    k: "s", epoch: "e", seq: 1, now: 9, feed: [], health: null, nodes: [row("top", "0.1.0", { kind: "supervisor" })],
  });
  const at = (events, moment) =>
    [...treeAt(top, events, moment).rows.values()].slice(1).map(({ id, restarts, uncounted }) => [id, uncounted ? null : restarts]);
  assert.deepEqual(at(log, 7), [["stall", 1], ["job", 1]]);
  assert.deepEqual(at(log, 2), [["stall", 0], ["job", 0]]);
  assert.deepEqual(at(log.slice(4), 7), [["stall", 1], ["job", null]]);
});

test("an earlier tree has no figure of now, and no process that was started later", () => {
  const model = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 99, feed: [{ id: 1 }], health: { processes: 9 }, nodes: [
    row("sup", "0.1.0",
      { kind: "supervisor", strategy: "rest_for_one", children: 3, budget: { used: 2, max: 3, window_s: 5, resets_at: 100 }, since: 2 }),
    row("sup/ledger", "0.2.0", { state: "stuck", doing: "handle_call", mailbox: 7, since: 90 }),
    row("sup/late", "0.7.0", { since: 20 }), row("stall", "0.8.0", { kind: "supervisor", since: 21 }),
    row("%alone", null, { kind: "group", since: 20 }), row("%alone/0.3.0", "0.3.0", { since: 20 }),
    row("%alone/0.9.0", "0.9.0", { since: 20 }),
  ] });
  const log = [
    event(10, "child_started", "0.2.0", "ledger", { restarts: 0 }),
    event(11, "child_started", "0.6.0", "cart", {}),
    event(12, "child_terminated", "0.6.0", "cart", { reason: "normal", by: "exit" }),
    event(20, "child_started", "0.7.0", "late", {}),
  ];
  const past = treeAt(model, log, 15);
  assert.deepEqual([...past.rows.keys()], ["sup", "sup/ledger", "%alone", "%alone/0.3.0"]);
  const { state, mailbox, doing, since } = past.rows.get("sup/ledger");
  assert.deepEqual([state, mailbox, doing, since], ["running", null, null, 10]);
  assert.deepEqual([past.rows.get("sup").budget, past.rows.get("sup").children, past.rows.get("sup").since, past.health, past.feed],
    [null, null, 0, null, []]);
  assert.deepEqual([...treeAt(model, log, 25).rows.keys()], [
    "sup", "sup/ledger", "sup/late", "stall", "%alone", "%alone/0.3.0", "%alone/0.9.0",
  ]);
});

test("a strategy is the one of the moment", () => {
  const changed = [...events, event(16, "strategy_changed", "0.1.0", "sup", { strategy_before: "one_for_one", strategy: "rest_for_one" })];
  assert.deepEqual([15, 16].map((at) => treeAt(now, changed, at).rows.get("sup").strategy), ["one_for_one", "rest_for_one"]);
  const pool = reduce(EMPTY, {
    k: "s", epoch: "e", seq: 1, now: 20, feed: [], health: null,
    nodes: [row("sup", "0.1.0", { kind: "supervisor" }), row("sup/pool", "0.2.0", { strategy: "dynamic" })],
  });
  assert.equal(treeAt(pool, changed, 12).rows.get("sup/pool").strategy, "dynamic");
});

test("steps go from one moment with an event to the next, and after the last to now", () => {
  assert.equal(countUpTo(events, 11), 2);
  assert.equal(stepFrom(events, null, -1), 15);
  assert.equal(stepFrom(events, 11.5, -1), 11);
  assert.equal(stepFrom(events, 11, -1), 10);
  assert.equal(stepFrom(events, 10, -1), 10);
  assert.equal(stepFrom(events, 10, 1), 11);
  assert.equal(stepFrom(events, 15, 1), null);
});

test("a link means the nearest event within a millisecond, also one that begins microseconds later", () => {
  const three = [1000, 1000.0007, 1003].map((at) => ({ ...events[0], at }));
  assert.equal(meantBy(three, 999.999995), 1000);
  assert.equal(meantBy(three, 1000), 1000);
  assert.equal(meantBy(three, 1000.0006), 1000.0007);
  assert.equal(meantBy(three, 1001.5), 1001.5);
  assert.equal(meantBy([], 1000), 1000);
});

test("a supervisor that is giving up looks like it, and the child that it does not restart is down", () => {
  const model = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 9, feed: [], health: null, nodes: [
    row("top", "0.1.0"), row("top/sup", "0.8.0", { kind: "supervisor", restarts: 1 }), row("top/sup/job", "0.9.0"),
  ] });
  const past = [
    event(1, "child_terminated", "0.3.0", "job", { supervisor_pid: "0.2.0", reason: "ValueError", by: "exit" }),
    event(2, "gave_up", "0.2.0", "sup", { supervisor_pid: "0.2.0", id: "job", reason: "ValueError" }),
    event(3, "child_terminated", "0.2.0", "sup", { reason: "shutdown", by: "exit" }),
    event(4, "child_started", "0.9.0", "job", { supervisor_pid: "0.8.0", old: null, along: false }),
    event(5, "child_restarted", "0.8.0", "sup", { old: "0.2.0", reason: "shutdown" }),
  ];
  const states = (at) => ["top/sup", "top/sup/job"].map((key) => treeAt(model, past, at).rows.get(key)?.state);
  assert.deepEqual([0, 1, 2, 3].map(states), [
    ["running", "running"], ["running", "crashed"], ["gave_up", "crashed"], ["restarting", undefined],
  ]);
  assert.equal(treeAt(model, past, 2).rows.get("top/sup/job").last.reason, "ValueError");
});

test("kills and crashes have one mark, stops and normal ends another", () => {
  assert.deepEqual(events.map(markOf), ["crash", "stop", "restart", "start", "stop", "start"]);
  assert.equal(markOf(event(1, "child_terminated", "0.1.0", "a", { reason: "killed", by: "exit" })), "crash");
  assert.equal(markOf(event(1, "child_terminated", "0.1.0", "a", { reason: "('shutdown', 'done')", by: "exit" })), "stop");
  assert.equal(markOf(event(1, "gave_up", "0.1.0", "sup", { reason: "ValueError" })), "crash");
});

test("a stop and a restart on request are shown by default", () => {
  const request = "a request from the page";
  const stopped = event(30, "child_terminated", "0.2.0", "ledger", { reason: "shutdown", by: "supervisor", request });
  const begun = event(31, "child_started", "0.5.0", "ledger", { old: null, along: false, request });
  assert.deepEqual([stopped, begun].map(markOf), ["change", "restart"]);
  assert.deepEqual(ofKinds([stopped, begun], kindsFrom(new URLSearchParams())), [stopped, begun]);
});

test("events about a process are its own and those of its children", () => {
  assert.deepEqual(events.filter((one) => isAbout(one, now.rows.get("sup/cart"))).map(({ at }) => at), [11, 13]);
  assert.equal(events.every((one) => isAbout(one, now.rows.get("sup"))), true);
});

test("the reader's trees come before the platform's, and nothing is left out", () => {
  const model = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 1, feed: [], health: null, nodes: [
    row("superlearner", "0.1.0"), row("superlearner/services", "0.2.0"), row("superlearner/playground", "0.3.0"),
    row("superlearner/playground/shop", "0.4.0"),
  ] });
  assert.deepEqual(yoursFirst(model).kids.get(""), ["superlearner/playground/shop", "superlearner"]);
  assert.deepEqual(yoursFirst(model).kids.get("superlearner"), ["superlearner/services", "superlearner/playground"]);
  assert.deepEqual([model, yoursFirst(model)].map((one) => above(one, one.rows.get("superlearner/playground/shop"))),
    ["superlearner/playground", null]);
  const sorted = yoursFirst(model);
  assert.equal(yoursFirst({ ...model, seq: 2 }, sorted).kids, sorted.kids);
  assert.equal(yoursFirst(now), now);
  const own = yoursOnly(model);
  assert.deepEqual([[...own.rows.keys()], own.kids.get(""), own.kids.has("superlearner")],
    [["superlearner/playground/shop"], ["superlearner/playground/shop"], false]);
  assert.equal(yoursOnly(model), own, "a view sees that nothing has changed");
  assert.equal(yoursOnly(now), now, "other nodes have no rows of the platform");
  const idle = reduce(EMPTY, { k: "s", epoch: "e", seq: 1, now: 0, feed: [], health: null, nodes: [
    row("superlearner", "0.1.0"), row("superlearner/playground", "0.3.0"),
  ] });
  assert.deepEqual([yoursOnly(idle).rows.size, yoursOnly(idle).kids.get("")], [0, []]);
});

test("the numbers of the shown kinds add up to that of the events with those of two kinds", () => {
  const kept = (at, data) => ({ ...event(at, "kept", null, "sup", { started: 1, ...data }), text: "till crashed and was restarted" });
  const log = [kept(20, {}), kept(21, { times: 3 }), event(22, "strategy_changed", "0.1.0", "sup", {}), ...events.slice(5)];
  const shown = ofKinds(log, DEFAULT), { crashes, restarts, changes, starts } = countKinds(log);
  assert.deepEqual([crashes, restarts, changes, starts], [4, 4, 1, 1]);
  assert.equal(countText(shown, shown.length, log, DEFAULT), "5 events (4 both failures and restarts); 1 filtered out");
  assert.equal(countText(shown, 1, shown, ["restarts"]), "1 of 5 events");
  assert.equal(countText(shown.slice(0, 1), 1, shown.slice(0, 1), DEFAULT), "1 event (1 both a failure and a restart)");
});

test("by default crashes, restarts, give-ups and changes of a strategy are shown, and the address has other choices", () => {
  const log = [
    ...events,
    event(16, "strategy_changed", "0.1.0", "sup", {}),
    event(17, "gave_up", "0.1.0", "sup", { reason: "ValueError" }),
  ];
  assert.deepEqual(ofKinds(log, DEFAULT).map(({ at }) => at), [10, 12, 16, 17]);
  assert.deepEqual(countKinds(log), { crashes: 2, restarts: 1, changes: 1, starts: 4 });
  const kinds = (text) => kindsFrom(new URLSearchParams(text));
  assert.deepEqual([kinds(""), kinds("kind=x"), kinds("kind=none"), kinds("kind=starts,x")], [DEFAULT, DEFAULT, [], ["starts"]]);
  assert.deepEqual([kindsText(["restarts", "crashes", "changes"]), kindsText([]),
    kindsText(["starts", "crashes"])], [null, "none", "crashes,starts"]);
});

test("a moment in the address is a number of seconds, or now with a reason", () => {
  const at = (text) => momentFrom(new URLSearchParams({ at: text }));
  assert.deepEqual([at("12.5"), at(" "), momentFrom(new URLSearchParams())],
    [{ at: 12.5, problem: "" }, { at: null, problem: "" }, { at: null, problem: "" }]);
  for (const text of ["hello", "0", "-1", "1e3", "NaN", "x".repeat(99)]) assert.match(at(text).problem, /cannot be read/);
  assert.ok(at("x".repeat(99)).problem.length < 180);
});

test("the time axis opens with five minutes, or with the newest event in it", () => {
  assert.equal(firstSpan([], 1000), 300);
  assert.equal(firstSpan(events, 20), 300);
  assert.equal(firstSpan(events, 15 + 1200), 1500);
  assert.equal(firstSpan(events, 15 + 86_400), 300, "yesterday is further left than the longest range");
  assert.deepEqual([newestBefore(events, 20, 30), newestBefore(events, 14, 30), newestBefore([], 20, 30)], [15, null, null]);
});

test("new events are counted while the list is held, also if the newest shown one was replaced", () => {
  const shown = events.slice(0, 4), hang = { ...event(12.5, "kept", null, "till"), id: "hang" };
  assert.equal(countNew(shown, events), 2);
  assert.equal(countNew(shown, [...older, ...events.slice(0, 3), hang, ...events.slice(3)]), 3);
  assert.equal(countNew([...shown.slice(0, 3), hang], events.slice(0, 4)), 1);
  assert.equal(countNew([], events), events.length);
});
