/**
 * Details of a restart in words: its events as a list, and what another strategy would do. Pure.
 *
 * @module
 */

import { elapsed, limitText, often } from "../base/words.js";
import { all } from "./picture.js";
import { alike, byRequest, listed, memberOf, namer, only, placed, victim } from "./story.js";

/** @import { Moment, MomentEvent } from "./schedule.js" */

/**
 * Return the rows of a list of events: starts that fail in the same way, one after another, are one row.
 * @param {Moment} moment
 * @returns {{event: MomentEvent, from: number, to: number, times: number}[]}  `from` and `to`: places of its first and last event
 */
export function rows({ events }) {
  /** @type {{event: MomentEvent, from: number, to: number, times: number}[]} */ const found = [];
  for (const [place, event] of events.entries()) {
    const before = found.at(-2), times = event.kind === "crash" ? event.times ?? 1 : 1;
    if (event.kind === "crash" && before && before.to === place - 2 && events[place - 1]?.kind === "decide" && alike(event, before.event)) {
      found.pop();
      Object.assign(before, { to: place, times: before.times + times });
    } else found.push({ event, from: place, to: place, times });
  }
  return found;
}

/**
 * Return an event in words.
 * @param {Moment} moment
 * @param {MomentEvent} event
 * @param {number} [times]  how often it happened
 * @returns {{who: string, text: string, more: string}}
 */
export function step(moment, event, times = 1) {
  const name = namer(moment), who = name(event.id, event.kind === "stop" ? event.pid : null);
  const member = moment.moved ? memberOf(moment, event.id) : "";
  if (moment.moved && event.kind === "crash") return { who, text: member ? `ends with ${member}` : "is gone", more: "" };
  if (moment.moved && event.kind === "signal") return { who: name(event.to), text: `learns that ${who} is gone`, more: "" };
  if (moment.moved && event.kind === "decide") return { who, text: "chooses another member", more: "" };
  if (member) return { who, text: `${event.kind === "stop" ? "stops" : "starts"} on ${member}`, more: "" };
  switch (event.kind) {
    case "crash": {
      const by = event.id === victim(moment) ? byRequest(moment) : "";
      if (event.start) return { who, text: `failed to start${times > 1 ? ` ${often(times)}` : ""}`, more: event.reason };
      return {
        who,
        text: event.reason === "killed" ? `was killed${by}`
          : by ? `was ended${by}`
          : event.crash && event.reason !== "shutdown" ? "crashed"
          : "exited",
        more: event.reason === "killed" ? "" : placed(event.reason, event.line),
      };
    }
    case "link":
      return { who: name(event.to), text: `is linked to ${who} and exits`, more: event.reason };
    case "signal":
      return { who: name(event.to), text: `receives the exit of ${who}`, more: "" };
    case "decide":
      if (event.what === "drop")
        return { who, text: "does not restart it", more: event.later ? `started on request ${elapsed(event.later)} later` : "" };
      if (event.what === "pause") return { who, ...(event.later
        ? { text: "started it again", more: `${elapsed(event.later)} later` }
        : { text: "starts it again", more: "after a pause" }) };
      if (event.what === "give_up") return { who, text: "gives up", more: allowance(moment, { ...event, left: 0 }) };
      return {
        who,
        text: `applies ${event.strategy ?? "its strategy"}`,
        more: allowance(moment, event),
      };
    case "stop":
      return { who, text: `stopped by ${name(event.by)}`, more: event.failure ?? "" };
    case "start":
      return { who, text: `started by ${name(event.by)}`, more: event.pid ?? "" };
  }
}

/** Return when an event was over: a child that is started again after a pause runs at its end. @param {MomentEvent} event */
export const doneAt = (event) => event.at + (event.kind === "decide" ? event.later ?? 0 : 0);

/** Return how many restarts a decision left. @param {Moment} moment @param {Extract<MomentEvent, {kind: "decide"}>} event */
function allowance(moment, { id, left }) {
  const limit = all(moment.root).find((node) => node.id === id)?.limit;
  return left === null || !limit ? "" : limitText(left, limit);
}

/** Return what another strategy would do. @param {Moment} moment @param {string} strategy */
export function ghostSentence(moment, strategy) {
  const name = namer(moment), { also = [], not = [] } = moment.ghosts[strategy] ?? {};
  if (!also.length && !not.length) return `${strategy} would do the same here.`;
  const names = (/** @type {string[]} */ ids) => listed(ids.map((id) => name(id)));
  const parts = [also.length ? `also restart ${names(also)}` : "", not.length ? `not restart ${names(not)}` : ""];
  return `${strategy} would ${parts.filter(Boolean).join(" and ")}.`;
}

/** Return the strategies to compare with. @param {Moment} moment */
export function others(moment) {
  const used = only(moment, "decide")[0]?.strategy;
  return ["one_for_one", "one_for_all", "rest_for_one"].filter((strategy) => strategy in moment.ghosts && strategy !== used);
}

/** Return the end or the return of a service or a member in sentences, below its summary and time. @param {Moment} moment */
export const changeTexts = ({ facts, request }) => [
  facts?.away ? `It was away for ${facts.away}.` : "",
  request ? `It was ended by ${request}.` : "",
  facts?.supervisor ?? "",
].filter(Boolean);

/** The facts that stand beside the list of events, in their order; the list and the picture have the others. */
const FACTS = { handling: "Message in hand", lost: "Lost with it", state_before: "State before", state_after: "State after" };

/**
 * Return what is known of the process that ended first: pairs of a label and a text.
 * @param {Moment} moment
 * @returns {[string, string][]}
 */
export const factsOf = ({ facts }) => Object.entries(FACTS).flatMap(([name, label]) => {
  const text = facts?.[name];
  return text ? [/** @type {[string, string]} */ ([label, text])] : [];
});
