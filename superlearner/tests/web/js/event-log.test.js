// The log of the Timeline: what it asks for, how kept restarts join the events, and when a tree can be drawn from it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { placeOf, timeOf } from "#static/live/storms.js";
import { EventLog } from "#static/timeline/event-log.js";
import { momentOf } from "#static/timeline/stored-tree.js";

import { simulate, supervisor, worker } from "./moments.js";
import { countKinds, ofKinds } from "#static/timeline/kinds.js";
import { KeptTrees } from "#static/timeline/kept-trees.js";
import { markOf, marksOf, textOf } from "#static/timeline/past.js";
import { row, now, event, events, older } from "./timeline-events.js";

const answer = (found, run, more) => ({ items: found, last_id: `${run}-9`, ended: "timeout", ...more });

/** A log whose requests for events are answered in the order that the test wants; it has these kept restarts. */
function askedLog(kept = []) {
  const asked = [], seen = [];
  const log = new EventLog(() => seen.push(log.error), (path) => {
    if (path.startsWith("/restarts?settled=true&")) return Promise.resolve(kept);
    return new Promise((resolve, reject) => asked.push({ path, resolve, reject }));
  });
  return { log, asked, seen };
}

test("an answer for an earlier request never replaces a later one, and its failure says nothing", async () => {
  const { log, asked } = askedLog();
  const first = log.begin(), second = log.begin();
  asked[1].resolve(answer(events, "new"));
  await second;
  asked[0].resolve(answer(events.slice(0, 1), "old"));
  await first;
  assert.deepEqual([log.run, log.events.length, log.read], ["new", events.length, 0]);
  const third = log.begin(), fourth = log.begin();
  asked[3].resolve(answer(events, "newest"));
  asked[2].reject(new Error("too late"));
  await Promise.all([third, fourth]);
  assert.deepEqual([log.run, log.error], ["newest", null]);
});

test("events are in the order of their times: an end is reported when its supervisor handles it", async () => {
  const { log, asked } = askedLog();
  const begun = log.begin();
  asked[0].resolve(answer([events[0], events[2], { ...events[1], at: 10.5 }], "run"));
  await begun;
  assert.deepEqual(log.events.map(({ at }) => at), [10, 10.5, 12]);
});

test("a log whose time ran out goes on until it has the newest event", async () => {
  const { log, asked } = askedLog();
  const until = async (count) => {
    while (asked.length < count) await new Promise(setImmediate);
  };
  const begun = log.begin();
  asked[0].resolve(answer(events.slice(0, 2), "run", { ended: "limit" }));
  await begun;
  assert.deepEqual([log.read, log.events.length], [-1, 2]);
  await until(2);
  asked[1].resolve(answer(events.slice(2, 4), "run", { ended: "limit" }));
  await until(3);
  assert.deepEqual([log.read, log.events.length], [-1, 4]);
  asked[2].resolve(answer(events.slice(4), "run"));
  await new Promise(setImmediate);
  assert.deepEqual([log.read, log.events], [0, events]);
});

test("no tree is drawn from an incomplete answer with older events", async () => {
  const { log, asked } = askedLog();
  const begun = log.begin();
  asked[0].resolve(answer(events.toSpliced(0, 0, ...Array(400).fill(events[0])), "run"));
  await begun;
  assert.deepEqual([log.read, log.whole], [0, false]);
  const all = log.all();
  asked[1].resolve(answer(events.slice(0, 3), "run", { ended: "limit" }));
  await all;
  assert.equal(new KeptTrees().at(now, log, 11, 20).state, "loading");
});

test("who killed a process stays known when older events are loaded", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const data = { by_itself: true, reason: "killed", supervisor_pid: "0.2.0" };
  const killed = { id: "k", type: "child_terminated", at: 11, pid: "0.5.0", name: "ledger", text: "ledger was killed", cause: 7, data };
  const { log, asked } = askedLog([{ event: 7, request: "your request from the page (process.kill)" }]);
  const begun = log.begin();
  asked[0].resolve(answer([...Array(399).fill(events[0]), killed], "run"));
  await begun;
  await log.explain();
  const currentText = () => textOf(log.events.find(({ id }) => id === "k"), new Set());
  assert.equal(currentText(), "ledger was killed by your request from the page");
  const all = log.all();
  asked[1].resolve(answer([...Array(500).fill(events[0]), killed], "run"));
  await all;
  assert.equal(currentText(), "ledger was killed by your request from the page");
});

