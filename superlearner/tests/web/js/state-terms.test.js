// What the tabs of the detail pane work out: changed places, edits, what is wrong with JSON, lives.

import assert from "node:assert/strict";
import { test } from "node:test";

import { livesOf, timeline } from "#static/process/lives.js";
import { changedPlaces, differences, parsed, updateOf } from "#static/process/state-terms.js";

const term = (label, text, members = [], { size, kind } = {}) => ({
  label, type: kind ?? (members.length ? "dict" : "int"), text, size: size ?? (members.length || null), start: 0, members, hidden: false,
  cut: false,
});

test("a change is reported at the innermost place that is known", () => {
  const x = term("x", "1");
  const before = term("", "", [term("a", "1"), term("b", "{…}", [x, term("y", "2")])]);
  const [a, b] = before.members;
  assert.deepEqual(changedPlaces(before, before), []);
  assert.deepEqual(changedPlaces(before, term("", "", [a, term("b", "{…}", [x, term("y", "3")])])), ["1.1"]);
  assert.deepEqual(changedPlaces(before, term("", "", [b, a])), []);
  assert.deepEqual(changedPlaces(before, term("", "", [term("a", "1", [], { kind: "str" }), b])), ["0"]);
  assert.deepEqual(changedPlaces(before, term("", "", [a, b, term("c", "4")])), ["2"]);
  assert.deepEqual(changedPlaces(before, term("", "", [a])), [""]);
  assert.deepEqual(changedPlaces(null, before), []);
  const part = [0, 1, 2].map((n) => term(String(n), String(n)));
  assert.deepEqual(changedPlaces(term("", "", part, { size: 100 }), term("", "", part, { size: 101 })), [""]);
});

test("an edit becomes the keys that it changes", () => {
  const before = { user: "ada", cart: [{ price: 1 }, 2], n: 1 };
  const after = { user: "ada", cart: [{ price: 2 }], n: 1, new: null };
  assert.deepEqual(differences(before, after).map(({ path, kind }) => [path, kind]),
    [["cart[0].price", "changed"], ["cart[1]", "removed"], ["new", "added"]]);
  assert.deepEqual(updateOf(before, after), { changes: { cart: [{ price: 2 }], new: null }, removed: [] });
  assert.deepEqual(updateOf(before, { user: "ada" }).removed, ["cart", "n"]);
});

for (const [text, said] of [
  ["", "Expected JSON, got nothing."], ["{\n  'user': 1\n}", "Texts stand in double quotes."], ['{"a": 1,\n "b" 2}', "Line 2"],
]) {
  test(`text that is no JSON is reported with its place: ${JSON.stringify(text)}`, () => {
    assert.ok(parsed(text).wrong.includes(said), parsed(text).wrong);
    assert.deepEqual(parsed("[1]"), { value: [1], wrong: null });
  });
}

test("lives follow each other, and each can be seen", () => {
  const exits = [{ at: 110, reason: "killed", pid: "0.3.0", crash: true }, { at: 100, reason: "normal", pid: "0.2.0", crash: false }];
  const lives = livesOf(exits, { pid: "0.4.0", startedAt: 110.5 });
  assert.deepEqual(lives.map(({ pid, from, to }) => [pid, from, to]), [["0.2.0", null, 100], ["0.3.0", 100, 110], ["0.4.0", 110.5, null]]);
  const bars = timeline(lives, 100_000);
  assert.ok(Math.min(...bars.map(({ width }) => width)) > 0.01);
  assert.ok(bars.at(-1).left + bars.at(-1).width <= 1.0001);
  const lefts = bars.map(({ left }) => left);
  assert.deepEqual(lefts, [...lefts].sort((one, other) => one - other));
  assert.deepEqual(livesOf(exits, { pid: null, startedAt: 106.5, ended: "0.3.0" }).at(-1).from, 106.5);
  assert.deepEqual(livesOf(exits, { pid: null, startedAt: null }).map(({ pid }) => pid), ["0.2.0", "0.3.0"]);
});
