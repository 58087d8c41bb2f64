// Texts of messages to a process, and of errors about them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "#static/base/api.js";
import { sentence } from "#static/base/words.js";
import { crashText, linedText, unansweredText } from "#static/process/message-text.js";

test("a call without an answer is explained with the name of the process as it is", () => {
  assert.match(unansweredText("stock did not answer within 5 s"), /^stock did not answer within 5 s\. Either .* NoReply, .*running\.$/);
});

test("a call to a suspended server is explained by the suspension", () => {
  const text = unansweredText("stock did not answer within 5 s: it has been suspended since 01:58:02 by a request over HTTP");
  assert.match(text, /suspended since 01:58:02 by a request over HTTP\. Resume it to [^.]*\.$/);
  assert.doesNotMatch(text, /NoReply/);
});

test("an error and its hint are two sentences; a hint with a route is for programs", () => {
  const words = (/** @type {string} */ message, /** @type {string|null} */ hint) => new ApiError("timeout", message, hint, 504).words;
  assert.equal(words("it did not end in time", "set a longer timeout_ms"), "it did not end in time. Set a longer timeout_ms.");
  assert.equal(words("Who?", "ask"), "Who? Ask.");
  assert.equal(words("there is no process 0.8.0", "see GET /api/v1/processes?node=a"), "there is no process 0.8.0");
  assert.equal(words("it did not end", null), "it did not end");
});

test("a sentence has a capital unless it begins with a name of the code", () => {
  assert.deepEqual(["it ended", "otp.send is not async", "handle_call returned", "no money. Stop"].map(sentence),
    ["It ended.", "otp.send is not async.", "handle_call returned.", "No money. Stop."]);
});

test("an error is shown as Python prints it, and not as it is written in code", () => {
  for (const [reason, shown] of [
    ["ValueError('x')", "ValueError: x"],
    [String.raw`NameError("name 'totl' is not defined")`, "NameError: name 'totl' is not defined"],
    [String.raw`its call to a failed: shop.NoMoneyError('it\'s "all" gone')`, `its call to a failed: shop.NoMoneyError: it's "all" gone`],
    ["(last: a crashed: KeyError('b'))", "(last: a crashed: KeyError: 'b')"],
    ["handle_cast returned Reply('a', 1)", "handle_cast returned Reply('a', 1)"],
    ["OSError(2, 'No such file')", "OSError(2, 'No such file')"],
    [`TypeError("unsupported …`, `TypeError("unsupported …`],
  ]) assert.equal(crashText(reason ?? ""), shown);
});

test("a callback that held the loop is told in its sentence", () => {
  assert.equal(crashText("EndlessLoop('it held the loop for 2 s; let the callback return')"),
    "it held the loop for 2 s; let the callback return");
  assert.equal(crashText("BlockedLoop('it held the loop for 2 s; time.sleep blocks the one thread')"),
    "it held the loop for 2 s; time.sleep blocks the one thread");
  assert.equal(crashText("ServerDown: a ended before it answered: EndlessLoop('it held the loop for 2 s'); it runs again as 0.9.0"),
    "ServerDown: a ended before it answered: it held the loop for 2 s; it runs again as 0.9.0");
});

test("places in the code of a sandbox are told as its pages tell them", () => {
  assert.equal(linedText("till crashed at main.py:9: KeyError('main.py, line 7')"), "till crashed at line 9: KeyError: 'line 7'");
  assert.equal(linedText("domain.py:9 and my_main.py:8"), "domain.py:9 and my_main.py:8");
});
