// The children of distributed supervisors: where they run, which moves are played, and what a move looks like.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, linesOf, portrait, supervisors } from "#static/cluster/placed-model.js";
import { step } from "#static/moment/details.js";
import { schedule } from "#static/moment/schedule.js";
import { headline, sentence } from "#static/moment/story.js";

const entry = (key, node) => ({ kind: "supervisor", table: "counters", key, node, pid: node && "0.7.0" });
const ENTRIES = [entry("c1", "m1@127.0.0.1"), entry("c2", "m2@127.0.0.1"), entry("c3", null)];
const move = (ref) => ({ ref, at: 1, text: "", conflict: false, node: "m1" });

test("a supervisor has the members on which its children run; a child that waits is on none", () => {
  const [found] = supervisors(ENTRIES);
  assert.deepEqual([found.name, found.children.length, found.members], ["counters", 3, ["m1@127.0.0.1", "m2@127.0.0.1"]]);
  const { root, events } = portrait(found, -1);
  assert.deepEqual(root.children.map(({ name, children }) => [name, children.map((one) => one.name)]), [["m1", ["c1"]], ["m2", ["c2"]]]);
  assert.deepEqual(events, []);
});

test("a child that runs on both sides of a partition is one child with two members", () => {
  const [{ children, places }] = supervisors([...ENTRIES, entry("c1", "m2@127.0.0.1")]);
  assert.equal(children.length, 4);
  assert.deepEqual([...places], [["c1", ["m1@127.0.0.1", "m2@127.0.0.1"]], ["c2", ["m2@127.0.0.1"]], ["c3", []]]);
});

test("new moves are played, the oldest first; those that were there before and those of a storm are not", () => {
  assert.deepEqual(fresh([move("2"), move("1")], null), []);
  assert.deepEqual(fresh([move("3"), move("2"), move("1")], new Set(["1"])).map(({ ref }) => ref), ["2", "3"]);
  assert.deepEqual(fresh(["5", "4", "3", "2", "1"].map(move), new Set(["1"])), []);
});

test("the children that ran twice are one line for each cut", () => {
  const copy = (ref, child, on, away) => ({ ...move(ref), text: `a second copy of ${child} started on ${on}@simulated: `
    + `${away}@simulated was lost (silent for too long), but still runs it` });
  const conflict = (ref, child) => ({ ...move(ref), conflict: true, text: `${child} ran on both n1@simulated and n2@simulated: `
    + "the older one, on n1@simulated, stays, and the one on n2@simulated has ended" });
  const moved = { ...move("5"), text: "c9 moved from n1 to n2: n1 was lost (connection closed); down for 0.9 s" };
  const cut = [copy("3", "c3", "n3", "n1"), copy("2", "c2", "n2", "n1")];
  assert.deepEqual(linesOf(cut).map(({ text }) => text), ["2 children started a second time, on n2 and n3: the cluster was cut"]);
  const first = [conflict("1b", "c2"), copy("1a", "c2", "n2", "n3")];
  const lines = linesOf([moved, conflict("5", "c2"), conflict("4", "c3"), ...cut, ...first]);
  assert.deepEqual(lines.map(({ text, moves }) => [text, moves.length]), [
    [moved.text, 1], ["2 children ran on two members while the cluster was cut; healed: of each, the older one stays", 4],
    ["1 child ran on two members while the cluster was cut; healed: of each, the older one stays", 2],
  ]);
  assert.equal(linesOf([{ ...conflict("2", "c2"), at: 3601 }, conflict("1", "c2")]).length, 2);
  assert.deepEqual(linesOf([conflict("1", "c2")]).map(({ text }) => text), [conflict("1", "c2").text]);
});

const node = (id, children = [], more = {}) => ({
  id, name: id.split("/").at(-1), kind: children.length ? "dynamic_supervisor" : "worker", pid: null, strategy: null, limit: null,
  used: 0, restart: null, state: null, children, more: 0, ...more,
});
const MOVE = {
  id: 7, at: 1, took: 0.9, complete: true, going_on: false, moved: true, line: null, ghosts: {}, storm: 0,
  summary: "c3 moved from m2 to m1: m2 was lost (connection closed); down for 0.9 s",
  root: node("counters", [
    node("counters/m1", [node("counters/m1/c3", [], { ended: "shutdown, not started" })]), node("counters/m2", [node("counters/m2/c3")]),
  ]),
  events: [
    { kind: "crash", at: 0, id: "counters/m2/c3", reason: "lost", crash: true },
    { kind: "crash", at: 0, id: "counters/m2", reason: "lost", crash: true },
    { kind: "signal", at: 0, id: "counters/m2", to: "counters", reason: "lost" },
    { kind: "decide", at: 0, id: "counters", what: "restart", left: null, strategy: null },
    { kind: "start", at: 0.9, id: "counters/m1/c3", by: "counters", pid: "0.9.0", state: null },
  ],
};

test("a move names both members, and ends with its sentence", () => {
  assert.equal(headline(MOVE), "c3 moved from m2 to m1");
  assert.deepEqual([0, 1, 5, 6].map((stage) => sentence(MOVE, stage)), [
    "Before: c3 runs on m2.", "m2 is gone, and c3 with it. Its state is lost.", "counters starts c3 on m1.", `${MOVE.summary}.`,
  ]);
  assert.deepEqual(MOVE.events.map((event) => step(MOVE, event)).map(({ who, text }) => `${who} ${text}`), [
    "c3 ends with m2", "m2 is gone", "counters learns that m2 is gone", "counters chooses another member", "c3 starts on m1",
  ]);
});

test("a conflict has no start: one of the two processes stops", () => {
  const summary = "c3 ran on both m1 and m2: the older one, on m1, stays, and the one on m2 has ended";
  const conflict = { ...MOVE, summary, events: [{ kind: "stop", at: 0, id: "counters/m2/c3", by: "counters" }] };
  assert.equal(headline(conflict), "c3 ran on both m1 and m2");
  const sentences = [0, 4, 6].map((stage) => sentence(conflict, stage));
  assert.deepEqual(sentences, ["Before: c3 runs on two members.", "c3 stops on m2.", `${summary}.`]);
});

test("the start of a child crosses the line to its new member, then goes down to the child", () => {
  const { cues } = schedule(MOVE), ways = cues.filter(({ kind, of }) => kind === "go" && of === "start");
  assert.deepEqual(ways.map(({ id }) => id), ["counters/m1", "counters/m1/c3"]);
  assert.equal(ways[0].at + ways[0].dur, ways[1].at);
  assert.equal(cues.find(({ kind }) => kind === "started").at, ways[1].at + ways[1].dur);
});