test("newer events are not requested while older ones are loading", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { log, asked } = askedLog();
  const begun = log.begin();
  asked[0].resolve(answer(Array(400).fill(events[0]), "run"));
  await begun;
  const all = log.all();
  log.soon();
  t.mock.timers.tick(5000);
  await new Promise(setImmediate);
  assert.equal(asked.length, 2);
  asked[1].resolve(answer(events, "run", { last_id: "run-42" }));
  await all;
  t.mock.timers.tick(5000);
  await new Promise(setImmediate);
  assert.match(asked[2].path, /last_id=run-42/);
});

test("kept restarts are loaded back to a moment, and in parts on request", async () => {
  const paths = [], oldest = 1000 - 2400;
  const log = new EventLog(() => {}, async (path) => {
    const [, most, until] = /^\/restarts\?settled=true&fold=false&per_page=(\d+)&until=(-?\d+)$/.exec(path) ?? [];
    if (path.startsWith("/events")) return answer([{ ...events[0], at: 1000 }], "run");
    if (!until) return [];
    paths.push(path);
    return Array.from({ length: Math.min(Number(most), Number(until) - oldest) }, (_, place) => {
      const at = Number(until) - 1 - place;
      return { ref: `9f3a.${at}`, event: at, at, count: 1, kept: true, line: "till crashed and was restarted", started: 1 };
    });
  });
  await log.begin();
  await new Promise(setImmediate);
  assert.deepEqual([log.kept.length, log.kept[0].at, log.goesOn], [200, 800, true]);
  await log.more(-500);
  assert.deepEqual([log.kept.length, log.kept[0].at, log.goesOn, paths.length], [2200, -1200, true, 3]);
  assert.ok(log.kept.every(({ at }, place) => at === place - 1200));
  await log.more();
  assert.deepEqual([log.kept.length, log.kept[0].at, log.goesOn], [2400, oldest, false]);
  await log.more();
  assert.equal(paths.length, 4);
});

test("what failed is asked for again on request only", async () => {
  const { log, asked, seen } = askedLog();
  const begun = log.begin(), refused = new Error("unreachable");
  asked[0].reject(refused);
  await begun;
  assert.deepEqual([log.error, seen, log.read], [refused, [refused], -1]);
  await log.all();
  assert.equal(asked.length, 1);
  const again = log.retry();
  asked[1].resolve(answer(events, "run"));
  await again;
  assert.deepEqual([log.error, log.events.length, log.whole], [null, events.length, true]);
});

test("kept restarts come before the events, as failures if they are some, with their ids", async () => {
  const storedLine = (at, line, count = 1, kept = true, more = {}) =>
    ({ ref: `9f3a0c1b22d4.${at}`, at, until: at, count, kept, line, ...more });
  const { log, asked } = askedLog([
    storedLine(5, "Shop's program ended: killed; playground restarted it after 1 s", 1, true, { program: true, started: 1 }),
    storedLine(4, "stall gave up"), storedLine(3, "till ended 300 times more", 300, false),
    storedLine(2, "till was killed and restarted", 1, true, { started: 1 }),
    storedLine(1, "till ended"),
  ]);
  const begun = log.begin();
  assert.ok(log.goesOn);
  asked[0].resolve(answer(events, "run"));
  await begun;
  await new Promise(setImmediate);
  assert.deepEqual(log.kept.map((event) => [event.at, event.ref, event.seq, markOf(event)]), [
    [1, "9f3a0c1b22d4.1", null, "restart"], [2, "9f3a0c1b22d4.2", null, "crash"], [3, "9f3a0c1b22d4.3", null, "restart"],
    [4, "9f3a0c1b22d4.4", null, "crash"], [5, "9f3a0c1b22d4.5", null, "crash"],
  ]);
  assert.deepEqual(countKinds(log.kept), { crashes: 3, restarts: 303, changes: 0, starts: 0 });
  const times = (kind) => ofKinds(log.kept, [kind]).reduce((sum, { data }) => sum + (data.times ?? 1), 0);
  for (const kind of ["crashes", "restarts", "changes", "starts"])
    assert.equal(countKinds(log.kept)[kind], times(kind), "the chip counts what the list shows, also in sums");
  assert.deepEqual(ofKinds(log.kept, ["restarts"]).map(({ at }) => at), [1, 2, 3, 5]);
  assert.ok(!log.goesOn);
});

