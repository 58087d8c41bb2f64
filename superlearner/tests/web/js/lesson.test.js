// A session of the course: choices as files, and what counts as done.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chosenIn, sourceOf } from "#static/lesson/choice.js";
import { countOf, followingOf, markOf, nextOf } from "#static/lesson/lesson-model.js";

const MATCH = { kind: "match", keys: ["loop", "a \"b\" \\"], values: ["GenServer", "über"], labels: {} };
const SET = { kind: "set", keys: [], values: ["one", "two", "three"], labels: {} };

test("a choice is a file, and the file is the choice again", () => {
  for (const [choice, chosen] of [
    [MATCH, new Map([["loop", "GenServer"]])],
    [MATCH, new Map([["loop", "über"], ["a \"b\" \\", "GenServer"]])],
    [SET, new Map([["one", "one"], ["three", "three"]])],
    [SET, new Map()],
  ]) assert.deepEqual(chosenIn(choice, sourceOf(choice, chosen)), chosen);
  assert.equal(sourceOf(SET, new Map([["three", ""], ["one", ""]])), 'answer = {"one", "three"}\n');
  assert.equal(sourceOf(MATCH, new Map([["loop", "GenServer"]])), 'answer = {\n    "loop": "GenServer",\n}\n');
  assert.equal(sourceOf(MATCH, new Map()), "answer = None\n");
});

test("what a file names and the choice does not offer is left out", () => {
  assert.deepEqual(chosenIn(MATCH, 'answer = {"loop": "Agent", "other": "GenServer"}'), new Map());
  assert.deepEqual(chosenIn(SET, 'answer = {"one", "nine", "\\q"}'), new Map([["one", "one"]]));
});

const state = (more) => ({ id: "x", attempts: 0, passed: false, helped: false, hints: 0, seen: false, answer: null, ...more });
const block = (kind, more, core = false) => ({
  kind, id: `x.${kind}`, core, title: kind, state: kind === "text" ? undefined : state(more),
});

test("an exercise is done when it has passed, a question when it was answered", () => {
  const failed = { id: "a", blocks: [block("text"), block("exercise", { attempts: 3 }, true), block("predict", { attempts: 1 })] };
  const helped = { id: "b", blocks: [block("exercise", { attempts: 1, passed: true, helped: true }, true)] };
  const fresh = { id: "c", blocks: [block("reflect")] };
  assert.deepEqual([failed, helped, fresh, { id: "d", blocks: [block("text")] }].map(markOf), ["begun", "helped", "open", "none"]);
  const lesson = { sections: [fresh, failed, helped] };
  assert.deepEqual(countOf(lesson), { done: 2, all: 4, coreDone: 1, core: 2 });
  assert.equal(nextOf(lesson).kind, "exercise");
  assert.equal(nextOf({ sections: [fresh, helped] }).kind, "reflect");
  assert.equal(nextOf({ sections: [helped] }), null);
});

test("what follows a block is the next of the core path, then any that is left", () => {
  const named = (id, core, more = {}) => ({ ...block("exercise", more, core), id });
  const lesson = { sections: [{ blocks: [named("a", true), named("b", false), named("c", true)] }, { blocks: [named("d", false)] }] };
  assert.equal(followingOf(lesson, "b").id, "c");
  assert.equal(followingOf(lesson, "c").id, "a");
  lesson.sections[0].blocks = [named("a", true, { passed: true }), named("b", false), named("c", true, { passed: true })];
  assert.equal(followingOf(lesson, "c").id, "d");
  lesson.sections[1].blocks = [];
  assert.equal(followingOf(lesson, "c").id, "b");
  assert.equal(followingOf(lesson, "b"), null);
});
