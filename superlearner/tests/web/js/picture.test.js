// Pictures of runs: each step as a sentence, what waits, what has changed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fitLanes, inTwoLines, isCalm, tableOf, told, waits } from "#static/lesson/lesson-rows.js";
import { fitRows } from "#static/lesson/marked-rows.js";
import { fallenOf, lastEnd, ofThisRun, ownKids, withFallen } from "#static/lesson/own-processes.js";
import { changedLines, sentences } from "#static/lesson/picture-steps.js";

const row = (at, of, to, kind, text) => ({ at, of, to, kind, text, marked: false });
const none = { picture: "x", happened: "", excerpt: [], callbacks: [], mailbox: [] };

test("a row says who sends what, and what does not arrive", () => {
  assert.equal(told(row(1, "a", "b", "call", "'x'")), "1 s: a calls b with 'x'");
  assert.equal(told(row(1, "a", "b", "cast", "'x'")), "1 s: a casts 'x' to b");
  assert.equal(told(row(2, "b", "a", "reply", "'y'")), "2 s: b answers a with 'y'");
  assert.equal(told(row(2, "b", "a", "info", "'z'")), "2 s: b sends 'z' to a");
  assert.equal(told(row(3, "b", "a", "late", "'y'")), "3 s: b answers 'y' too late: it is dropped, and does not reach a");
  assert.equal(told(row(1.5, "a", null, "note", "goes on")), "1.5 s: a goes on");
  assert.equal(told(row(2, "a", null, "exit", "'boom'")), "2 s: a ends with 'boom'");
  assert.equal(told(row(2, "a", null, "exit", "'shutdown'")), "2 s: a stops, reason 'shutdown'");
  assert.equal(told(row(2, "a", "b", "info", "Down: a ended with 'boom'")), "2 s: b gets the Down: a ended with 'boom'");
});

test("an end as planned is no crash", () => {
  const end = (text, kind = "exit") => isCalm(row(0, "a", null, kind, text));
  assert.deepEqual(["'normal'", "'shutdown'", "('shutdown', 'old')", "'killed'", "Crash('normal')"].map((text) => end(text)),
    [true, true, true, false, false]);
  assert.equal(end("'normal'", "note"), false);
});

test("the tree beside a cell has the learner's processes, supervised ones first", () => {
  const rows = new Map([
    ["m", { id: "Main", name: "Main", kind: "supervisor" }], ["g", { id: "Not supervised", name: null, kind: "group" }],
    ["g/1", { id: "w", name: "workbench", kind: "worker" }], ["g/2", { id: "agent", name: null, kind: "worker" }],
    ["t", { id: "Team", name: "team", kind: "supervisor" }],
  ]);
  const kids = new Map([["", ["m", "g", "t"]], ["g", ["g/1", "g/2"]]]);
  assert.deepEqual([...ownKids({ rows, kids })], [["", ["t", "g"]], ["g", ["g/2"]]]);
  assert.deepEqual(ownKids({ rows, kids: new Map([["", ["m", "g"]], ["g", ["g/1"]]]) }).get(""), []);
});

test("processes of earlier runs are left out if there are many", () => {
  const rows = new Map([
    ["t", { kind: "supervisor", since: 5 }], ["g", { kind: "group", since: 0 }], ["g/1", { kind: "worker", since: 12 }],
    ...["1", "2", "3", "4", "5"].map((key) => [`t/${key}`, { kind: "worker", since: 20 }]),
  ]);
  const kids = (...below) => new Map([["", ["t", "g"]], ["t", below], ["g", ["g/1"]]]);
  const many = ofThisRun(kids("t/1", "t/2", "t/3", "t/4", "t/5"), { rows }, 10);
  assert.deepEqual([many.kids.get(""), many.hidden], [["g"], 6]);
  const few = ofThisRun(kids("t/1"), { rows }, 10);
  assert.deepEqual([few.kids.get(""), few.hidden], [["t", "g"], 0]);
});

