// Drafts of sources: whose they are, which are kept, and what a full or forbidden store does.

import assert from "node:assert/strict";
import { test } from "node:test";

import { DraftNote } from "#static/sandboxes/draft-note.js";
import { adopted, Drafts, KEPT_MS, KEY, MOST, MOST_ALL, MOST_TEXT, parsed, SOURCES } from "#static/sandboxes/drafts.js";

const NOW = 1_800_000_000_000;

/** A store like localStorage, with room for so many characters. */
function store(room = Infinity) {
  const texts = new Map();
  return {
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, value) => {
      if (value.length > room) throw new Error("QuotaExceededError");
      texts.set(key, value);
    },
  };
}

/** The drafts of a user, as another page load finds them. */
const open = (kept, user = "anna", tab = "t1", now = NOW) => new Drafts(() => kept, user, tab, () => now);

/** Type a text, and leave the page. */
function typed(drafts, of, text) {
  drafts.later(of, text, 3);
  drafts.flush();
}

test("a draft is found after a reload, by its source", () => {
  const kept = store();
  typed(open(kept), "new:counter", "class Main: ...");
  typed(open(kept), "sandbox:a:1", "one");
  const again = open(kept, "anna", "t2");
  assert.deepEqual([again.find("new:counter").text, again.find("sandbox:a:1").version, again.find("sandbox:a:2")],
    ["class Main: ...", 3, null]);
  assert.equal(again.newest("new:").of, "new:counter");
});

test("the options of a sandbox are kept with its source", () => {
  const kept = store();
  const drafts = open(kept);
  drafts.later("sandbox:a", "class Main: ...", 1, { limits: { memory_mb: 300 } });
  drafts.flush();
  assert.deepEqual(open(kept).find("sandbox:a").options, { limits: { memory_mb: 300 } });
});

test("only the last text is kept, and none if it is the source again", () => {
  const kept = store();
  const drafts = open(kept);
  drafts.later("new:a", "1");
  drafts.later("new:a", "2");
  drafts.later("new:b", "3"); // the one before is not lost
  assert.deepEqual([drafts.find("new:a").text, drafts.find("new:b").text], ["2", "3"]);
  typed(drafts, "new:a", null);
  drafts.drop("new:b");
  assert.equal(kept.getItem(KEY), "[]");
});

test("another user on the same browser sees none of them", () => {
  const kept = store();
  typed(open(kept, "anna"), "new:a", "of anna");
  const ben = open(kept, "ben");
  assert.deepEqual([ben.find("new:a"), ben.newest("")], [null, null]);
  typed(ben, "new:a", "of ben");
  assert.equal(open(kept, "").find("new:a"), null);
  assert.equal(open(kept, "anna").find("new:a").text, "of anna");
});

test("a draft typed before a sign-in belongs to who signs in in the same tab", () => {
  const kept = store();
  typed(open(kept, "", "t1"), "new:a", "typed before");
  assert.equal(open(kept, "ben", "t2").find("new:a"), null);
  assert.equal(open(kept, "anna", "t1").find("new:a").text, "typed before");
  assert.equal(open(kept, "", "t1").find("new:a"), null);
  const [newer, older] = [
    { user: "anna", of: "x", text: "new", version: 0, at: 2, tab: "t1" },
    { user: "", of: "x", text: "old", version: 0, at: 1, tab: "t1" },
  ];
  assert.deepEqual(adopted([newer, older], "anna", "t1"), [newer]);
});

test("drafts are bounded in number, size and age, and the newest are kept", () => {
  const kept = store();
  for (let place = 0; place < MOST + 5; place++) typed(open(kept, "anna", "t1", NOW + place), `new:${place}`, String(place));
  const all = parsed(kept.getItem(KEY), NOW);
  assert.deepEqual([all.length, all[0].of, all.at(-1).of], [MOST, `new:${MOST + 4}`, "new:5"]);
  assert.deepEqual(parsed(kept.getItem(KEY), NOW + KEPT_MS + 100), []);
  const large = store();
  for (let place = 0; place < 8; place++) typed(open(large, "anna", "t1", NOW + place), `new:${place}`, "x".repeat(MOST_TEXT));
  assert.equal(parsed(large.getItem(KEY), NOW).length, MOST_ALL / MOST_TEXT);
});

test("a clock that is set back loses none", () => {
  const kept = store();
  typed(open(kept, "anna", "t1", NOW), "new:a", "typed");
  assert.equal(open(kept, "anna", "t1", NOW - KEPT_MS * 5).find("new:a").text, "typed");
});

test("a store with odd content is read as far as it is valid", () => {
  const good = { user: "anna", of: "new:a", text: "typed", version: 0, at: NOW, tab: "t1" };
  for (const odd of ["", "{", "7", "null", '{"a":1}', "[null, 7, {}]"]) assert.deepEqual(parsed(odd, NOW), []);
  assert.deepEqual(parsed(JSON.stringify([{ ...good, at: "now" }, good, { ...good, text: 7 }]), NOW), [good]);
});

test("a full store keeps the newest, and a forbidden one keeps all as long as the page", () => {
  const small = store(400);
  const drafts = open(small);
  for (let place = 0; place < 5; place++) typed(open(small, "anna", "t1", NOW + place), `new:${place}`, "x".repeat(80));
  assert.equal(open(small).newest("").of, "new:4");
  const forbidden = new Drafts(() => { throw new Error("SecurityError"); }, "anna", "t1", () => NOW);
  typed(forbidden, "new:a", "typed");
  assert.equal(forbidden.find("new:a").text, "typed");
  assert.equal(drafts.find("new:9"), null);
});

test("the last sources of sandboxes have a place of their own", () => {
  const kept = store();
  const sources = new Drafts(() => kept, "anna", "t1", () => NOW, SOURCES);
  typed(sources, "sandbox:a", "one");
  typed(sources, "sandbox:b", "two");
  assert.deepEqual(new Drafts(() => kept, "anna", "t2", () => NOW, SOURCES).some("sandbox:").map(({ text }) => text).sort(),
    ["one", "two"]);
  assert.deepEqual(open(kept).some(""), []);
});

test("that a draft was restored is said until the next edit or run; that changes are kept stays", () => {
  const element = () => ({ append() {}, setAttribute() {}, getAttribute: () => null });
  globalThis.document = { createElement: element };
  try {
    const place = { hidden: true, replaceChildren(...parts) { this.parts = parts; } }, note = new DraftNote(place);
    note.restored({ at: NOW, text: "x = 1" }, "", () => {}, () => {});
    assert.equal(place.hidden, false);
    const [, , discard] = place.parts;
    note.pass();
    assert.deepEqual([place.hidden, place.parts], [true, []]);
    discard.onclick();
    assert.equal(place.hidden, false, "it can be undone");
    note.pass();
    assert.equal(place.hidden, true);
    note.say("Your changes to “Counter” are kept.", "Go back to them", () => {});
    note.pass();
    assert.equal(place.hidden, false);
  } finally {
    delete globalThis.document;
  }
});