test("a kill and a kept restart say by whom: the request, and the supervisor", async () => {
  const lines = [
    { ref: "9f3a.6", event: 6, at: 5, count: 1, kept: true, line: "till was killed and restarted",
      name: "till", reason: "killed", started: 1,
      supervisor: "shop", strategy: "one_for_one", request: "your request from the page (process.kill)" },
    { ref: "9f3a.2", event: 2, at: 3, count: 1, kept: true, line: "shop gave up", name: "till", reason: "killed", gave_up: true,
      supervisor: "shop", strategy: "one_for_one", request: "ada's request over HTTP (process.kill)" },
  ];
  const { log, asked, seen } = askedLog(lines);
  const begun = log.begin(), killed = { type: "child_terminated", id: "7", at: 9, cause: 6, text: "till <0.5.0> was killed", pid: "0.5.0" };
  asked[0].resolve(answer([{ ...killed, data: { by: "exit", by_itself: true, reason: "killed" } }], "run"));
  await begun;
  await new Promise(setImmediate);
  const drawn = seen.length;
  await log.explain();
  assert.equal(seen.length, drawn + 1);
  assert.deepEqual([...log.kept, ...log.events].map((event) => textOf(event, new Set())), [
    "shop gave up: till was killed by ada's request over HTTP",
    "till was killed and restarted: killed by your request from the page, restarted by shop (one_for_one)",
    "till <0.5.0> was killed by your request from the page",
  ]);
});

test("a restart does not repeat the end that has a row, even if that ends with a question", () => {
  const end = "till crashed: a callback returned None: did no case match, or is a return missing?";
  for (const text of [`${end} shop (one_for_one) restarted till`, "till crashed: no; shop (one_for_one) restarted till"]) {
    const event = { type: "child_restarted", text, supervisor: "shop", data: { old: "0.5.0" } };
    assert.equal(textOf(event, new Set(["0.5.0"])), "shop (one_for_one) restarted till");
    assert.equal(textOf(event, new Set()), text);
  }
});

test("a kept restart has its reason, a give-up is one sentence, and neither repeats an event in memory", async () => {
  const line = {
    ref: "9f3a.6", count: 1, kept: true, name: "till", reason: "KeyError(7)", started: 1, supervisor: "shop", strategy: "one_for_one",
  };
  const story = "shop gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed (last: till crashed: KeyError(7))";
  const { log, asked } = askedLog([
    { ...line, event: 8, at: 8.9999, line: "till crashed and was restarted" },
    { ...line, event: 6, at: 5, line: "till crashed and was restarted" },
    { ...line, event: 2, at: 3, line: "shop gave up", started: 0, gave_up: true, story },
  ]);
  const begun = log.begin(), ended = { type: "child_terminated", id: "9", at: 9, cause: 8, text: "till <0.5.0> crashed", pid: "0.5.0" };
  asked[0].resolve(answer([{ ...ended, data: { by: "exit", by_itself: true, reason: "KeyError(7)" } }], "run"));
  await begun;
  await new Promise(setImmediate);
  assert.deepEqual(log.kept.map((event) => [textOf(event, new Set()), marksOf(event)]), [
    [story, ["crash"]],
    ["till crashed and was restarted: KeyError(7), restarted by shop (one_for_one)", ["crash", "restart"]],
  ]);
});

