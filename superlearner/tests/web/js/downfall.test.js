// What a page says of a node whose last tree is not there any more.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { downfall, downfallText, readStoredEnd, storedEnd } from "#static/live/downfall.js";

Object.assign(globalThis, { document: { documentElement: { dataset: {} } } });
const { fetch: original } = globalThis;
afterEach(() => {
  globalThis.fetch = original;
});
const event = (kind, who, at) => ({ id: at, at, kind, level: "bad", text: "", parts: { who } });
const none = new Map(), tree = new Map([["app", { kind: "supervisor" }]]), lone = new Map([["lone", { kind: "worker" }]]);

test("a give-up is what a page without a tree tells, whatever came after it", () => {
  const gaveUp = event("gave_up", "tree", 2);
  const feed = [event("restarted", "visits", 1), gaveUp, event("stopped", "visits", 3)];
  assert.equal(downfall({ rows: none, feed }), gaveUp);
  assert.match(downfallText(gaveUp), /^tree gave up at [^.]+\. No supervisor restarts it\.$/);
});

test("a give-up says why, as the stored one does", () => {
  const story = "shop gave up: max_restarts=3 allows 3 restarts in 30 s, and a 4th was needed (last: till crashed: KeyError('x'))";
  const sentence = /^shop gave up at .+: max_restarts=3 .+ \(last: till crashed: KeyError\('x'\)\)\. No supervisor restarts it\.$/;
  assert.match(downfallText({ ...event("gave_up", "shop", 2), text: story }), sentence);
  const stored = storedEnd({ at: 1, until: 2, name: "till", fallen: ["shop"], story, ref: "b419473856e4.13" });
  assert.match(downfallText(stored), sentence);
  assert.deepEqual([stored.at, stored.ref], [2, "b419473856e4.13"]);
});

test("the supervisor that gave up first is named, with its cause", () => { // regression: the cause was told of the higher one
  const story = "till_sup gave up: it allows no restarts (last: till crashed: KeyError('x')); shop gave up after it";
  const stored = storedEnd({ at: 1, until: 2, name: "till", fallen: ["till_sup", "shop"], story, ref: "b419473856e4.13" });
  assert.match(downfallText(stored), /^At .+ till_sup gave up: it .+\); shop gave up after it\. No supervisor restarts shop\.$/);
});

test("a stored give-up ended the tree of its node if nothing was started after it", async () => {
  const fall = { at: 1, until: 2, name: "till", fallen: ["shop"], story: "shop gave up", ref: "b419473856e4.13", gave_up: true };
  const requests = /** @type {string[]} */ ([]);
  const read = async (/** @type {any[]} */ ...stored) => {
    globalThis.fetch = async (address) => {
      requests.push(String(address));
      const data = String(address).includes("only=give_ups&fold=false") ? stored.filter((one) => one.gave_up) : stored;
      return Response.json({ success: true, data });
    };
    return (await readStoredEnd("shop@127.0.0.1"))?.at ?? null;
  };
  assert.equal(await read({ incident: true }, { program: true, ran_on: true }, fall), 2);
  assert.equal(await read(...Array.from({ length: 60 }, () => ({ incident: true })), fall), 2); // regression: 20 lines were read
  assert.equal(await read({ incident: true }), null);
  assert.equal(await read({ program: true }, fall), null); // it is that of an earlier run
  assert.equal(await read({ ...fall, restarted: true }), null);
  assert.equal(await read({ gave_up: false }, fall), null);
  assert.ok(requests.every((one) => one.endsWith("&node=shop%40127.0.0.1"))); // else those of all nodes are read
});

test("a tree that runs has no downfall, nor a node on which nothing ever ran", () => {
  assert.equal(downfall({ rows: tree, feed: [event("gave_up", "tree", 2)] }), null);
  assert.equal(downfall({ rows: none, feed: [{ ...event("started", "visits", 1) }] }), null);
  assert.match(downfallText(downfall({ rows: none, feed: [event("crashed", "till", 1)] })),
    /^No supervised processes are running\. The last to end was till, at /);
});

test("after a restart of the platform the stored give-up is told, until a tree runs", () => {
  const stored = { kind: "gave_up", at: 1, parts: { who: "ship" }, ref: "b419473856e4.13" };
  assert.equal(downfall({ rows: none, feed: [] }, stored), stored);
  assert.equal(downfall({ rows: none, feed: [event("gave_up", "tree", 2)] }, stored).parts.who, "tree");
  assert.equal(downfall({ rows: tree, feed: [] }, stored), null);
});

test("a give-up is the downfall even if processes without a supervisor still run; their crashes are not", () => {
  const gaveUp = event("gave_up", "tree", 2);
  assert.equal(downfall({ rows: lone, feed: [gaveUp, event("crashed", "other", 3)] }), gaveUp);
  assert.equal(downfall({ rows: lone, feed: [event("crashed", "other", 3)] }), null);
});

test("the give-up of an earlier process of the same name is not that of the one that was killed", () => {
  const gaveUp = { ...event("gave_up", "tree", 2), key: "tree", pid: "0.5.0" };
  const same = { ...event("ended", "tree", 3), key: "tree", pid: "0.5.0" }, later = { ...same, id: 9, at: 9, pid: "0.9.0" };
  assert.equal(downfall({ rows: none, feed: [gaveUp, same] }), gaveUp);
  assert.equal(downfall({ rows: none, feed: [gaveUp, same, later] }), later);
});
