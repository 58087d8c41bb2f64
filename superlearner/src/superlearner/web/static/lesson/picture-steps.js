/**
 * The steps of a picture of a run, as sentences; they are all that the picture shows.
 *
 * @module
 */

import { told } from "./lesson-rows.js";

/** @typedef {Api.CourseCallback} Callback */
/** @typedef {Api.CourseMailboxStep} MailboxStep */
/** @typedef {Api.CoursePicture} Picture */

/** Return a sentence for each step. @param {Picture} picture */
export function sentences({ kind, excerpt, callbacks, mailbox }) {
  if (kind === "state") return callbacks.map(ran);
  if (kind === "mailbox") return mailbox.map(held);
  return excerpt.map((row) => `${told(row)}.`);
}

/** Return a sentence for a callback without what its scene shows. @param {Callback} step */
export const shortly = (step) => `${arrival(step)}: ${step.callback} `
  + `${step.result === "None" ? "runs" : `returns ${step.result.replace(/\(.*/s, "")}`}. `
  + `${step.before === null ? "This is the first state." : step.before === step.after ? "The state stays." : "The state changes."}`;

/** How a message comes to its callback. @param {Callback} step */
export const arrival = ({ way, of }) => ({
  start: "Start", call: `Call from ${of}`, cast: `Cast from ${of}`, info: `Message from ${of ?? "outside"}`, stop: "The server stops",
})[way];

/** @param {Callback} step */
function ran(step) {
  const { callback, message, before, result, after } = step;
  const state = before === null ? `The first state is ${flat(after)}`
    : before === after ? "The state stays"
    : `The new state is ${flat(after)}`;
  return `${arrival(step)}${step.way === "stop" ? `, reason ${message}` : `: ${message}`}. ${callback} `
    + `${result === "None" ? "runs" : `returns ${result}`}. ${state}.`;
}

/** @param {string|null} text */
const flat = (text) => (text ?? "").replace(/\s*\n\s*/g, " ");

/** @param {MailboxStep} step */
function held({ at, kind, pattern, queue }) {
  const texts = (/** @type {Api.CourseQueued["state"]} */ state) =>
    queue.filter((one) => one.state === state).map(({ text }) => text).join(", ");
  const passed = texts("passed"), stays = passed ? ` ${passed} does not match and stays.` : "";
  switch (kind) {
    case "waits": return `${at} s: It waits for ${pattern}.${queue.length ? stays : " The mailbox is empty."}`;
    case "arrives":
      return `${at} s: ${texts("new")} arrives${pattern ? ", while it waits for " + pattern : ", and nothing waits for it"}.${stays}`;
    case "takes": return `${at} s: ${texts("taken")} matches ${pattern} and is taken.${stays}`;
    case "gives up": return `${at} s: It waits no longer for ${pattern}: TimeoutError.${stays}`;
  }
}

/**
 * Return the lines of a state, and whether each is new compared with the state before.
 * @param {string|null} after
 * @param {string|null} before
 */
export function changedLines(after, before) {
  const known = new Set((before ?? "").split("\n").map(bare));
  return (after ?? "").split("\n").map((text) => ({ text, changed: before !== null && !known.has(bare(text)) }));
}

/** A line without the brackets and commas that depend on its place. @param {string} line */
const bare = (line) => line.trim().replace(/^\{|[,}]+$/g, "");
