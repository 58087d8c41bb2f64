// The verdict of an exercise as assistive technology speaks it.

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.document ??= { createTreeWalker: () => null, createComment: () => null };
const { describeVerdict } = await import("#static/lesson/verdict.js");

test("a spoken verdict ends its sentence once, and names the step if nothing is said about it", () => {
  const failed = (say) => describeVerdict({ ok: false, checks: [{ step: "`answer` is 1.", ok: false, say }] });
  assert.equal(failed("The next check marks the lines."), "Not passed: The next check marks the lines. 0 steps passed.");
  assert.equal(failed("would another need it?"), "Not passed: would another need it? 0 steps passed.");
  assert.equal(failed("line 2: `await` is missing"), "Not passed: line 2: await is missing. 0 steps passed.");
  assert.equal(failed(""), "Not passed: answer is 1. 0 steps passed.");
});
