// What is wrong on other nodes than the one that Start shows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { describeServices, elsewhere, isDue, NONE } from "#static/start/elsewhere.js";

const anomaly = (node, severity, description) => ({ node, severity, description });

test("a lost member and all that is wrong on other nodes are named, the worst first, and nothing of the shown one", () => {
  const anomalies = [
    anomaly("web", "high", "a second one"), anomaly("here", "critical", "stands above"),
    anomaly("c", "medium", "mailer has been in handle_cast for 400 s"), anomaly("web", "critical", "tree gave up and is not running"),
  ];
  assert.deepEqual(elsewhere({ anomalies, missing: [{ node: "b", reason: "its connection was lost" }], nodes_queried: [] }, "here"), [
    { node: "b", text: "its connection was lost" }, ...[anomalies[3], anomalies[0], anomalies[2]].map((one) => (
      { node: one.node, text: one.description, one })),
  ]);
  assert.deepEqual(elsewhere(NONE, "here"), []);
});

test("the last known problems of the shown node are listed until it answers", () => {
  const known = { ...anomaly("here", "high", "till was in handle_cast for 5 s when it was last observed"), active: false };
  const answer = { anomalies: [known], missing: [{ node: "here", reason: "it is silent" }], nodes_queried: [] };
  assert.deepEqual(elsewhere(answer, "here", false), [{ node: "here", text: known.description, one: known }]);
  assert.deepEqual(elsewhere(answer, "here", true), []);
  assert.deepEqual(elsewhere({ ...answer, anomalies: [{ ...known, active: true }] }, "here", false), []);
});

test("other nodes are asked at each sample if there are any: a process that hangs sends no event", () => {
  const due = (anomalies, nodes_queried, missing = []) => isDue({ anomalies, missing, nodes_queried }, "here");
  assert.equal(due([], ["here", "web"]), true); // regression: every fifth sample, so a hang was shown up to 12 s late
  assert.equal(due([anomaly("here", "high", "hangs")], ["here"]), false);
  assert.equal(due([], ["here"], [{ node: "web", reason: "its connection was lost" }]), true);
  assert.equal(isDue(null, "here"), false);
});

test("the services are in the order of their names, as in the page, which is else loaded again at each change of the nodes", () => {
  const all = [{ name: "shop2", state: "connecting" }, { name: "shop", state: "looked_for" }, { name: "", state: "connecting" }];
  assert.equal(describeServices(all), "shop? shop2 "); // regression: `shop2 shop? `, and a `? ` for the one without a name
});