test("a caller waits until its answer comes, or until it goes on without one", () => {
  const rows = [
    row(0, "a", "b", "call", ""), row(0, "c", "b", "cast", ""), row(1, "b", "a", "reply", ""), row(1, "a", "b", "call", ""),
    row(2, "a", null, "note", ""),
  ];
  assert.deepEqual(waits(rows), [{ of: "a", first: 0, last: 2 }, { of: "a", first: 3, last: 4 }]);
  assert.deepEqual(waits(rows.slice(3, 4)), [{ of: "a", first: 0, last: 0 }]);
});

test("a callback says what came, what it returned, and which state follows", () => {
  const step = {
    at: 0, callback: "handle_cast", way: "cast", of: "ann", message: "'x'", before: "{'n': 0}", result: "NoReply({'n': 1})",
    after: "{'n':\n 1}",
  };
  const last = { ...step, callback: "terminate", way: "stop", of: null, message: "'normal'", result: "None", after: step.before };
  assert.deepEqual(sentences({ ...none, kind: "state", callbacks: [step, last] }), [
    "Cast from ann: 'x'. handle_cast returns NoReply({'n': 1}). The new state is {'n': 1}.",
    "The server stops, reason 'normal'. terminate runs. The state stays.",
  ]);
});

test("a mailbox says what is passed over and what is taken", () => {
  const old = { text: "(ref 1, 'a')", of: "b", state: "passed" }, next = { text: "(ref 2, 'c')", of: "b", state: "taken" };
  const steps = [
    { at: 0, kind: "waits", pattern: "(ref 1, answer)", queue: [] },
    { at: 1, kind: "arrives", pattern: null, queue: [{ ...old, state: "new" }] },
    { at: 2, kind: "takes", pattern: "(ref 2, answer)", queue: [old, next] },
  ];
  assert.deepEqual(sentences({ ...none, kind: "mailbox", mailbox: steps }), [
    "0 s: It waits for (ref 1, answer). The mailbox is empty.",
    "1 s: (ref 1, 'a') arrives, and nothing waits for it.",
    "2 s: (ref 2, 'c') matches (ref 2, answer) and is taken. (ref 1, 'a') does not match and stays.",
  ]);
});

test("lines of a state that were not there before are new", () => {
  const lines = changedLines("{'name': 'Ann',\n 'memory': {'a': 1},\n 'n': 1}", "{'name': 'Ann', \n 'memory': {},\n 'n': 1}");
  assert.deepEqual(lines.map(({ changed }) => changed), [false, true, false]);
  assert.deepEqual(changedLines("{}", null), [{ text: "{}", changed: false }]);
});

test("the lanes of six processes fit on a phone, and those of two fill a card", () => {
  const names = ["logger", "config", "worker", "supervisor", "new logger", "new worker"];
  const rows = names.slice(1).map((to, place) => row(0, names[place], to, "info", "'go on'"));
  const { lanes, left, width } = fitLanes(rows, 388);
  assert.deepEqual(lanes, names);
  assert.ok(width - left <= 388, String(width));
  assert.equal(fitLanes(rows.slice(0, 1), 388).lane, 190);
});

test("in a card, the lanes of the marked row and of what the sentence names are readable", () => {
  const names = ["logger", "config", "worker", "supervisor", "new logger", "new worker"];
  const rows = names.slice(1).map((to, place) => row(0, names[place], to, "info", "'go on'"));
  rows[0].marked = true;
  for (const [room, most] of [[577, 6], [330, 3]]) {
    const shown = fitRows(rows, "expected new worker to end", room), { lanes, lane, left, width } = fitLanes(shown, room);
    assert.ok(shown.includes(rows[0]), "the marked row is drawn");
    assert.ok(width - left <= room && lane >= 90 && lanes.length <= most, `${lanes}: ${width}`);
  }
  assert.ok(fitRows(rows, "expected new worker to end", 450).includes(rows[4]));
  assert.deepEqual(fitRows(rows, "", 2000), rows);
});