test("the sum of a storm is counted as both kinds, without those restarts that the list has as events", async () => {
  const sum = {
    kept: false, name: "till", reason: "killed", started: 300, event: 20, last: 900, at: 5, until: 10.2, ref: "a.20", count: 300,
    line: "till was killed and restarted 300 times more",
  };
  const other = { ...sum, name: "cart", ref: "a.21", event: 21, count: 1, started: 0, line: "cart was killed once more" };
  const { log, asked } = askedLog([other, sum, { ...sum, ref: "a.5", event: 5, last: 9, at: 4, until: 4.5, count: 2 }]);
  const again = (at, cause) => ({ type: "child_restarted", id: `${at}`, at, cause, name: "till", text: "", pid: "0.5.0",
    data: { reason: "killed", old: "0.4.0" } });
  const begun = log.begin();
  asked[0].resolve(answer([again(10, 800), again(10.1, 804), again(11, 1000), { ...again(10.2, 808), name: "cart" }], "run"));
  await begun;
  await new Promise(setImmediate);
  assert.deepEqual(log.kept.map(({ text, data }) => [text, data.times]), [
    ["till was killed and restarted 300 times more", 2], ["till was killed and restarted 298 times more", 298],
    ["cart was killed once more", 1],
  ]);
  assert.deepEqual(countKinds([...log.kept, ...log.events]), { crashes: 301, restarts: 304, changes: 0, starts: 0 });
});

test("a sum does not count the restarts of a list that was loaded in parts", async () => {
  // Regression: 1,000 crashes in 10 s were 333 and 734: 2,000 of 3,400 events were there when the sum was compared with them
  const sum = { kept: false, name: "till", reason: "killed", started: 3, event: 20, last: 900, at: 5, until: 13, ref: "a.20", count: 9,
    line: "till was killed and restarted 9 times more" };
  const { log, asked } = askedLog([sum]);
  const restarted = { ...event(12, "child_restarted", "0.5.0", "till", { reason: "killed", along: false }), cause: 40 };
  const begun = log.begin();
  asked[0].resolve(answer([restarted], "run", { ended: "limit" }));
  await begun;
  while (asked.length < 2) await new Promise(setImmediate);
  asked[1].resolve(answer([41, 42].map((cause) => ({ ...restarted, id: `run-${cause}`, cause })), "run"));
  while (log.kept === null) await new Promise(setImmediate);
  assert.equal(log.kept[0].data.times, 6);
});

test("a give-up stands at its end, after the crash with which it began", async () => {
  const { log, asked } = askedLog([
    { ref: "a.9", event: 9, count: 1, kept: true, at: 3, until: 3.2, line: "shop gave up", gave_up: true, reason: "killed" },
    { ref: "a.8", event: 8, count: 1, kept: true, at: 3.1, until: 3.1, line: "cart crashed", reason: "x" },
  ]);
  const begun = log.begin();
  asked[0].resolve(answer(events, "run"));
  await begun;
  await new Promise(setImmediate);
  assert.deepEqual(log.kept.map(({ at, began, text }) => [at, began, text]), [[3.1, 3.1, "cart crashed"], [3.2, 3, "shop gave up"]]);
});

test("the links to a stored give-up lead to its place in the timeline", async () => {
  const fall = { ref: "a.9", event: 9, count: 1, kept: true, at: 3, until: 3.5, fell_at: 3.25, line: "shop gave up", gave_up: true };
  const { log, asked } = askedLog([fall]);
  const begun = log.begin();
  asked[0].resolve(answer(events, "run"));
  await begun;
  await new Promise(setImmediate);
  const [row] = log.kept, moment = simulate(supervisor("shop", "one_for_one", [worker("shop/till")], { limit: [0, 5] }), "shop/till");
  const decided = moment.events.find(({ what }) => what === "give_up");
  assert.ok(decided.at > 0);
  assert.equal(momentOf({ ...moment, at: row.at - decided.at }), row.at); // was the time of the crash before it
  assert.deepEqual([placeOf(fall), timeOf(fall)], [row.at, row.at]);
  assert.equal(momentOf(simulate(supervisor("shop", "one_for_one", [worker("shop/till")]), "shop/till", "x", { at: 7 })), 7);
});

test("a give-up at the end of a long restart is one row, in memory or kept", async () => {
  const { log, asked } = askedLog([
    { ref: "a.12", event: 12, count: 1, kept: true, at: 2, until: 12.2, line: "shop gave up", gave_up: true, reason: "killed" },
  ]);
  const begun = log.begin();
  asked[0].resolve(answer([{ ...event(11.9, "gave_up", "0.1.0", "shop", { reason: "killed" }), seq: 12, cause: 10 }], "run"));
  await begun;
  await new Promise(setImmediate);
  assert.deepEqual(log.kept, []);
});

