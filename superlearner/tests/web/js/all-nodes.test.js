// The entry *All nodes* of the node switcher.

import assert from "node:assert/strict";
import { test } from "node:test";

import { absenceWords, nameAbsence } from "#static/shell/node-gone.js";
import { allNodesFrom } from "#static/shell/nodes.js";

test("the entry for all nodes names each page that it leads to from another one", () => {
  assert.deepEqual(allNodesFrom("/", false), { text: "All nodes", href: "/" });
  assert.deepEqual(allNodesFrom("/timeline", false), { text: "All nodes: page Start", href: "/" });
  assert.deepEqual(allNodesFrom("/supervisors", false), { text: "All nodes: page Cluster", href: "/cluster?view=trees" });
  assert.deepEqual(allNodesFrom("/supervisors", true), { text: "All nodes: page Cluster", href: "/cluster?view=processes" });
  assert.deepEqual(allNodesFrom("/cluster", false), { text: "All nodes", href: "/cluster" });
});

test("a node that was detached, and a member that left, are not said to be gone", () => {
  assert.equal(nameAbsence("it was detached; `superlearner attach shop` attaches it again"), "detached");
  assert.equal(nameAbsence("it left the cluster"), "left");
  assert.equal(nameAbsence("its connection was lost, as when its program ends or is stopped"), "lost");
  assert.equal(nameAbsence("its program has ended (process 4242)"), "lost");
  assert.equal(nameAbsence("it was silent for too long"), "lost");
  assert.deepEqual([nameAbsence("it has ended"), nameAbsence(undefined)], ["gone", "gone"]);
});

test("a service that does not answer while its process runs is not said to be gone", () => {
  for (const why of [
    "it has been busy for 15 s: its process 3022 runs and does not answer",
    "its process 3022 has been stopped by a signal; continue it with `kill -CONT 3022`",
    "its process 3022 has been stopped by a signal and has not answered for 15 s; continue it with `kill -CONT 3022`",
  ]) {
    assert.equal(nameAbsence(why), "silent");
    assert.equal(absenceWords(why), " is not answering: ");
  }
  assert.equal(absenceWords("its process 3022 no longer exists"), " is gone: ");
  assert.equal(absenceWords("its program has ended (process 4242)"), " is lost: ");
});
