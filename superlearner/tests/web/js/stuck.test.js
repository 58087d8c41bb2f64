// The exercise at which most learners of a class are stuck.

import assert from "node:assert/strict";
import { test } from "node:test";

import { mostStuckAt } from "#static/class/stuck.js";

/** @param {string} id @param {boolean} stuck */
const at = (id, stuck = true) => ({ stuck, current: { id, title: id.toUpperCase(), page: `/learn/3#${id}` } });

test("the exercise with most stuck learners is named, and those who only work on one do not count", () => {
  const learners = [at("echo"), at("counter"), at("worker", false), at("worker", false), at("counter"), { stuck: false, current: null }];
  assert.deepEqual(mostStuckAt(learners), { title: "COUNTER", page: "/learn/3#counter", count: 2 });
});

test("of two exercises with as many learners, the first is named; with one learner at each, none", () => {
  assert.equal(mostStuckAt(["echo", "counter", "counter", "echo"].map((id) => at(id)))?.title, "ECHO");
  assert.equal(mostStuckAt([at("echo"), at("counter")]), null);
});