test("rows that are left out of a diagram are counted where they would be", () => {
  const names = ["store", "agent", "pool", "c", "b", "a", "sup"], ends = names.map((of) => row(0, of, null, "exit", "'shutdown'"));
  ends.splice(1, 0, row(0, "agent", null, "gap", "5 more"));
  const shown = fitRows(ends, "a crash of store ended 7: store, sup, a, b", 400), gaps = shown.filter(({ kind }) => kind === "gap");
  assert.equal(shown[1].text.endsWith(" more"), true);
  assert.equal(gaps.reduce((sum, { text }) => sum + parseInt(text, 10), 0) + shown.length - gaps.length, 12);
  assert.deepEqual(new Set(shown.map(({ of }) => of)), new Set(shown.filter(({ kind }) => kind !== "gap").map(({ of }) => of)));
  assert.equal(told(gaps[0]), `${gaps[0].text}, not shown`);
});

test("an exit without a restart is reported", () => {
  const fall = { id: 1, at: 0, kind: "gave_up", level: "bad", key: "team", text: "team gave up (last: bob was killed)" };
  const feed = [fall, { ...fall, id: 2, kind: "ended", text: "team ended" }];
  const model = { rows: new Map(), feed };
  assert.match(lastEnd(model), /^team gave up \(last: bob was killed\)\. .* nothing starts it again\. Run its cell again\.$/);
  assert.equal(lastEnd({ ...model, rows: new Map([["team", { pid: "0.9.0" }]]) }), "", "it runs again");
  assert.equal(lastEnd({ ...model, feed: [] }), "");
  const crash = { ...fall, id: 3, kind: "crashed", key: "%alone/0.6.0", text: "dan crashed; it has no supervisor" };
  assert.equal(lastEnd({ ...model, feed: [...feed, crash] }), "dan crashed; it has no supervisor.");
  assert.match(lastEnd({ ...model, feed: [...feed, crash] }, { only: "team" }), /^team gave up/, "beside the tree of team");
});

test("what a supervisor has done about the last failure is reported, until another run begins", () => {
  const rows = new Map([["team", { pid: "1", parent: null }], ["team/bob", { parent: "team" }], ["Main", { name: "Main", parent: null }]]);
  const end = {
    id: 1, at: 10, level: "warn", kind: "restarted", key: "team/bob", sup: "team",
    text: "bob was killed; team (one_for_one) restarted bob; 2 of 3 restarts left in 5 s",
    parts: { who: "bob", by: "team", reason: "killed", restarted: ["bob"] },
  };
  assert.equal(lastEnd({ rows, feed: [end] }), "bob was killed; team restarted it.");
  assert.equal(lastEnd({ rows, feed: [{ ...end, parts: { ...end.parts, restarted: ["bob", "eve", "ann"] } }] }),
    "bob was killed; team restarted it, and with it eve and ann.");
  assert.equal(lastEnd({ rows, feed: [end] }, { since: 11 }), "");
  assert.equal(lastEnd({ rows, feed: [end] }, { only: "Root" }), "");
  assert.equal(lastEnd({ rows, feed: [{ ...end, sup: "Main", key: "Main/x" }] }), "", "it is not the learner's");
  const once = { ...end, kind: "killed", text: "bob was killed; temporary: it is not restarted", parts: { who: "bob", by: "team" } };
  assert.equal(lastEnd({ rows, feed: [end, once] }), "bob was killed; temporary: it is not restarted.");
});

