// The problems that Start lists: each once, and why they are unknown.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  besideWhy, chainsOf, onceEach as once, ownStorms, processesOf, resumeHint, stateWithout, stoppedText, suspendedText, unknownBecause,
  withoutStorm,
} from "#static/start/problems.js";

const onceEach = (/** @type {any} */ rows, /** @type {any} */ anomalies, /** @type {any} */ burning = [], tree = new Map()) =>
  once(rows, anomalies, burning, { rows: tree });

const line = (/** @type {string} */ who, kind = "gave_up") => /** @type {any} */ ({ event: { kind, parts: { who } } });

test("a supervisor that gives up in a loop is one problem, not a second one with the count of the monitor", () => {
  const fell = { type: "crash_loop", name: "upstream", evidence: { give_ups: 13 } }, none = { rows: new Map() };
  const storm = { type: "restart_storm", name: "gateway", evidence: { restarts: 14 } };
  const other = { type: "crash_loop", name: "orders", evidence: { give_ups: 1 } };
  assert.deepEqual(withoutStorm([fell, storm, other], [line("upstream")], none), [storm, other]);
  assert.deepEqual(withoutStorm([fell, storm], [line("upstream", "restarted")], none), [fell, storm]);
  assert.deepEqual(withoutStorm([fell], [], none), [fell]);
});

test("a child that crashes in a loop is one problem, unless its supervisor never gives up", () => {
  const storm = { type: "restart_storm", name: "ship", evidence: { restarts: 173 } };
  const loop = { ...storm, evidence: { restarts: 173, endless: true } }, other = { ...storm, name: "office" };
  const model = /** @type {any} */ ({ rows: new Map([["s", { name: "ship" }]]) });
  const rates = /** @type {any} */ ({ event: { kind: "restarted", sup: "s", parts: { who: "rates" } } });
  assert.deepEqual(withoutStorm([storm, other], [rates], model), [other]);
  assert.deepEqual(withoutStorm([loop], [rates], model), [loop]);
  assert.deepEqual(withoutStorm([storm], [], model), [storm]);
});

test("supervisors that give up one after the other are one problem", () => {
  const fell = (/** @type {string} */ key, /** @type {string|null} */ sup) => ({ key, sup });
  const chain = [fell("root/core/price_sup", "root/core"), fell("root/core", "root"), fell("root", null)];
  const other = fell("shop/till", "shop");
  assert.deepEqual(chainsOf([chain[0], other, chain[1], chain[2]]), [chain, [other]]);
  assert.deepEqual(chainsOf([other, fell("root", null)]).length, 2);
});

test("a process that hangs is one line, and so is a deadlock", () => {
  const row = (/** @type {string} */ pid, state = "stuck") => ({ pid, state: /** @type {any} */ (state), key: pid, parent: null });
  const hang = (/** @type {string} */ pid) => ({ type: "long_callback", pid, evidence: {} });
  const cycle = { type: "call_cycle", pid: "0.1.0", evidence: { circle: [{ pid: "0.1.0" }, { pid: "0.2.0" }] } };
  const rows = [row("0.1.0"), row("0.2.0"), row("0.3.0"), row("0.4.0"), row("0.3.0", "suspended")];
  assert.deepEqual(onceEach(rows, [hang("0.1.0"), hang("0.2.0"), hang("0.3.0"), cycle]),
    { rows: [rows[3], rows[4]], anomalies: [hang("0.3.0"), cycle] });
  assert.deepEqual(onceEach(rows, []), { rows, anomalies: [] });
  const over = { ...cycle, last: "2026-01-01T00:00:00Z" }; // it says nothing of what its processes do now
  assert.deepEqual(onceEach(rows, [hang("0.1.0"), over]).anomalies, [hang("0.1.0"), over]);
});

test("a process that does not keep up is one line, whatever is found first", () => {
  const rows = [{ pid: "0.1.0", state: "stuck", key: "till", parent: null }];
  for (const type of ["long_callback", "mailbox_growth", "mailbox_backlog", "call_timeouts"])
    assert.deepEqual(onceEach(rows, [{ type, pid: "0.1.0", evidence: {} }]).rows, []);
});

test("a crash loop is one line: without its child, its supervisor and those above it", () => {
  const tree = new Map([["m", { name: "mall" }], ["s", { name: "shop" }]]);
  const row = (/** @type {string} */ key, name = key, parent = "s", state = "restarting") =>
    ({ key, name, id: key, parent, state, pid: null });
  const rows = [row("till"), row("safe"), row("s", "shop", "m", "gave_up"), row("m", "mall", "", "gave_up")];
  const loop = { type: "crash_loop", name: "shop", evidence: { newest: [{ child_id: "till" }], above: ["mall"], give_ups: 2 } };
  assert.deepEqual(onceEach(rows, [loop], [], tree).rows, [rows[1]]);
  assert.deepEqual(onceEach([rows[0]], [], [{ event: { key: "till" } }], tree).rows, []);
  const storm = (/** @type {string} */ key, kind = "restarted", who = key, sup = "s") =>
    /** @type {any} */ ({ event: { key, kind, sup, parts: { who } } });
  const model = /** @type {any} */ ({ rows: tree });
  const fell = storm("s", "gave_up", "shop", "m"), all = [storm("till"), fell, storm("s", "restarted", "shop", "m")];
  assert.deepEqual(ownStorms(all, [], model), [fell]);
  assert.deepEqual(onceEach([rows[0]], [], [fell], tree).rows, []);
  for (const evidence of [{ endless: true }, { give_ups: 1 }])
    assert.deepEqual(ownStorms([all[0]], [{ name: "shop", evidence }], model), []);
  assert.deepEqual(withoutStorm([{ ...loop, evidence: {} }], [all[0]], model), []);
});

