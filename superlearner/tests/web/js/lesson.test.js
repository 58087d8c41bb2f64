// A session of the course: choices as files, and what counts as done.

import assert from "node:assert/strict";
import { test } from "node:test";

import { explainError } from "#static/lesson/cell-error.js";
import { chosenIn, sourceOf } from "#static/lesson/choice.js";
import {
  countOf, definedIn, followingOf, goOn, markOf, missingIn, nextName, nextOf,
} from "#static/lesson/lesson-model.js";

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

test("what follows a block is the next block of the page, whatever its kind and whether it is done", () => {
  const text = { kind: "text", html: "<h3>Call <em>and</em> cast</h3><p>A call waits.</p>" };
  const first = { id: "a", title: "A server", blocks: [block("predict"), text, { ...block("exercise"), id: "write", title: "Write" }] };
  const second = { id: "b", title: "The tree", blocks: [{ ...block("picture"), id: "watch" }, { ...block("predict"), id: "last" }] };
  first.blocks[0].id = "guess";
  const lesson = { sections: [first, second] };
  assert.equal(followingOf(lesson, "guess").block, text);
  assert.equal(nextName(followingOf(lesson, "guess")), "“Call and cast”");
  assert.equal(followingOf(lesson, "write").section, second);
  assert.equal(nextName(followingOf(lesson, "write")), "“The tree”");
  assert.equal(nextName(followingOf(lesson, "watch")), "a prediction");
  assert.equal(followingOf(lesson, "last"), null);
  assert.equal(nextName({ block: { kind: "text", html: "<p>More.</p>" }, section: null }), "read on");
});

test("an answer of no words is not taken", () => {
  assert.equal(missingIn("The loop."), "31 more characters, then you can compare.");
  for (const none of [".".repeat(60), "1234567890 ".repeat(5), "blah ".repeat(12), "a b c d e ".repeat(5)])
    assert.equal(missingIn(none), "Write at least 6 different words, then you can compare.");
  assert.equal(missingIn("A limit for the wait, and somebody who starts it again."), "");
  assert.equal(missingIn("待ち時間の上限と、終了に気づく仕組みと、もう一度起動する仕組みが必要です。それに名前も要ります。"), "");
});

test("earlier code stands above what is written, or replaces what defines the same", () => {
  const echo = "import otp\n\nasync def echo():\n    return\n";
  assert.equal(goOn(echo, "async def counter():\n    ...\n"), `${echo}\n\nasync def counter():\n    ...\n`);
  assert.equal(goOn(echo, "# mine\nasync def echo():\n    ...\n"), echo);
  assert.equal(goOn(echo, " \n"), echo);
});

test("the last cell that defines a name is found, by a definition, an import or an assignment", () => {
  const cells = [
    "import otp\nfrom otp import GenServer, Reply, impl\nfrom a import (\n    one,\n    two as second,\n)",
    "class Shop(GenServer):\n    value = 1\n", "async def crash(name):\n    inner = 1", "ann, bob = 1, 2\ncount: int = 3",
    "if impl == 2:\n    pass\nimpl == 3\nprint(Shop)", "import os.path, json as j",
  ];
  const at = (name) => definedIn(name, cells);
  assert.deepEqual(["impl", "second", "one", "Shop", "crash", "bob", "count", "os", "j"].map(at), [0, 0, 0, 1, 2, 3, 3, 5, 5]);
  assert.deepEqual(["two", "value", "inner", "nothing"].map(at), [-1, -1, -1, -1]);
});

test("an error of a callback is at its line in the cell, without module paths", () => {
  assert.deepEqual(explainError("line 3 in A.init: it returned 1; expected Ok(state)", 3),
    { said: "line 3 in A.init: it returned 1; expected Ok(state)", line: 3 });
  assert.deepEqual(explainError("line 5: otp.kernel.values.errors.StartError: no", 0), { said: "line 5: StartError: no", line: 5 });
  assert.equal(explainError("NameError: name 'x' is not defined", 1).said, "NameError: name 'x' is not defined");
  assert.equal(explainError("held the loop for 2.0 s: <eval>, line 4", 0).line, 4);
});