test("the end of a service and its return are rows among the events", async () => {
  const row = { event: 1, count: 1, kept: true, program: true };
  const end = { ...row, ref: "a.1", at: 6.5, line: "shop is gone: it has ended", reason: "it has ended" };
  const back = { ...row, ref: "b.1", at: 6.7, line: "shop is attached again", reason: null, started: 1 };
  const { log, asked } = askedLog([back, end]);
  const begun = log.begin();
  asked[0].resolve(answer([{ type: "child_started", id: "1", at: 6, text: "shop started till", pid: "0.5.0", data: {} }], "run"));
  await begun;
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.deepEqual(log.events.map((event) => [textOf(event, new Set()), markOf(event)]), [
    ["shop started till", "start"], ["shop is gone: it has ended", "crash"], ["shop is attached again", "restart"],
  ]);
});

test("the ends of a service that were asked for before the log began again are not added to it", async () => {
  /** @type {{path: string, resolve: (found: any) => void}[]} */ const asked = [];
  const log = new EventLog(() => {}, (path) => new Promise((resolve) => asked.push({ path, resolve })));
  const settled = () => new Promise(setImmediate);
  const end = { event: 1, count: 1, kept: true, program: true, ref: "a.1", at: 9, line: "shop is gone", reason: "it has ended" };
  void log.begin();
  asked.shift().resolve(answer([{ ...events[0], id: "1" }], "old"));
  await settled();
  asked.shift().resolve([]);
  await settled();
  const before = asked.shift();
  assert.match(before.path, /since=10$/);
  void log.begin();
  asked.shift().resolve(answer([{ ...events[0], id: "1" }], "new"));
  await settled();
  before.resolve([end]);
  await settled();
  assert.deepEqual([log.run, log.events.length, log.kept], ["new", 1, null]);
});

test("events of another program of the node replace those of the former one", async () => {
  const { log, asked } = askedLog();
  const begun = log.begin();
  asked[0].resolve(answer(events, "one"));
  await begun;
  const newer = log.retry();
  asked[1].resolve(answer([{ type: "gap" }, ...events.slice(0, 1)], "two"));
  await newer;
  assert.deepEqual([log.events, log.read], [[], -1]);
  asked[2].resolve(answer(events.slice(0, 2), "two"));
  await new Promise(setImmediate);
  assert.deepEqual([log.run, log.events.length], ["two", 2]);
});

test("a time without a platform is a change among the events, also of a service that remembers it, and leads to no page", async () => {
  const line = "the platform did not run from 02:03:31 to 02:03:34";
  const outage = { ref: "5.1", event: 1, at: 12.5, until: 15, line, count: 1, kept: false, program: false, reason: null, started: 0,
    incident: true, outage: true };
  const { log, asked } = askedLog([outage]), begun = log.begin();
  asked[0].resolve(answer(events, "run"));
  await begun;
  while (log.kept === null) await new Promise(setImmediate);
  const shown = log.events.find(({ text }) => text === line);
  assert.deepEqual([markOf(shown), shown.ref, textOf(shown, new Set())], ["change", null, line]);
  assert.deepEqual(countKinds([shown]), { crashes: 0, restarts: 0, changes: 1, starts: 0 });
});

test("crashes without a supervisor are failures among the events", async () => {
  const line = "leak crashed 300 times in 3 s: TypeError, at jobs.py:7 in leak; it has no supervisor that restarts it";
  const crashes = { ref: "5.1", event: 1, at: 12.5, until: 15, line, count: 1, kept: false, program: false, reason: null, started: 0,
    incident: true, crash: true };
  const { log, asked } = askedLog([crashes]), begun = log.begin();
  asked[0].resolve(answer(events, "run"));
  await begun;
  while (log.kept === null) await new Promise(setImmediate);
  const shown = log.events.find(({ text }) => text === line);
  assert.deepEqual([markOf(shown), shown.ref, textOf(shown, new Set())], ["crash", "5.1", line]);
});

test("growth of memory leads to the page with its evidence", async () => {
  const line = "the memory of the program grew by 368 MB in 60 s, 368 MB a minute, to 433 MB";
  const growth = { ref: "5.2", event: 2, at: 12.5, until: 15, line, count: 1, kept: false, reason: null, started: 0, incident: true };
  const { log, asked } = askedLog([growth]), begun = log.begin();
  asked[0].resolve(answer(events, "run"));
  await begun;
  while (log.kept === null) await new Promise(setImmediate);
  const shown = log.events.find(({ text }) => text === line);
  assert.deepEqual([markOf(shown), shown?.ref], ["crash", "5.2"]);
});

