// How the rows of the event feed fold: what is one cause, what is counted, and which rows stay.

import assert from "node:assert/strict";
import { test } from "node:test";

import { burning, byTime, causeOf, reasonIn, restartsIn, rowText, spanOf, Storms, timeOf, verb, withStored } from "#static/live/storms.js";

let number = 0;
const crash = (at,
  { who = "monkey", reason = "TimeoutError('slow')", key = `app/${who}`, kind = "restarted", level = "bad", ...more } = {}) =>
  ({ id: ++number, at, kind, level, key, sup: "app", text: `${who} crashed: ${reason}`, parts: { who, reason, by: "app", ...more } });
const told = (lines) => lines.map(({ event, count }) => `${event.parts.who} ${count}`);

test("twenty crashes a second are one row with a bar for each second", () => {
  const storms = new Storms();
  const feed = [];
  for (let tick = 0; tick < 412; tick++) {
    feed.push(crash(1000 + tick / 20));
    storms.take(feed.slice(-200)); // the page keeps so many
  }
  const [line, ...more] = storms.take(feed.slice(-200));
  assert.deepEqual(more, []);
  assert.deepEqual([line.count, line.from, spanOf(line), verb(line.event)], [412, 1000, "in 21\u00a0s", "crashed"]);
  assert.deepEqual(line.bars, [...Array(20).fill(20), 12]);
  assert.equal(line.events.length, 200);
  assert.ok(line.events[0].at > line.events[1].at);
});

test("the entries about restarts are ends, give-ups and what follows from them", () => {
  const feed = ["started", "killed", "restarted", "stopped", "gave_up", "crashed", "restart_failed"].map((kind) => ({ kind }));
  assert.deepEqual(restartsIn(feed).map(({ kind }) => kind), ["killed", "restarted", "gave_up", "crashed", "restart_failed"]);
});

test("four are single rows, the fifth folds them, and then the count changes where the row is", () => {
  const storms = new Storms();
  const feed = [1, 2, 3, 4].map((second) => crash(1000 + second));
  assert.deepEqual(told(storms.take(feed)), Array(4).fill("monkey 1"));
  feed.push(crash(1005));
  const [storm] = storms.take(feed);
  feed.push(crash(1006, { who: "ledger" }), crash(1006), crash(1007, { who: "cart" }));
  const lines = storms.take(feed);
  assert.deepEqual(told(lines), ["cart 1", "ledger 1", "monkey 6"]);
  assert.equal(lines[2].id, storm.id);
});

test("a row that did not change is the same object", () => {
  const storms = new Storms();
  const feed = [crash(1000), crash(1001, { who: "cart" })];
  const before = storms.take(feed);
  assert.deepEqual(storms.take([...feed, crash(1002)]).slice(1).map((line, place) => line === before[place]), [true, true]);
});

test("a pause of more than ten seconds ends a storm, another reason is another cause", () => {
  const storms = new Storms();
  const feed = [0, 1, 2, 3, 4, 5].map((second) => crash(1000 + second));
  feed.push(crash(1006, { reason: "ValueError(1)" }), crash(1007, { where: "shop.py:2 in pay" }), crash(1015), crash(1026));
  assert.deepEqual(storms.take(feed).map(({ count }) => count), [1, 1, 1, 7], "nor is another line of code");
});

test("what the server has folded is counted and drawn with its seconds", () => {
  const storms = new Storms();
  const singles = [0, 0.1, 0.2, 0.3].map((part) => crash(1000 + part));
  const folded = crash(1002.5, { times: 50, since: 1000.4, per_second: [16, 20, 14] });
  const [line, ...more] = storms.take([...singles, folded]);
  assert.deepEqual([line.count, line.bars, more.length], [54, [20, 20, 14], 0]);
  const renewed = { ...folded, at: 1003.1, parts: { ...folded.parts, times: 53, per_second: [16, 20, 14, 3] } };
  assert.deepEqual(storms.take([...singles, renewed])[0].bars, [20, 20, 14, 3]);
});

test("children of a dynamic supervisor are one cause, whatever their pids", () => {
  const one = crash(1, { who: "Order 0.81.0", key: "app/orders/0.81.0", reason: "ValueError(1)" });
  const other = crash(1, { who: "Order 0.97.0", key: "app/orders/0.97.0", reason: "ValueError(2)" });
  assert.equal(causeOf(one), causeOf(other));
  assert.notEqual(causeOf(one), causeOf({ ...other, kind: "gave_up" }));
  assert.deepEqual([reasonIn("otp.TimedOut(3)"), reasonIn("killed"), reasonIn("('a', 1)")], ["otp.TimedOut", "killed", "('a', 1)"]);
});

test("another run of the server begins anew", () => {
  const storms = new Storms();
  storms.take([0, 1, 2, 3, 4].map((second) => crash(1000 + second)), "a");
  number = 0;
  assert.deepEqual(told(storms.take([crash(1006)], "b")), ["monkey 1"]);
});

test("a storm burns until ten seconds after its last entry", () => {
  const lines = new Storms().take([0, 1, 2, 3, 4].map((second) => crash(1000 + second)));
  assert.deepEqual([burning(lines, 1013).length, burning(lines, 1015).length], [1, 0]);
  assert.deepEqual(burning(new Storms().take([crash(1000)]), 1001), []);
});

test("a row does not say how many restarts were left then, unless that is why a supervisor gave up", () => {
  const said = (text) => rowText(new Storms().take([{ ...crash(1000), text }])[0]);
  assert.equal(said("cart was killed; sup (one_for_one) restarted cart; 2 of 3 restarts left in 5 s"),
    "cart was killed; sup (one_for_one) restarted cart");
  assert.equal(said("sup gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed (last: a was killed)"),
    "sup gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed (last: a was killed)");
});

test("stored restarts are sorted by the time that is shown with them, not by their end", () => {
  const one = (at, until, more = {}) => ({ at, until, line: "a", ...more });
  const stored = [one(41, 60), one(27, 50, { count: 9 }), one(37, 49), one(9, 58, { gave_up: true, fell_at: 48 }), one(47, 47)];
  assert.deepEqual(byTime(stored).map(timeOf), [50, 48, 47, 41, 37]);
});

const hold = (at, text, more = {}) => ({ id: ++number, at, kind: "stuck", level: "warn", key: "app/batcher", text, ...more });
const stuck = (at, until, line) => ({ ref: `1.${at}`, at, until, line, count: 1, incident: true });
const listed = (rows) => rows.map((row) => (row.id ? row.event.text : `stored: ${row.line}`));

test("a hold of the event loop that was stored is listed once", () => { // Regression: as an event, and again with its link
  const feed = [
    hold(1000, "batcher held the event loop for 0.6 s"), crash(1001),
    hold(1002.3, "batcher held the event loop for 0.8 s, at shop.py:7 in handle_cast", { kind: "answers_again" }),
    hold(1004, "sink held the event loop for 0.5 s"), hold(1020, "batcher held the event loop for 0.7 s"),
  ];
  const stored = [stuck(1000.004, 1003.1, "batcher held the event loop twice, for up to 0.8 s, at shop.py:7 in handle_cast")];
  assert.deepEqual(listed(withStored(new Storms().take(feed), stored)), [
    "batcher held the event loop for 0.7 s", "sink held the event loop for 0.5 s", "monkey crashed: TimeoutError('slow')",
    "stored: batcher held the event loop twice, for up to 0.8 s, at shop.py:7 in handle_cast",
  ]);
});
