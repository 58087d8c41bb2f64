// The parts of the list of processes that know no page: its rows in sight, its address, its frames, its pins.

import assert from "node:assert/strict";
import { test } from "node:test";

import { drawnAt, height, scrollTo, visible } from "#static/components/table-window.js";
import { columnsOf } from "#static/processes/process-columns.js";
import { NOTHING, lineAt, pinOf, take } from "#static/processes/process-list.js";
import { addressOf, askOf, viewOf } from "#static/processes/process-view.js";

for (const total of [0, 1, 50, 100_000, 5_000_000]) {
  test(`first and last row can be seen, however many there are: ${total}`, () => {
    const size = { total, row: 30, view: 600 };
    const most = Math.max(0, height(size) - size.view);
    const end = scrollTo(size, 0, Math.max(0, total - 1));
    assert.ok(height(size) <= 8_000_000);
    assert.equal(visible(size, 0, 0).first, 0);
    assert.equal(visible(size, most, 0).end, total);
    assert.ok(Math.abs(end - most) <= 1 || total * 30 <= 600);
    if (total * 30 > 600) assert.ok(Math.abs(drawnAt(size, end, total - 1) - end - 570) < 2);
    assert.equal(scrollTo(size, end, 0), 0);
  });
}

test("a view comes back from its address, and nonsense does not", () => {
  const query = "search=x+y&type=worker&mailbox=5&supervised=yes&below=shop&whose=platform&sort=-mailbox&columns=pid,links&pin=%5B%22name%22%2C%22x%22%5D";
  const again = addressOf(viewOf(new URLSearchParams(query)), new URLSearchParams("node=a")).toString();
  assert.deepEqual(new Set(again.split("&")), new Set([...query.replaceAll(",", "%2C").split("&"), "node=a"]));
  const {
    mailbox, supervised, whose, sort, columns, pins,
  } = viewOf(new URLSearchParams("mailbox=x&supervised=perhaps&whose=mine&sort=;drop&pin=x&pin=%5B1%5D"));
  assert.deepEqual([mailbox, supervised, whose, sort, columns, pins], ["", "", "", "pid", null, null]);
});

test("a process in an address of the tree is searched for in the table, which had ignored it", () => {
  const seen = ["0.7.0", "#PID<0.7.0>", "till", "shop/till", "shop/0.7.0"].map((one) => viewOf(new URLSearchParams([["process", one]])));
  assert.deepEqual(seen.map(({ search }) => search), ["<0.7.0>", "<0.7.0>", "till", "till", "0.7.0"]);
  assert.deepEqual(seen[0]?.whose, "all"); // it may be the platform's own
  assert.equal(viewOf(new URLSearchParams("process=till&search=x")).search, "x");
  const asked = new URLSearchParams("process=till");
  assert.equal(addressOf(viewOf(asked), asked).toString(), "search=till&whose=all");
});

test("the age of a process that is older than the page is at least that of the page", () => { // regression: "longer"
  globalThis.matchMedia ??= () => ({ matches: false });
  const age = (since, startedAt) => columnsOf({ now: () => 130, since: () => since, memory: new Map() })
    .find(({ id }) => id === "age").text({ started_at: startedAt });
  assert.deepEqual([age(100, 110), age(100, null), age(null, null)], ["20\u00a0s", "> 30\u00a0s", ""]);
});

test("the question asks for the platform's own processes, and by default for none of them", () => {
  const asked = (query) => askOf(viewOf(new URLSearchParams(query)), { first: 0, end: 9 }, { pins: [], hold: false, columns: [] });
  assert.equal(asked("whose=platform").whose, "platform");
  assert.ok(!("whose" in asked("")));
});

test("frames are folded, and a missing one is noticed", () => {
  const whole = { k: "s", seq: 4, total: 3, offset: 1, order: ["b", "c"], rows: [{ pid: "b", n: 1 }, { pid: "c", n: 1 }] };
  const list = take(NOTHING, whole);
  const next = take(list, { k: "d", seq: 5, order: ["c", "d"], rows: [{ pid: "d", n: 2 }] });
  const gap = take(next, { k: "d", seq: 7 });
  assert.equal(lineAt(list, 1).pid, "b");
  assert.equal(lineAt(list, 0) ?? null, null);
  assert.deepEqual([...next.lines.keys()], ["c", "d"]);
  assert.equal(lineAt(next, 2).n, 2);
  assert.equal(gap.gap, true);
  assert.equal(take(gap, whole).gap, false);
});

test("a pin is the name or the place of a process", () => {
  const pins = ["x", null].flatMap((name) => ["team", null].map((supervisor_name) =>
    pinOf({ pid: "0.1.0", name, supervisor_name, supervisor: supervisor_name && "0.2.0", child_id: "1" })));
  assert.deepEqual(pins, ['["name","x"]', '["name","x"]', '["child","team","1"]', '["pid","0.1.0"]']);
});
