// Trees that are drawn: the same as text, changes of one, and the file that it stands in.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  add, at, change, cleanName, countIn, drawingIn, dropPath, move, nodes, pathOf, put, read, remove, withCount, withDrawing, write,
} from "#static/lesson/drawing.js";

const CASES = JSON.parse(readFileSync(new URL("drawings.json", import.meta.url), "utf8"));
const TREE = "Root (rest_for_one)\n  Store\n  WorkerSup (one_for_one)\n    A\n    B\n  Pool (dynamic)\n    T";
const FILE = `# mine\ndrawing = """\n${TREE}\n"""\ndisturbed = {\n    "worker": None,\n    'store': 8,\n}\n`;
const tree = (text = TREE) => read(text).roots;
const roleOf = ({ kind, strategy, children }) => (kind === "supervisor" || (kind === "worker" && children.length) ? strategy : kind);

test("names and brackets say what a node is, as the check reads them", () => {
  for (const { text, roles } of CASES) assert.deepEqual(nodes(tree(text)).map(roleOf), roles, text);
});

test("what is written is read as the same tree", () => {
  for (const { text } of CASES) {
    const roots = tree(text), again = tree(write(roots));
    assert.deepEqual(nodes(again).map(roleOf), nodes(roots).map(roleOf), text);
    assert.equal(write(again), write(roots));
  }
  assert.equal(write(tree()), TREE);
  assert.equal(write(change(tree(), [0, 2, 0], { name: "MailSup" }).roots).split("\n").at(-1), "    MailSup (worker)");
  assert.equal(write(change(tree(), [0, 0], { name: "Facts" }).roots).split("\n")[1], "  Facts (store)");
});

test("a node stays what it is under a name that looks like the text's own signs", () => {
  const names = ["v", "V", "vV", "v v", "V 2", "Store", "State 2", "Sup", "Root", "one_for_one", "rest_for_one Sup", "GenServer", "A"];
  for (const name of names)
    for (const kind of ["supervisor", "dynamic", "worker", "store"]) {
      const node = { name, kind, strategy: "one_for_all", line: 0, children: [] }, strategy = "rest_for_one";
      const [root] = tree(write([{ name: "Top", kind: "supervisor", strategy, line: 0, children: [node] }]));
      assert.deepEqual(root.children.map((one) => [one.name, one.kind]), [[name, kind]]);
      if (kind === "supervisor") assert.equal(root.children[0].strategy, "one_for_all", name);
    }
});

test("a fault of the text has its line", () => {
  const findProblem = (text) => read(text).problem;
  assert.equal(findProblem(TREE), null);
  assert.deepEqual(findProblem("\nRoot\nOther"), { line: 2, say: "Other stands beside Root: a tree has one root." });
  assert.match(findProblem("Root\n  Boss\n    A").say, /^Boss is a worker and has children/);
  assert.equal(findProblem("Root\n  Boss\n    A").line, 1);
  assert.match(findProblem("Root (one for all)\n  A").say, /^Root: \(one for all\) is no strategy/);
  assert.deepEqual([read("  R\n / \\\nA   B").drawable, findProblem("  R\n / \\\nA   B").line], [false, 1]);
});

test("a child is added below a supervisor, or after a worker, under a name of its own", () => {
  const one = add(tree(), [0, 1], "worker");
  assert.deepEqual([at(one.roots, one.path)?.name, one.path], ["Worker 1", [0, 1, 2]]);
  const two = add(one.roots, [0, 1, 0], "worker");
  assert.deepEqual([at(two.roots, two.path)?.name, two.path], ["Worker 2", [0, 1, 1]]);
  assert.equal(at(...Object.values(add(tree(), [0, 2], "worker")))?.name, "Agent 1");
  assert.equal(at(...Object.values(add(tree(), [0], "store")))?.name, "Store 2");
  assert.equal(write(add([], [], "worker").roots), "Root (one_for_one)");
  assert.equal(write(tree()), TREE);
});

test("only a worker is added below a dynamic supervisor; everything else goes beside it", () => {
  for (const [kind, name] of [["store", "Store 2"], ["supervisor", "Supervisor 1"], ["dynamic", "Pool 2"]])
    for (const path of [[0, 2], [0, 2, 0]]) {
      const added = add(tree(), path, kind);
      assert.deepEqual([at(added.roots, added.path)?.name, added.path], [name, [0, 3]], `${kind} ${path}`);
    }
  assert.deepEqual(add(tree(), [0, 2, 0], "worker").path, [0, 2, 1]);
});

