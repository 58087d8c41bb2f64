// The order of the learners of a class.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bySurname, inOrder, sessionOf } from "#static/class/order.js";

/** @param {string} shown @param {number} number @param {number} done @param {Partial<{stuck: boolean, at: number|null}>} more */
const learner = (shown, number, done, { stuck = false, at = 1 } = {}) => ({
  shown, at, stuck, session: number, current: { session: number }, sessions: number ? [{ number, done, parts: 9 }] : [],
});
const CLASS = [
  learner("Zoë", 12, 2), learner("pupil 10", 4, 9), learner("Pupil 2", 12, 9, { stuck: true, at: 3 }), learner("émile", 0, 0, { at: 7 }),
];
/** @param {string} column @param {boolean} descending */
const by = (column, descending) => inOrder(CLASS, column, descending).map(({ shown }) => shown);

test("names are in the order of people: numbers by value, letters without case and accents", () => {
  assert.deepEqual(by("name", false), ["émile", "Pupil 2", "pupil 10", "Zoë"]);
  assert.deepEqual(by("name", true), ["Zoë", "pupil 10", "Pupil 2", "émile"]);
});

test("the others are by value, and equal ones by name in either direction", () => {
  assert.deepEqual(by("stuck", true), ["Pupil 2", "émile", "pupil 10", "Zoë"]);
  assert.deepEqual(by("stuck", false), ["émile", "pupil 10", "Zoë", "Pupil 2"]);
  assert.deepEqual(by("progress", false), ["émile", "pupil 10", "Zoë", "Pupil 2"]);
  assert.deepEqual(by("at", true), ["émile", "Pupil 2", "pupil 10", "Zoë"]);
});

test("names are by surname", () => {
  const names = ["Zoë Abel", "Eve van Dam", "Pupil 12", "Ada Lovelace", "Pupil 2", "Ben Abel", "émile", "王小明"];
  assert.deepEqual(names.toSorted(bySurname),
    ["Ben Abel", "Zoë Abel", "Eve van Dam", "émile", "Ada Lovelace", "Pupil 2", "Pupil 12", "王小明"]);
});

test("those who never came are last in every order", () => {
  const learners = [learner("Ann Zorn", 0, 0, { at: null }), learner("Bob Abel", 0, 0, { at: null }), ...CLASS];
  for (const column of ["name", "at", "stuck", "progress"])
    for (const descending of [false, true])
      assert.deepEqual(inOrder(learners, column, descending).slice(-2).map(({ shown }) => shown).toSorted(), ["Ann Zorn", "Bob Abel"]);
});

test("a row shows the session in which a learner is stuck", () => {
  const sessions = [{ number: 3, done: 1, parts: 9 }, { number: 12, done: 2, parts: 9 }];
  const one = { ...learner("Ada", 3, 1), sessions, current: { session: 12 } };
  assert.equal(sessionOf(one)?.number, 3);
  assert.equal(sessionOf({ ...one, stuck: true })?.number, 12);
  assert.equal(sessionOf({ ...one, session: null }), undefined);
});
