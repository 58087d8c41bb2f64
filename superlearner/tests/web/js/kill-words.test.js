// The question before the end of a whole tree, and the class beside the name of a process.

import assert from "node:assert/strict";
import { test } from "node:test";

import { classText, withoutQuestion } from "#static/base/words.js";
import { EMPTY, reduce } from "#static/live/model.js";
import { isTop, questionBefore } from "#static/tree/kill-words.js";

const row = (key, parent, kind, more = {}) => ({ key, parent, id: key, name: key, pid: "0.1.0", kind, critical: false, ...more });
const model = reduce(EMPTY, {
  k: "s", epoch: "e", seq: 1, now: 0, feed: [], health: null, nodes: [
    row("Main", null, "supervisor"), row("pool", "Main", "supervisor"), row("a", "pool", "worker"),
    row("loose", null, "group"), row("dan", "loose", "worker"), row("Second", "loose", "supervisor"), row("b", "Second", "worker"),
    row("Third", null, "supervisor"),
  ],
});
const ask = (key, node, kept) => questionBefore(model.rows.get(key), model, node, kept).text;

test("a sandbox ends with the tree that it was started with, and goes on without another", () => {
  assert.equal(ask("Main", "sandbox-x@127.0.0.1"),
    "Main and the 2 processes below it end. Main has no supervisor, so nothing starts them again. "
      + "The sandbox ends with its tree; it can be started again.");
  assert.equal(ask("Second", "sandbox-x@127.0.0.1"),
    "Second and the process below it end. Second has no supervisor, so nothing starts them again. The sandbox goes on with Main.");
  assert.equal(ask("Third", "sandbox-x@127.0.0.1"),
    "Third ends. Third has no supervisor, so nothing starts it again. The sandbox goes on with Main.");
  assert.equal(ask("Third", "b@127.0.0.1"), "Third ends. Third has no supervisor, so nothing starts it again.");
});

test("in a lesson, the question mentions the workbench, which a cell may have linked to the tree", () => {
  const rows = new Map([...model.rows, ["workbench", row("workbench", "loose", "worker")]]);
  assert.equal(questionBefore(rows.get("Third"), { ...model, rows }, "sandbox-x@127.0.0.1").text,
    "Third ends. Third has no supervisor, so nothing starts it again. "
      + "If a cell started it with start_link, the workbench ends, too; your variables stay.");
});

test("the program of the reader's own tree is restarted with it", () => {
  assert.equal(ask("Main", "Main@127.0.0.1", true),
    "Main and the 2 processes below it end. Its program ends with it, and SuperLearner restarts both.");
  assert.match(ask("Main", "sandbox-home-ada@127.0.0.1", true), /The sandbox ends with its tree/); // the default node of a learner
  assert.match(ask("Third", "Main@127.0.0.1", true), /nothing starts it again\.$/);
});

test("a tree whose root is in a group has no supervisor either", () => {
  assert.deepEqual([...model.rows.values()].filter((one) => isTop(one, model)).map(({ key }) => key), ["Main", "Second", "Third"]);
});

test("the class stands beside a name that is another one, and a private function never does", () => {
  const texts = [["cart", "Cart"], ["cart", "Basket"], ["workbench", "_serve"], ["main", "_live"]];
  assert.deepEqual(texts.map(([name, what]) => classText(row("a", null, "worker", { name, what }))), ["", "Basket", "", ""]);
});

test("the reason in a row has no question, which was cut there", () => {
  assert.equal(withoutQuestion("handle_call returned None: did no case match, or is a return missing?"), "handle_call returned None");
  assert.equal(withoutQuestion("ValueError('is it?')"), "ValueError('is it?')");
});
