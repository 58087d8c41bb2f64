// The tab Why of a process: which end of a program stands before the lives of its slot.

import assert from "node:assert/strict";
import { test } from "node:test";

import { endedText, endsText, livesOf, findProgramEnd } from "#static/process/lives.js";

const ended = (at, node = null) => ({ at, node, program: true, line: `${node ?? "the program"} ended` });
const alive = (startedAt, ...exits) =>
  livesOf(exits.map((at) => ({ at, reason: "killed", pid: `0.${at}.0`, crash: true })), { pid: "0.9.0", startedAt });

test("the end of the program before the first life is the last one before it", () => {
  assert.equal(findProgramEnd([ended(40), ended(20)], "own@host", alive(41))?.at, 40);
  assert.equal(findProgramEnd([ended(40), ended(20)], "own@host", alive(60, 55, 50))?.at, 40);
});

test("an event of another node is not in the history of a process", () => {
  assert.equal(findProgramEnd([ended(40, "b@host")], "own@host", alive(50)), undefined);
  assert.equal(findProgramEnd([ended(40, "b@host"), ended(20, "own@host")], "own@host", alive(50))?.at, 20);
});

test("a service that was only silent has the same processes as before", () => {
  const silent = ["shop is silent: it has been busy for 15 s", "shop answers again after a gap of 18 s: its process 7 has run on",
    "shop answers again after a gap of 9 s: its program (process 7) had been stopped by a signal and is running again"]
    .map((line) => ({ ...ended(40), line }));
  assert.equal(findProgramEnd(silent, "own@host", alive(41)), undefined);
  assert.equal(findProgramEnd([...silent, ended(20)], "own@host", alive(41))?.at, 20);
  const detached = { ...ended(40), line: "shop is no longer observed: it was detached on request" };
  assert.equal(findProgramEnd([detached, ended(20)], "own@host", alive(41))?.at, 20);
  const [lost] = silent;
  if (lost) lost.line = "shop is not reachable: the connection to it is lost; its process 7 still runs";
  assert.equal(findProgramEnd(silent, "own@host", alive(41)), undefined);
});

test("an event during which a process of the list lived did not end the program", () => {
  assert.equal(findProgramEnd([ended(40)], "own@host", alive(30)), undefined);
  assert.equal(findProgramEnd([ended(40)], "own@host", alive(60, 30, 20)), undefined);
});

test("without a life in the list, the last end of the program stands there", () =>
  assert.equal(findProgramEnd([ended(40)], "own@host", [])?.at, 40));

test("a process whose restarts are counted or stored is never said not to have ended", () => {
  const row = (/** @type {number} */ restarts, along = 0) => ({ restarts, restarted_along: along });
  assert.match(endsText(row(0), false, 7), /^It has not ended since its start at /);
  assert.match(endsText(row(1), true, 7), /^Restarted once by its supervisor, the last time at /);
  assert.equal(endsText(row(3), false, null), "Restarted 3 times by its supervisor.");
  assert.equal(endsText(row(3, 2), false, null), "Restarted 3 times by its supervisor, and twice with a sibling.");
  assert.match(endsText(row(0, 1), false, 7), /^Restarted once with a sibling, the last time at /);
  assert.match(endsText(row(0), true, 7), /^Started at /);
});

test("a stored end says its reason once", () => {
  const held = "router has held the event loop since 13:04:44: depot.py:105 in optimise", silent = `depot is silent: ${held}`;
  assert.equal(endedText(silent, held), silent); // regression: twice
  assert.deepEqual([endedText("vans crashed", "boom"), endedText("vans ended", null)], ["vans crashed: boom", "vans ended"]);
});
