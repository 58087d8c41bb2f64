// The entry of the feed that the first steps explain.

import assert from "node:assert/strict";
import { test } from "node:test";

import { answers, done, Explained, lastBranch, sceneOf, storyOf, troubledBranch } from "#static/start/first-steps.js";

const SUP = "shop/checkout_sup", scene = /** @type {any} */ ({ supervisor: { key: SUP } });
const entry = (/** @type {number} */ id, /** @type {number} */ at, /** @type {string} */ kind, key = `${SUP}/ledger`) =>
  /** @type {any} */ ({ id, at, kind, key });

test("a give-up outranks the ends of its children, and the next kill outranks it", () => {
  const fall = entry(2, 10, "gave_up", SUP), before = [entry(1, 9, "killed"), fall, entry(3, 10.2, "killed")];
  assert.equal(storyOf(before, scene, 0), fall);
  const mine = entry(4, 13, "restarted");
  assert.equal(storyOf([...before, mine], scene, 0), mine);
  assert.equal(storyOf(before, scene, 3), null);
});

test("an explanation waits for its replay, but at most five seconds in a loop of replays", () => {
  const explained = new Explained(), first = entry(1, 10, "restarted"), second = entry(2, 11, "restarted");
  assert.equal(explained.take(first, true, 0), null);
  assert.equal(explained.take(first, false, 1600), first);
  assert.equal(explained.take(second, true, 2000), first);
  assert.equal(explained.take(entry(3, 12, "restarted"), true, 6900), first);
  const newest = entry(4, 13, "restarted");
  assert.equal(explained.take(newest, true, 7000), newest);
});

test("the picture shows the branch in which something happened last, and the demo its own", () => {
  const worker = (/** @type {string} */ key) =>
    ({ key, name: key.split("/").at(-1), kind: "worker", restart: "permanent", critical: false, pid: "0.9.0" });
  const sup = (/** @type {string} */ key, name = key.split("/").at(-1)) =>
    ({ key, name, kind: "supervisor", strategy: "rest_for_one", restart: "permanent", critical: false, pid: "0.8.0", budget: null });
  const tree = (/** @type {string} */ first) => {
    const rows = [
      sup("shop/orders", first), worker("shop/orders/a"), worker("shop/orders/b"), sup("shop/delivery"), worker("shop/delivery/c"),
    ];
    const kids = new Map([["shop/orders", ["shop/orders/a", "shop/orders/b"]], ["shop/delivery", ["shop/delivery/c"]]]);
    return /** @type {any} */ ({ rows: new Map(rows.map((row) => [row.key, row])), kids });
  };
  const pickBranch = (/** @type {any} */ model, /** @type {string|null} */ kept, /** @type {string|null} */ last) =>
    sceneOf(model, kept, last)?.supervisor.key;
  const fall = entry(1, 5, "gave_up", "shop/delivery"), crash = entry(2, 9, "restarted", "shop/orders/a");
  assert.deepEqual([lastBranch([fall]), lastBranch([fall, crash]), lastBranch([])], ["shop/delivery", "shop/orders", null]);
  assert.equal(pickBranch(tree("orders"), null, null), "shop/orders");
  assert.equal(pickBranch(tree("orders"), "shop/orders", "shop/delivery"), "shop/delivery");
  assert.equal(pickBranch(tree("orders"), "shop/delivery", null), "shop/delivery");
  assert.equal(pickBranch(tree("orders"), "shop/delivery", "shop"), "shop/delivery");
  assert.equal(pickBranch(tree("checkout_sup"), null, "shop/delivery"), "shop/orders");
});

test("the picture shows the branch of a process that does not answer", () => {
  const row = (/** @type {string} */ key, /** @type {string|null} */ parent, /** @type {string} */ state) => ({ key, parent, state });
  const model = (/** @type {string} */ state) => /** @type {any} */ ({
    rows: new Map([row("ship", null, "running"), row("ship/office/labels", "ship/office", state)].map((one) => [one.key, one])),
  });
  assert.deepEqual(["stuck", "suspended", "running", "crashed"].map((state) => troubledBranch(model(state))),
    ["ship/office", "ship/office", null, null]);
});

test("a crash does not tick off the kill, but is explained", () => {
  const crash = { ...entry(1, 5, "restarted"), parts: { who: "ledger", reason: "KeyError(7)", restarted: ["ledger"] } };
  const scene = /** @type {any} */ ({ supervisor: {}, children: [] }), kill = { ...crash, parts: { ...crash.parts, reason: "killed" } };
  assert.deepEqual(done(scene, crash), { look: true, kill: false, read: true });
  assert.deepEqual(done(scene, kill), { look: true, kill: true, read: true });
  assert.equal(done(scene, entry(2, 6, "gave_up", SUP)).kill, true, "many kills end in a give-up");
});

test("how many restarts are left is not known before a restart is done", () => {
  const left = (/** @type {any} */ more) =>
    answers(/** @type {any} */ ({ kind: "crashed", text: "", parts: { who: "two", reason: "killed", by: "group", ...more } })).left;
  assert.equal(left({}), "Known once the restart is done.");
  assert.equal(left({ used: 1, max: "infinity" }), "group allows unlimited restarts.");
  assert.equal(left({ used: 1, max: 1_000 }), "group allows 1,000 restarts.");
  assert.match(left({ used: 1, max: 5, window_s: 60 }), /^group had 4 of 5 restarts left/);
  assert.equal(left({ used: 1, max: 5, window_s: "infinity" }),
    "group had 4 of 5 restarts left; none comes back. Without one it gives up, and its own supervisor decides.");
});
