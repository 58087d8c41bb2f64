// Where everything stands on the map.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EMPTY, reduce } from "#static/live/model.js";
import { BESIDE, LEVELS, branches, fitting, layout } from "#static/map/map-layout.js";

import { forAll } from "./random.js";

const supervisor = (key, parent, id) => ({
  key, parent, id, name: null, kind: "supervisor", strategy: "one_for_one", children: null, budget: null,
});
const worker = (key, parent, id, name = null) => ({ key, parent, id, name, kind: "worker" });
const modelOf = (nodes) => reduce(EMPTY, { k: "s", epoch: "e", seq: 0, now: 0, feed: [], health: null, nodes });
const placed = (nodes, width, level, folded = []) =>
  layout(branches(modelOf(nodes)), width, LEVELS[level], new Set(folded), (text) => 7 * text.length);

for (const height of [700, 160]) {
  test(`where there is room, a name of fifteen letters is not cut: ${height} px`, () => {
    const nodes = [
      supervisor("top", null, "top"),
      ...Array.from({ length: 12 }, (_, n) => worker(`top/${n}`, "top", `w${n}`, "sandbox_manager")),
    ];
    const measure = (text) => 6.2 * text.length;
    const level = LEVELS[fitting(branches(modelOf(nodes)), 380, height, new Set(), measure)];
    const { w } = layout(branches(modelOf(nodes)), 380, level, new Set(), measure).places.get("top/0");
    assert.ok(level.names);
    assert.ok(w - level.glyph - BESIDE >= measure("sandbox_manager"));
  });
}

test("a long name widens the cells of its box, and of no other one", () => {
  const nodes = [
    supervisor("long", null, "long"), worker("long/0", "long", "w0", "reconciliation_worker"), worker("long/1", "long", "w1", "mailer"),
    supervisor("short", null, "short"), worker("short/0", "short", "w0", "mailer"),
    supervisor("longer", null, "longer"), worker("longer/0", "longer", "w0", "x".repeat(1000)),
  ];
  const { places } = placed(nodes, 1000, 0);
  const widths = ["long/0", "long/1", "short/0", "longer/0"].map((key) => places.get(key)?.w);
  assert.deepEqual(widths, [198, 198, 132, 264]);
  assert.equal(places.get("long/1").x - places.get("long/0").x, 0); // below it: the title is no wider than one cell
  assert.equal(placed(nodes, 150, 0).places.get("longer/0").w, LEVELS[0].w);
});

/** Rows of a tree with up to six supervisors, parents first. */
function tree(draw) {
  const keys = [];
  return Array.from({ length: draw.int(1, 6) }, (_, number) => {
    const parent = keys.length ? draw.one(keys) : null;
    const key = parent === null ? `s${number}` : `${parent}/s${number}`;
    keys.push(key);
    return [
      supervisor(key, parent, `s${number}`),
      ...Array.from({ length: draw.int(0, 40) }, (_, child) =>
        worker(`${key}/w${child}`, key, `w${child}`, draw.int(0, 9) ? null : "x".repeat(draw.int(1, 50)))),
    ];
  }).flat();
}

test("no two things of the map lie on each other", () => {
  const sheets = (draw) => ({ nodes: tree(draw), width: draw.int(150, 1200), level: draw.int(0, 15) });
  forAll(300, sheets, ({ nodes, width, level }) => {
    const { places, boxes } = placed(nodes, width, level);
    const { h } = LEVELS[level];
    assert.deepEqual(new Set(places.keys()), new Set(nodes.map(({ key }) => key)));
    assert.equal(new Set([...places.values()].map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`)).size, places.size);
    for (const [key, { x, y, w, box }] of places) {
      assert.ok(box.x <= x, key);
      assert.ok(x + Math.min(w, box.w) <= box.x + box.w + 0.01, key);
      assert.ok(box.y <= y + h / 2 && y + h / 2 <= box.y + box.h, key);
    }
    const parents = new Map(nodes.map(({ key, parent }) => [key, parent]));
    boxes.forEach((one, at) => {
      for (const other of boxes.slice(at + 1)) {
        if (parents.get(one.key) !== parents.get(other.key)) continue;
        const apart = one.x + one.w <= other.x || other.x + other.w <= one.x || one.y + one.h <= other.y || other.y + other.h <= one.y;
        assert.ok(apart, `${one.key} and ${other.key}`);
      }
    });
  });
});

test("a folded box is one line that shows its sum", () => {
  const nodes = [
    { ...supervisor("s", null, "s"), strategy: null },
    ...Array.from({ length: 500 }, (_, n) => worker(`s/${n}`, "s", String(n))),
  ];
  const [open, shut] = [[], ["s"]].map((folded) => placed(nodes, 400, 4, folded));
  assert.equal(open.places.size, 501);
  assert.deepEqual([...shut.places.keys()], ["s"]);
  assert.ok(shut.height < 50 && open.height > 50);
});