test("a node moves with all below it, and never into itself", () => {
  const names = (changed) => nodes(changed.roots).map(({ name }) => name).join(" ");
  const up = move(tree(), [0, 1], "up");
  assert.deepEqual([names(up), up.path], ["Root WorkerSup A B Store Pool T", [0, 0]]);
  assert.deepEqual(move(up.roots, up.path, "down")?.roots, tree());
  const into = move(tree(), [0, 2], "in");
  assert.deepEqual([names(into), into.path], ["Root Store WorkerSup A B Pool T", [0, 1, 2]]);
  const out = move(tree(), [0, 1, 0], "out");
  assert.deepEqual([names(out), out.path], ["Root Store WorkerSup B A Pool T", [0, 2]]);
  for (const [path, way] of [[[0, 0], "up"], [[0, 2], "down"], [[0, 1], "in"], [[0, 1], "out"], [[0], "up"]])
    assert.equal(move(tree(), path, way), null, `${path} ${way}`);
  assert.equal(put(tree(), [0, 1], [0, 1, 0]), null);
  assert.deepEqual([dropPath(tree(), [0, 2], true), dropPath(tree(), [0, 1, 1], false), dropPath(tree(), [0, 1, 1], true)],
    [[0, 2, 1], [0, 1, 1], [0, 1, 2]]);
  assert.deepEqual(put(tree(), [0, 0], [0, 2, 1])?.path, [0, 1, 1]);
});

test("a node that is dragged to the left leaves its branch, by as many levels", () => {
  const nested = tree("Root\n  Crew (Supervisor)\n    A\n    Pool (dynamic)\n      T");
  const moved = (from, on, out) => {
    const to = dropPath(nested, on, true, from, out), put_ = to && put(nested, from, to);
    return put_ && write(put_.roots).replace(/ \(\w+\)/g, "");
  };
  const beside = "Root\n  Crew\n    A\n  Pool\n    T";
  assert.equal(moved([0, 0, 1], [0, 0, 1], 1), beside); // in its own place
  assert.equal(moved([0, 0, 1], [0, 0, 1, 0], 1), beside); // on what is below it
  assert.equal(moved([0, 0, 0], [0, 0, 1, 0], 2), "Root\n  Crew\n    Pool\n      T\n  A");
  assert.equal(moved([0, 0, 1], [0, 0, 1, 0], 9), beside); // never beside the root
  assert.equal(moved([0, 0, 1], [0, 0, 1, 0], 0), null);
  assert.equal(moved([0, 0], [0, 0, 1], 3), null);
});

test("after a removal the next node is chosen", () => {
  assert.deepEqual(remove(tree(), [0, 1]).path, [0, 1]);
  assert.deepEqual(remove(tree(), [0, 2]).path, [0, 1]);
  assert.deepEqual(remove(tree(), [0, 2, 0]).path, [0, 2]);
  assert.deepEqual(remove(tree(), [0]), { roots: [], path: [] });
  const roots = tree();
  assert.deepEqual(pathOf(roots, at(roots, [0, 1, 1])), [0, 1, 1]);
});

test("the drawing and the counts are changed in the file, and the rest of it stays", () => {
  assert.deepEqual([drawingIn(FILE)?.line, drawingIn("x = 1")], [2, null]);
  assert.equal(withDrawing(FILE, TREE), FILE);
  const changed = withDrawing(FILE, "Root");
  assert.ok(changed.startsWith('# mine\ndrawing = """\nRoot\n"""\n') && changed.endsWith(FILE.slice(FILE.indexOf("disturbed"))));
  assert.deepEqual([countIn(FILE, "worker"), countIn(FILE, "store"), countIn(FILE, "pool")], ["", "8", ""]);
  assert.equal(countIn(withCount(FILE, "worker", "12"), "worker"), "12");
  assert.equal(withCount(withCount(FILE, "worker", "3"), "worker", "x"), FILE);
  assert.deepEqual(["  2Mail_sender (x)", "\"\"\"", "Ann"].map(cleanName), ["Mail_sender x", "", "Ann"]);
});
