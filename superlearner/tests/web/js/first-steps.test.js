// The entry of the feed that the first steps explain.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Explained, storyOf } from "#static/start/first-steps.js";

const SUP = "shop/checkout_sup", scene = /** @type {any} */ ({ supervisor: { key: SUP } });
const entry = (/** @type {number} */ id, /** @type {number} */ at, /** @type {string} */ kind, key = `${SUP}/ledger`) =>
  /** @type {any} */ ({ id, at, kind, key });

test("a give-up outranks the ends of its children, and the next kill outranks it", () => {
  const fall = entry(2, 10, "gave_up", SUP), before = [entry(1, 9, "killed"), fall, entry(3, 10.2, "killed")];
  assert.equal(storyOf(before, scene, 0), fall);
  const mine = entry(4, 13, "restarted");
  assert.equal(storyOf([...before, mine], scene, 0), mine);
  assert.equal(storyOf(before, scene, 3), null);
});

test("an explanation waits for its replay, but at most five seconds in a loop of replays", () => {
  const explained = new Explained(), first = entry(1, 10, "restarted"), second = entry(2, 11, "restarted");
  assert.equal(explained.take(first, true, 0), null);
  assert.equal(explained.take(first, false, 1600), first);
  assert.equal(explained.take(second, true, 2000), first);
  assert.equal(explained.take(entry(3, 12, "restarted"), true, 6900), first);
  const newest = entry(4, 13, "restarted");
  assert.equal(explained.take(newest, true, 7000), newest);
});
