// What is wrong on other nodes than the one that Start shows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { elsewhere } from "#static/start/elsewhere.js";

const anomaly = (node, severity, description) => ({ node, severity, description });

test("a lost member and the worst of each other node are named, and nothing of the shown one", () => {
  const anomalies = [
    anomaly("web", "critical", "tree gave up and is not running"), anomaly("web", "high", "a second one"),
    anomaly("here", "critical", "stands above"), anomaly("c", "medium", "a long mailbox"),
  ];
  assert.deepEqual(elsewhere({ anomalies, missing: [{ node: "b", reason: "its connection was lost" }] }, "here"), [
    { node: "b", text: "its connection was lost" }, { node: "web", text: "tree gave up and is not running" },
  ]);
  assert.deepEqual(elsewhere({ anomalies: [], missing: [] }, "here"), []);
});