test("a supervisor that has given up stays in the tree with its children, ended", () => {
  const row = (key, parent, kind, more = {}) =>
    [key, { key, id: key, name: key, parent, kind, state: "running", pid: "1", budget: {}, ...more }];
  const before = {
    rows: new Map([row("team", null, "supervisor"), row("bob", "team", "worker", { state: "crashed" }), row("eve", "team", "worker")]),
    kids: new Map([["", ["team"]], ["team", ["bob", "eve"]]]),
  };
  const model = { rows: new Map(), kids: new Map([["", []]]), feed: [{ kind: "gave_up", key: "team", pid: "1" }] };
  const fallen = fallenOf(before, model), shown = withFallen(model, fallen);
  assert.deepEqual([...shown.rows.values()].map(({ id, state, pid }) => [id, state, pid]),
    [["team", "gave_up", null], ["bob", "crashed", null], ["eve", "stopped", null]]);
  assert.deepEqual([shown.kids.get(""), shown.kids.get("team")], [["team"], ["bob", "eve"]]);
  assert.equal(withFallen({ ...model, rows: before.rows }, fallen).rows, before.rows, "it runs again");
  assert.equal(fallenOf(before, { ...before, feed: [] }).rows.size, 0);
  const earlier = { ...model, feed: [{ kind: "gave_up", key: "team", pid: "0" }] };
  assert.equal(fallenOf(before, earlier).rows.get("team").state, "stopped", "an earlier process of this name gave up");
});

test("the end of a killed root is reported, and that of the workbench that is linked to it is not", () => {
  const rows = new Map([["team", { key: "team", name: "team", kind: "supervisor", parent: null, pid: null }]]);
  // As the feed of a node reports it
  const end = {
    id: 1, at: 10, level: "bad", kind: "ended", key: "team", pid: "0.9.0", text: "team was killed; it has no supervisor that restarts it",
  };
  const fall = { ...end, id: 0, at: 9, kind: "gave_up", pid: "0.5.0", text: "team gave up" };
  const bob = { ...end, id: 0, kind: "restarted", key: "team/bob", text: "bob was killed; team restarted bob", parts: { by: "team" } };
  const linked = { ...end, id: 2, key: "%alone/0.7.0", text: "workbench was killed", parts: { who: "workbench" } };
  const text = "team was killed; it has no supervisor that restarts it. Its children have ended with it. Run its cell again.";
  assert.equal(lastEnd({ rows, feed: [end, linked] }), text);
  assert.equal(lastEnd({ rows, feed: [fall, bob, end, linked] }, { only: "team" }), text.replace("Run its cell", "Start it"));
  assert.equal(lastEnd({ rows, feed: [{ ...end, level: "info", text: "team ended: shutdown" }] }), "", "its next run stopped it");
  assert.match(lastEnd({ rows, feed: [{ ...fall, pid: "0.9.0" }, end] }), /^team gave up/);
  assert.equal(lastEnd({ rows: new Map([["team", { pid: "0.11.0" }]]), feed: [end] }), "", "it runs again");
});

test("the notes of several runs are a table, and other rows are not", () => {
  const note = (of, text) => row(0, of, null, "note", text);
  const rows = [note("strategy", "one_for_one"), note("A", "same pid"), note("strategy", "one_for_all"), note("A", "new pid")];
  assert.deepEqual(tableOf(rows), { head: ["strategy", "A"], lines: [["one_for_one", "same pid"], ["one_for_all", "new pid"]] });
  assert.equal(tableOf(rows.slice(0, 3)), null);
  assert.equal(tableOf([row(0, "a", "b", "call", "'x'"), note("b", "ends")]), null);
  assert.equal(tableOf([note("a", "x"), note("a", "y")]), null);
});

test("a long reason has a second line", () => {
  assert.deepEqual(inTwoLines("'boom'", 40), ["'boom'"]);
  const [first, second] = inTwoLines("Crash(\"OnlyInit got the call 'hello', but has no handle_call; try @impl above def\")", 40);
  assert.ok(first.length <= 40 && second.length <= 40);
  assert.match(`${first} ${second}`, /but has no handle_call;/);
});