test("a deadlock leads to its own page, as it does in the Tree; that links to the restarts that ended it", async () => {
  const crash = (ref, at, why) => ({ ref, event: 70, at, until: at, line: "left crashed and was restarted", count: 1, kept: true,
    name: "left", reason: `right did not answer a call in time (timeout)${why}`, started: 1 });
  const deadlock = { ref: "5.2", event: 2, at: 12.8, until: 14.3, line: "a deadlock: left waited for right, which waited for left",
    count: 1, kept: false, reason: null, started: 0, incident: true };
  const locked = " because it was part of a deadlock,";
  const found = [crash("c.9", 20, `${locked} left -> right -> left`), crash("c.3", 12.9, `${locked} right -> left -> right`),
    crash("c.2", 12.85, `${locked} left -> right -> left`), deadlock, crash("c.1", 12.6, "")];
  const { log, asked } = askedLog(found), begun = log.begin();
  asked[0].resolve(answer(events, "run"));
  await begun;
  while (log.kept === null) await new Promise(setImmediate);
  const shown = log.events.find(({ text }) => text === deadlock.line);
  assert.deepEqual([shown?.ref, markOf(shown), countKinds([shown]).changes], ["5.2", "crash", 0]);
});

test("what was stored meanwhile joins the events, and a corrected line replaces the earlier one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const kept = [], { log, asked } = askedLog(kept);
  const begun = log.begin();
  asked[0].resolve(answer(events, "run"));
  await begun;
  const read = async () => {
    log.storedSoon();
    t.mock.timers.tick(5000);
    await new Promise(setImmediate);
    return log.events.filter(({ data }) => data.incident).map(({ text }) => text);
  };
  const line = "till was in handle_cast for 4 s when it was last observed, at 10:00:04";
  kept.push({ ref: "a.2", at: 11, until: 15, incident: true, line });
  assert.deepEqual(await read(), [line]);
  kept[0] = { ...kept[0], ref: "b.2", line: "till was in handle_cast for 9 s" };
  assert.deepEqual(await read(), ["till was in handle_cast for 9 s"]);
});

test("what is stored is read one answer at a time, so that a slow one does not replace a newer one", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const waits = [];
  const log = new EventLog(() => {}, (path) =>
    path.startsWith("/restarts?") ? new Promise((resolve) => waits.push(resolve)) : Promise.resolve(answer(events, "run")));
  const settled = () => new Promise(setImmediate);
  const again = () => {
    log.storedSoon();
    t.mock.timers.tick(5000);
    return settled();
  };
  await log.begin();
  await settled();
  for (let read = 0; read < 2; read += 1) { // what is kept, and what the program did
    waits.shift()([]);
    await settled();
  }
  await again();
  await again();
  assert.equal(waits.length, 1);
  waits.shift()([]);
  await settled();
  waits.shift()([{ ref: "a.2", at: 11, until: 15, incident: true, line: "till was in handle_cast for 4 s" }]);
  await settled();
  assert.deepEqual(log.events.filter(({ data }) => data.incident).map(({ text }) => text), ["till was in handle_cast for 4 s"]);
});

test("a failed start has one row: its event, and not also the problem that is stored about it", async () => {
  const failed = {
    ...event(20, "start_failed", null, "importer", {}), supervisor: "front", text: "front could not start importer on a request: no",
  };
  const of = { supervisor: "front", name: "importer", incident: true, crash: true };
  const stored = { event: 7, ref: "a.7", at: 20, until: 20, line: "front could not start importer: no", ...of };
  const other = { ...stored, event: 8, ref: "a.8", line: "front could not start mailer: no", name: "mailer" };
  const { log, asked } = askedLog([stored, other]);
  const begun = log.begin();
  asked[0].resolve(answer([failed], "run"));
  await begun;
  await new Promise(setImmediate);
  assert.deepEqual([log.events.map(({ text, ref }) => [text, ref]), markOf(failed)],
    [[[failed.text, "a.7"], ["front could not start mailer: no", "a.8"]], "crash"]); // both lead to their pages
});
