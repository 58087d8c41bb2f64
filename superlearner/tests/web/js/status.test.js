// The sentences about a connection that is not up to date.

import assert from "node:assert/strict";
import { test } from "node:test";

import { heldOn, lostWords, silentWords } from "#static/live/status.js";

test("the chosen node is named when nothing comes from it, and the server only if no node is chosen", () => {
  assert.match(silentWords(" since 23:14:48", "depot@127.0.0.1"), /^depot@127\.0\.0\.1 is not answering since 23:14:48: /);
  assert.match(silentWords("", ""), /^The server is not answering: /);
  assert.match(lostWords("silent", 0, "depot@127.0.0.1"), /^depot@127\.0\.0\.1 is not answering: /);
  assert.equal(lostWords("live", 0, ""), "");
  const held = "ledger has held the event loop since 01:56:53: parcels.py:60 in handle_cast";
  assert.equal(silentWords(" since 01:56:54", "depot@127.0.0.1", held), `depot@127.0.0.1 is not answering: ${held}.`);
});

test("the node is named beside what holds it", () => {
  assert.equal(heldOn("green@127.0.0.1", "its process 7 has been stopped by a signal; continue it with `kill -CONT 7`"),
    "process 7 of `green@127.0.0.1` has been stopped by a signal; continue it with `kill -CONT 7`");
  const held = "till has held the event loop since 01:56:53: parcels.py:60 in handle_cast";
  assert.deepEqual([heldOn("green@127.0.0.1", held), heldOn("", held)], [`\`green@127.0.0.1\`: ${held}`, held]);
});
