// How the audit log says a request that was refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { refusedText } from "#static/arsenal/refused.js";

test("a refusal is one sentence with what was asked, not JSON", () => {
  assert.equal(refusedText({ outcome: "missing_scope", parameters: { pid: "0.9.0", reason: "kill", node: null } }),
    "The request with pid 0.9.0, reason kill was refused: the user lacks the scope.");
  assert.equal(refusedText({ outcome: "process_not_found", parameters: {} }), "The request was refused: process not found.");
});