test("crashes without a supervisor are one line, which says what to try", () => {
  const storm = (/** @type {string} */ who) => /** @type {any} */ ({ event: { key: who, kind: "crashed", sup: null, parts: { who } } });
  const model = /** @type {any} */ ({ rows: new Map() }), all = [storm("waiter <0.8.0>"), storm("loner"), storm("other <0.9.0>")];
  const found = [{ name: null, evidence: { what: "waiter" } }, { name: "loner", evidence: { what: "lone" } }];
  assert.deepEqual(ownStorms(all, found.map((one) => ({ ...one, type: "unsupervised_crash" })), model), [all[2]]);
  assert.deepEqual(ownStorms(all, found.map((one) => ({ ...one, type: "unsupervised_process" })), model), all);
});

test("the children of a supervisor that is listed have no line of their own", () => {
  const row = (/** @type {string} */ key, /** @type {any} */ state, parent = "ship") => ({ key, state, parent, pid: null });
  const office = row("office", "restarting"), labels = row("labels", "stopped", "office"), quotes = row("quotes", "stopped");
  assert.deepEqual(onceEach([office, labels, quotes], []).rows, [office, quotes]);
  assert.deepEqual(onceEach([labels], []).rows, [labels]);
});

test("a failed start describes only the child of its own supervisor", () => {
  const tree = new Map([["front", { name: "front", pid: "0.1.0" }], ["back", { name: null, pid: "0.2.0" }]]);
  const row = (/** @type {string} */ parent) => ({ key: `${parent}/Importer`, id: "Importer", state: "stopped", parent, pid: null });
  const rows = [row("front"), row("back")];
  const failed = (/** @type {string} */ supervisor) =>
    ({ type: "failed_start", pid: null, evidence: { supervisor, child_id: "Importer" } });
  assert.deepEqual(onceEach(rows, [failed("front")], [], /** @type {any} */ (tree)).rows, [rows[1]]);
  assert.deepEqual(onceEach(rows, [failed("0.2.0")], [], /** @type {any} */ (tree)).rows, [rows[0]]);
});

test("the problems of a node that is gone are unknown", () => {
  assert.match(unknownBecause("gone", ""), /^The node is gone/);
  assert.deepEqual(["live", "lost"].map((status) => unknownBecause(/** @type {any} */ (status), status === "lost" ? "Lost." : "")),
    ["", "Lost."]);
});

test("a suspended process says since when, by whom, and how many messages wait", () => {
  const since = new Date().setHours(22, 10, 0, 0) / 1000;
  const text = (/** @type {any} */ more) => suspendedText({ since, doing: "", mailbox: 0, ...more });
  assert.equal(text({ doing: "a request from the page", mailbox: 16 }),
    "has been suspended since 22:10:00 by a request from the page: 16 messages wait");
  assert.equal(text({ mailbox: 1 }), "has been suspended since 22:10:00: 1 message waits");
  assert.equal(text({ mailbox: null }), "has been suspended since 22:10:00");
});

test("what to try about a suspended process is the command that resumes it", () => {
  const hint = (/** @type {any} */ row, /** @type {string} */ node) => resumeHint(row, node, "superlearner");
  assert.equal(hint({ name: "the till", pid: "0.7.0" }, ""), "`superlearner process resume 'the till'`");
  assert.equal(hint({ name: null, pid: "0.7.0" }, "shop@127.0.0.1"), "`superlearner process resume 0.7.0 --node shop@127.0.0.1`");
});

test("a process that was stopped with its supervisor is not said to stay down", () => {
  const text = (/** @type {string|null} */ pid) =>
    stoppedText({ parent: "s" }, /** @type {any} */ ({ rows: new Map([["s", { id: "orders", name: null, pid }]]) }));
  assert.equal(text(null), "was stopped with orders");
  assert.equal(text("<0.2.0>"), "was stopped; nothing starts it again");
  assert.equal(stoppedText({ parent: null }, { rows: new Map() }), "was stopped; nothing starts it again");
});

test("an anomaly leads to its process, and a deadlock to all of its circle", () => {
  assert.deepEqual(processesOf({ pid: "0.3.0", name: null }), [{ pid: "0.3.0", text: "0.3.0" }]);
  const circle = [{ pid: "0.3.0", name: "w1" }, { pid: "0.4.0", name: "w2" }];
  assert.deepEqual(processesOf({ pid: "0.3.0", name: "w1", evidence: { circle } }),
    [{ pid: "0.3.0", text: "w1" }, { pid: "0.4.0", text: "w2" }]);
  assert.deepEqual(processesOf({ pid: null, name: null }), []);
});

test("beside the link Why? no command explains the same", () => {
  const explains = "`superlearner --data-dir d error why till --node shop@127.0.0.1` explains the newest one";
  assert.equal(besideWhy(`fix that line first; ${explains}`), "fix that line first");
  assert.equal(besideWhy("`superlearner error why till` explains it; once that is repaired, `superlearner x` starts it"),
    "once that is repaired, `superlearner x` starts it");
  assert.equal(besideWhy(`first; ${explains}; then`), "first; then");
  assert.equal(besideWhy("`superlearner restart list` lists its restarts"), "`superlearner restart list` lists its restarts");
  assert.equal(besideWhy(undefined), undefined);
});

test("a page does not wait for the picture of a node that cannot answer", () => {
  assert.equal(stateWithout("loading", "its process 7 has been stopped by a signal"), "silent");
  assert.deepEqual([stateWithout("silent", ""), stateWithout("loading", "")], ["loading", "loading"]);
  assert.deepEqual([stateWithout("scene", "till has held the event loop"), stateWithout("none", "")], ["scene", "none"]);
});
