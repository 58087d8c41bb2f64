/**
 * The filter of the events by kind, and what the address says: the kinds and the moment. Pure.
 *
 * @module
 */

import { counted, number } from "../base/words.js";
import { marksOf } from "./past.js";

/** @import { LogEvent, Mark } from "./past.js" */
/** @typedef {"crashes"|"restarts"|"changes"|"starts"} Kind */

/** @type {Readonly<Record<Kind, {text: string, title: string, marks: readonly Mark[]}>>} */
export const KINDS = {
  crashes: {
    text: "Failures", marks: ["crash"],
    title: "Crashes and kills, failed restarts, supervisors that gave up, and problems: hangs, deadlocks, blocked loops, long mailboxes",
  },
  restarts: { text: "Restarts", title: "Restarts", marks: ["restart"] },
  changes: {
    text: "Changes", marks: ["change"],
    title: "Suspended and resumed processes, stops on request, strategy changes, attached and detached services, "
      + "and times without a running platform",
  },
  starts: { text: "Starts and ends", title: "Other starts, stops and normal ends", marks: ["start", "stop"] },
};
const ALL = /** @type {Kind[]} */ (Object.keys(KINDS));

/** The kinds shown by default: starts and normal ends of temporary children are many. @type {readonly Kind[]} */
export const DEFAULT = Object.freeze(["crashes", "restarts", "changes"]);

/** @param {Mark} mark @returns {Kind} */
const kindOf = (mark) => ALL.find((kind) => KINDS[kind].marks.includes(mark)) ?? "starts";

/** Return the kinds of an event. @param {LogEvent} event @returns {Kind[]} */
const kindsOf = (event) => marksOf(event).map(kindOf);

/** @param {readonly LogEvent[]} events @param {readonly Kind[]} kinds */
export function ofKinds(events, kinds) {
  return kinds.length === ALL.length ? events : events.filter((event) => kindsOf(event).some((kind) => kinds.includes(kind)));
}

/**
 * Count the events of each kind that the list shows if only that kind is chosen. A kept restart has two kinds; a sum counts all
 * its restarts.
 * @param {readonly LogEvent[]} events
 * @returns {Record<Kind, number>}
 */
export function countKinds(events) {
  const counts = { crashes: 0, restarts: 0, changes: 0, starts: 0 };
  for (const event of events) for (const kind of new Set(kindsOf(event))) counts[kind] += event.data?.["times"] ?? 1;
  return counts;
}

/** Return how many events these are: a sum is as many as it counts. @param {readonly LogEvent[]} events */
const countEvents = (events) => events.reduce((all, event) => all + (event.data?.["times"] ?? 1), 0);

/**
 * Return the number of listed events in words. With the number of those of two kinds, it is the sum of the numbers of the kinds.
 * @param {readonly LogEvent[]} listed @param {number} upTo  those of them up to the moment @param {readonly LogEvent[]} all
 * @param {readonly Kind[]} kinds  those that are listed
 */
export function countText(listed, upTo, all, kinds) {
  const count = countEvents(listed), until = countEvents(listed.slice(0, upTo)), hidden = countEvents(all) - count;
  const twice = countEvents(listed.filter((event) => kindsOf(event).filter((kind) => kinds.includes(kind)).length > 1));
  return `${until < count ? `${number(until)} of ` : ""}${counted(count, "event")}${
    twice ? ` (${number(twice)} both ${twice === 1 ? "a failure and a restart" : "failures and restarts"})` : ""}${
    hidden ? `; ${number(hidden)} filtered out` : ""}`;
}

/** @param {URLSearchParams} asked @returns {readonly Kind[]} */
export function kindsFrom(asked) {
  const text = asked.get("kind");
  if (text === "none") return [];
  const found = ALL.filter((kind) => text?.split(",").includes(kind));
  return found.length ? found : DEFAULT;
}

/** Return the value of the address; null for the default. @param {readonly Kind[]} kinds */
export function kindsText(kinds) {
  if (kinds.length === DEFAULT.length && DEFAULT.every((kind) => kinds.includes(kind))) return null;
  return kinds.length ? ALL.filter((kind) => kinds.includes(kind)).join(",") : "none";
}

const MOST_SHOWN = 40;

/**
 * Return the moment of the address, in seconds since 1970; null for now. `problem` says why it is another one.
 * @param {URLSearchParams} asked
 * @returns {{at: number|null, problem: string}}
 */
export function momentFrom(asked) {
  const text = asked.get("at")?.trim() ?? "";
  if (text === "") return { at: null, problem: "" };
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return { at: Number(text), problem: "" };
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return {
    at: null,
    problem: `The moment in the address, “${shown}”, cannot be read: it must be a number of seconds since 1970. Now is shown instead.`,
  };
}
