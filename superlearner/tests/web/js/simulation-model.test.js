import assert from "node:assert/strict";
import { test } from "node:test";

import {
  childrenOf, isSimulated, lines, listed, partition, ring, stateOf,
} from "../../../src/superlearner/web/static/cluster/simulation-model.js";

const [N1, N2, N3] = ["n1@simulated", "n2@simulated", "n3@simulated"];
const member = (name, sees, status = "up") => ({ name, sees, status });
const child = (key, ...nodes) => ({ supervisor: "counters", key, nodes });
const CUT = {
  members: [member(N1, [N1]), member(N2, [N2, N3]), member(N3, [N3, N2])],
  sides: [[N1], [N2, N3]],
  faults: [{ kind: "cut", members: [N1, N2], one_way: false }, { kind: "cut", members: [N1, N3], one_way: true }],
  children: [child("c1", N1, N2), child("c2", N2)],
};

test("only the host marks a simulated member", () => {
  assert.deepEqual([true, false, false], [N1, "n1@127.0.0.1", "simulated"].map(isSimulated));
});

test("names are listed as text, without their host", () => {
  assert.deepEqual(["", "n1", "n1 and n2", "n1, n2 and n3"], [[], [N1], [N1, N2], [N1, N2, N3]].map(listed));
});

test("a member says whom it sees, and who runs and is not seen", () => {
  const text = (one, all = CUT) => stateOf(one, all);
  assert.deepEqual({ look: "apart", text: "sees no other member" }, text(CUT.members[0]));
  assert.deepEqual({ look: "apart", text: "sees n3, not n1" }, text(CUT.members[1]));
  const failed = member(N1, [], "failed");
  assert.deepEqual({ look: "failed", text: "failed" }, text(failed));
  assert.deepEqual({ look: "up", text: "sees n3" }, text(CUT.members[1], { members: [failed, ...CUT.members.slice(1)] }));
  assert.deepEqual({ look: "up", text: "alone" }, text(CUT.members[0], { members: [CUT.members[0]] }));
});

test("each pair of members has a line, with its cut", () => {
  assert.deepEqual(["both ways", "one way", "no"], lines(CUT).map(({ cut }) => cut));
});

test("members have places of their own in the picture, two beside each other", () => {
  assert.deepEqual([[N1, { x: 36, y: 105 }], [N2, { x: 284, y: 105 }]], [...ring([N1, N2])]);
  const places = [...ring(Array.from({ length: 12 }, (_, place) => `n${place}`)).values()];
  assert.equal(12, new Set(places.map(({ x, y }) => `${x} ${y}`)).size);
  assert.ok(places.every(({ x, y }) => x >= 24 && x <= 296 && y >= 24 && y <= 186));
});

test("a child on two members is named on both", () => {
  assert.deepEqual([{ key: "c1", also: [N2] }], childrenOf(N1, CUT));
  assert.deepEqual([{ key: "c1", also: [N1] }, { key: "c2", also: [] }], childrenOf(N2, CUT));
});

test("a partition is described by its sides and what runs twice", () => {
  assert.equal("2 sides: n1 | n2 and n3. 1 child runs on more than one of them.", partition(CUT));
  assert.equal("", partition({ ...CUT, sides: [[N1, N2, N3]] }));
});
