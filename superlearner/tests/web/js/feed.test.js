// The live feed: what it requests, and when a page gets its frames; and the address of a page for another node.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed } from "#static/live/live.js";
import { here } from "#static/shell/nodes.js";

/** The sockets that were made in a test. */
const sockets = [];

/** What a feed needs of a browser. */
function browse() {
  sockets.length = 0;
  globalThis.window = new EventTarget();
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  globalThis.WebSocket = class {
    static OPEN = 1;
    readyState = 0;
    sent = [];
    constructor() {
      sockets.push(this);
    }
    send(text) {
      this.sent.push(text);
    }
    close() {}
  };
}

test("a view opened before the socket is requested once it is open", () => {
  browse();
  const feed = new Feed("ws://here/live/processes?offset=0", () => {}, () => {});
  feed.start();
  feed.look("ws://here/live/processes?offset=90", { offset: "90" });
  sockets[0].readyState = 1;
  sockets[0].onopen?.();
  feed.stop();
  assert.deepEqual(sockets[0].sent.map((text) => JSON.parse(text)), [{ k: "look", ask: { offset: "90" } }]);
});

test("a feed that was not started stays silent when the network is back", () => {
  browse();
  const feed = new Feed("ws://here/live/log", () => {}, () => {});
  window.dispatchEvent(new Event("online"));
  feed.stop();
  assert.equal(sockets.length, 0);
});

test("a server that sends no first picture is silent, as one that stops sending", (t) => { // Regression: it was "Connecting" for good
  browse();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = [];
  const feed = new Feed("ws://here/live/supervisors", () => {}, (status) => seen.push(status));
  feed.start();
  t.mock.timers.tick(4000);
  assert.deepEqual(seen.filter((status) => status === "silent"), []);
  t.mock.timers.tick(2000);
  assert.equal(seen.at(-1), "silent");
  feed.stop();
});

test("a page of a node whose loop is held is silent at once, and its other feeds are not", () => { // Regression: after 5 s
  browse();
  document.documentElement = { dataset: { node: "depot" } };
  const seen = [];
  const feeds = ["supervisors?node=depot", "platform"].map((one) =>
    new Feed(`ws://here/live/${one}`, () => {}, (status) => seen.push(`${one} ${status}`)));
  for (const feed of feeds) feed.start();
  window.dispatchEvent(new Event("sl-held"));
  assert.deepEqual(seen, []);
  document.documentElement.dataset.held = "ledger has held the event loop since 01:56:53: parcels.py:60 in handle_cast";
  window.dispatchEvent(new Event("sl-held"));
  assert.deepEqual(seen, ["supervisors?node=depot silent"]);
  for (const feed of feeds) feed.stop();
});

test("a frame is on the page at once and those before the next picture come with it", () => {
  browse();
  const pictures = [], taken = [];
  globalThis.requestAnimationFrame = (run) => pictures.push(run);
  const feed = new Feed("ws://nowhere", (frames) => taken.push(frames.map(({ seq }) => seq)), () => {});
  const receive = (seq) => sockets[0].onmessage({ data: JSON.stringify({ k: "s", seq }) });
  feed.start();
  for (const seq of [1, 2, 3]) receive(seq);
  taken.push("picture");
  pictures.shift()();
  receive(4);
  feed.stop();
  assert.deepEqual(taken, [[1], "picture", [2, 3], [4]]);
});

test("another node is looked at in the same way but has processes of its own", () => {
  globalThis.location = new URL("http://here/supervisors?sort=-pid&process=x&pin=%5B%22name%22%2C%22x%22%5D");
  assert.equal(new URL(here("shop")).search, "?sort=-pid&node=shop");
});
