/**
 * A restart in words: one line for each stage and each event. Pure.
 *
 * @module
 */

import { asSentence, counted, elapsed, limitText, often, overText, shortRequest } from "../base/words.js";
import { all } from "./picture.js";

/** @import { Moment, MomentEvent } from "./schedule.js" */

/** Names that a sentence lists. */
const LISTED = 4;

/**
 * Return a function that names a process; one called by its pid is named by the pid that it had then.
 * @param {Moment} moment @returns {(id: string, pid?: string|null) => string}
 */
export function namer(moment) {
  const nodes = new Map(all(moment.root).map((node) => [node.id, node]));
  return (id, pid) => {
    const { name, pid: drawn } = nodes.get(id) ?? { name: pid ?? id.slice(id.lastIndexOf("/") + 1), pid: null };
    return pid && drawn ? name.replace(drawn, pid) : name;
  };
}

/** Return names as a list: `ledger, cart and mailer`. @param {string[]} names */
export function listed(names) {
  const shown = names.length > LISTED ? [...names.slice(0, LISTED - 1), counted(names.length - LISTED + 1, "other")] : names;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** Return the process that ended first; of a restart on request, the child and not a process below it. @param {Moment} moment */
export function victim(moment) {
  const first = moment.events.find(({ kind }) => kind === "crash") ?? findRequested(moment)[0] ?? moment.events[0];
  return first?.id ?? moment.root.id;
}

/**
 * Return the stops of the children that were stopped on request, without those below them; none if a process ended by itself.
 * @param {Moment} moment
 */
function findRequested(moment) {
  const stops = only(moment, "stop"), boss = stops.at(-1)?.by;
  const ended = moment.events[0]?.kind !== "stop" || only(moment, "crash").some(({ id }) => id === boss);
  return ended ? [] : stops.filter(({ by }) => by === boss);
}

/** @param {Moment} moment @template {MomentEvent["kind"]} K @param {K} kind @returns {Extract<MomentEvent, {kind: K}>[]} */
export const only = (moment, kind) => /** @type {any} */ (moment.events.filter((event) => event.kind === kind));

/**
 * Return how often a child was also restarted shortly before and after.
 * @param {string} who
 * @param {Pick<Moment, "storm"|"storm_before">} moment
 */
export function othersText(who, { storm, storm_before: before = 0 }) {
  const after = storm - before;
  const both = [before && `${often(before)} within the 20 s before this`,
    after && `${often(after)} within the 20 s after${before ? "" : " this"}`];
  return storm ? `${who} was also restarted ${both.filter(Boolean).join(", and ")}.` : "";
}

/** @typedef {MomentEvent & {kind: "decide"}} Decision */
/** @typedef {MomentEvent & {kind: "crash"}} Attempt */

/**
 * Return the decisions; a decision about a failed start is part of the one before it.
 * @param {Moment} moment
 * @returns {(Decision & {tries: Attempt[]})[]}
 */
function decisions(moment) {
  /** @type {(Decision & {tries: Attempt[]})[]} */
  const found = [];
  /** @type {Attempt|null} */
  let failed = null;
  for (const event of moment.events) {
    const last = found.at(-1);
    if (event.kind === "decide") {
      if (failed && last?.id === event.id) Object.assign(last, { what: event.what, left: event.left });
      else found.push({ ...event, tries: [] });
    } else if (event.kind === "crash" && event.start) last?.tries.push(event);
    failed = event.kind === "crash" && event.start ? event : null;
  }
  return found;
}

/** Return whether two attempts failed in the same way. @param {Attempt} one @param {MomentEvent|undefined} other */
export const alike = (one, other) => other?.kind === "crash" && other.start === true && one.start === true && one.id === other.id
  && one.reason === other.reason && one.line?.line === other.line?.line;

/** Return how a start failed, and where. @param {Attempt} attempt @param {boolean} past */
function failure({ reason, line }, past) {
  const raised = line && !/^its child /.test(reason) && !names(reason, line); // else the reason has its own subject
  return placed(raised ? `${line.function} raise${past ? "d" : "s"} ${reason}` : `it fail${past ? "ed" : "s"}: ${reason}`, line);
}

/** Return words with a place in the code, if there is one that they lack. @param {string} words @param {Attempt["line"]} line */
export const placed = (words, line) => (
  line && !names(words, line) ? `${words}, at ${line.file}:${line.line}` : words);

/** Return whether words name a line, as that of a wrong result. @param {string} words @param {NonNullable<Attempt["line"]>} line */
const names = (words, line) => words.includes(`(${line.file}:${line.line})`);

/**
 * Return a sentence for each kind of failed start.
 * @param {string} by
 * @param {Attempt[]} tries
 * @param {Moment} moment
 * @param {boolean} past
 */
function attempts(by, tries, moment, past) {
  const name = namer(moment);
  return tries.flatMap((first, place) => {
    if (place && alike(first, tries[place - 1])) return [];
    const end = tries.findIndex((one, at) => at > place && !alike(first, one));
    const count = tries.slice(place, end < 0 ? 1e9 : end).reduce((n, { times = 1 }) => n + times, 0);
    return count > 1
      ? asSentence(`${by} tri${past ? "ed" : "es"} ${often(count)} to start ${name(first.id)}; each time ${failure(first, past)}`)
      : asSentence(`${by} ${past ? "could not" : "cannot"} start ${name(first.id)}: ${failure(first, past)}`);
  });
}

/** Return whether a supervisor decided anything; a picture at rest has ends without decisions. @param {Moment} moment */
export const isRestart = (moment) => only(moment, "decide").length > 0;

/** Return the highest supervisor that gave up, if one did. @param {Moment} moment */
export const fallen = (moment) => only(moment, "decide").findLast(({ what }) => what === "give_up")?.id ?? null;

/** Return whether a supervisor gave up. @param {Moment} moment @param {string} supervisor  its id */
export const gaveUp = (moment, supervisor) => only(moment, "decide").some(({ what, id }) => what === "give_up" && id === supervisor);

/** Return the processes that links end before a supervisor decides. @param {Moment} moment */
function linked({ events }) {
  const decided = events.findIndex(({ kind }) => kind === "decide");
  return events.slice(0, decided < 0 ? events.length : decided).flatMap((event) => (event.kind === "link" ? [event.to] : []));
}

/** Return whether nothing is started again, also not after a pause. @param {Moment} moment */
export const startsNothing = (moment) =>
  !moment.going_on && !only(moment, "start").length && !only(moment, "decide").some(({ what, later }) => what === "pause" || later);

/** Return the sentence that no supervisor starts a root again; "" if it did not end for good. @param {Moment} moment */
function abandoned(moment) {
  const gave = fallen(moment);
  if (gave === null || gave !== moment.root.id || !startsNothing(moment)) return "";
  return `No supervisor on its node starts ${namer(moment)(gave)} again.`;
}

/** Return whether this is the end or the return of a service or a member: there is nothing to play. @param {Moment} moment */
export const isServiceChange = ({ program, events }) => program === true && events.length === 1;

/** Return a restart in a few words: `checkout_sup gave up`, with the supervisors that gave up after it. @param {Moment} moment */
export function headline(moment) {
  if (isServiceChange(moment)) return moment.summary;
  if (moment.moved) return moment.summary.split(": ")[0] ?? "";
  const name = namer(moment), gave = new Set(only(moment, "decide").filter(({ what }) => what === "give_up").map(({ id }) => id));
  if (gave.size) return `${listed([...gave].map((one) => name(one)))} gave up`;
  const runs = only(moment, "start").length > 0;
  return `${name(victim(moment))} ${runs ? "restarted" : findRequested(moment).length ? "stopped" : "ended"}`;
}

/** Return the sentence of a stage; it names only what is on the screen. @param {Moment} moment @param {number} stage  0 to 6 */
export function sentence(moment, stage) {
  if (moment.moved) return moving(moment, stage);
  if (findRequested(moment).length) return onRequest(moment, stage);
  const name = namer(moment), who = name(victim(moment)), [first, ...later] = decisions(moment);
  const by = name(first?.id ?? moment.root.id),
    stops = only(moment, "stop").filter((stop) => stop.by === first?.id),
    starts = only(moment, "start");
  const tries = first ? attempts(by, first.tries, moment, false) : [];
  const none = all(moment.root).find(({ id }) => id === first?.id)?.limit;
  const pause = later.findLast(({ what }) => what === "pause");
  const gives = first?.what === "give_up", upper = name(later[0]?.id ?? moment.root.id), over = fallen(moment);
  const fell = `${upper} cannot start the branch again${later[0]?.id === over ? " and" : `; ${name(over ?? "")}`} gives up, too.`;
  switch (stage) {
    case 0:
      return `Before: ${who} runs.`;
    case 1:
      return `${who} ends. Its state is lost.`;
    case 2:
      return linked(moment).length
        ? `The exit signal ends ${listed(linked(moment).map((one) => name(one)))}, linked to ${who}. ${by} receives it with the reason.`
        : `${by} receives the exit signal and the reason.`;
    case 3:
      if (first?.what === "drop" || first?.what === "pause") return unrestarted(by, who, first);
      return gives && !tries.length
        ? `${by} gives up: ${none ? overText(none) : "it has no restarts left"}.`
        : `${by} spends one restart and applies ${first?.strategy ?? "its strategy"}.`;
    case 4:
      if (tries.length && !stops.length) return `${by} starts ${name(first?.tries[0]?.id ?? "")} again. The start fails.`;
      if (gives && !tries.length) return stops.length ? `${by} stops its other children, newest first, and exits.` : `${by} exits.`;
      return stops.length
        ? `${by} stops ${listed(stops.map(({ id }) => name(id)))}${stops.length > 1 ? ", newest first" : ""}.`
        : "No other process is stopped.";
    case 5:
      if (tries.length) {
        const then = gives ? "Then it gives up." : starts.length ? `Then it starts ${listed(starts.map(({ id }) => name(id)))}.` : "";
        const above = gives && over !== first?.id ? fell : gives && starts.length ? `${upper} starts the branch again.` : "";
        return [...tries, then, above].filter(Boolean).join(" ");
      }
      if (!starts.length && pause) return `${name(pause.id)} receives the exit. ${unrestarted("It", name(fallen(moment) ?? ""), pause)}`;
      if (!starts.length) return moment.going_on ? "Nothing has been started again yet." : abandoned(moment) || "Nothing is started again.";
      if (gives && over !== first?.id) return fell;
      return gives
        ? `${upper} receives the exit and starts the branch again.`
        : `${by} starts ${listed(starts.map(({ id }) => name(id)))}${starts.length > 1 ? ", in order" : " again"}.`;
    default:
      return first ? whole(moment) : moment.summary;
  }
}

/**
 * Return the name of the member on which the process of an event runs, in a move.
 * @param {Moment} moment @param {string} [id]
 */
export const memberOf = ({ root }, id) => root.children.find(({ children }) => children.some((one) => one.id === id))?.name ?? "";

/**
 * Return the sentence of a stage of a move to another member, or of a conflict.
 * @param {Moment} moment @param {number} stage  0 to 6
 */
function moving(moment, stage) {
  const who = namer(moment)(victim(moment)), from = memberOf(moment, victim(moment)), to = memberOf(moment, only(moment, "start")[0]?.id);
  const lost = only(moment, "crash").length > 0;
  if (stage === 6 || (stage > 0 && stage < 4 && !lost)) return asSentence(moment.summary);
  switch (stage) {
    case 0:
      return to ? `Before: ${who} runs on ${from}.` : `Before: ${who} runs on two members.`;
    case 1:
      return `${from} is gone, and ${who} with it. Its state is lost.`;
    case 2:
      return `${moment.root.name} learns that ${from} is gone.`;
    case 5:
      return to ? `${moment.root.name} starts ${who} on ${to}.` : `${who} runs once again.`;
    default:
      return lost ? `${moment.root.name} waits for ${from} to return, then chooses another member.` : `${who} stops on ${from}.`;
  }
}

/**
 * Return the sentence of a stage of a restart or a stop on request: no process ended by itself.
 * @param {Moment} moment @param {number} stage  0 to 6
 */
function onRequest(moment, stage) {
  const name = namer(moment), boss = findRequested(moment)[0]?.by ?? moment.root.id, by = name(boss);
  const request = byRequest(moment) || " on request", runs = only(moment, "start").some((one) => one.by === boss);
  const listOf = (/** @type {"stop"|"start"} */ kind) =>
    listed(only(moment, kind).filter((one) => one.by === boss).map(({ id }) => name(id)));
  switch (stage) {
    case 0:
      return `Before: ${name(victim(moment))} runs.`;
    case 4:
      return `${by} stops ${listOf("stop")}.`;
    case 5:
      return runs ? `${by} starts ${listOf("start")} again.` : `${by} does not start ${listOf("stop")} again.`;
    default:
      return runs
        ? `${by} restarted ${listOf("start")}${request}. That does not count against its restart limit.`
        : `${by} stopped ${listOf("stop")}${request}. A supervisor does not restart a child that it was asked to stop.`;
  }
}

/**
 * Return the sentence of a stage in parts; each second one is the name of a process. A name counts by its place: a process may be
 * called `left`, as in "2 of 3 restarts left".
 * @param {Moment} moment @param {number} stage  0 to 6
 */
export function sentenceParts(moment, stage) {
  /** @typedef {Moment["root"]} Node @type {(node: Node) => Node} */
  const mark = (node) => ({ ...node, name: `\uE000${node.name}\uE000`, children: node.children.map(mark) });
  return sentence({ ...moment, root: mark(moment.root) }, stage).split("\uE000");
}

/** Return a restart in one paragraph, without pids: the steps beside it have them. @param {Moment} moment */
function whole(moment) {
  const name = namer(moment), id = victim(moment), who = name(id), end = only(moment, "crash").find((crash) => crash.id === id);
  const along = only(moment, "link").map(({ to }) => name(to));
  /** @type {Map<string, [number, number]|null>} */
  const limits = new Map(all(moment.root).map((node) => [node.id, node.limit]));
  const sentences = [!end ? `${who} ended.`
    : end.reason === "killed" ? `${who} was killed${byRequest(moment)}.`
    : moment.request ? asSentence(`${who} was ended${byRequest(moment)} with reason ${quoted(end.reason)}`)
    : asSentence(`${who} ${end.crash && end.reason !== "shutdown" ? "crashed" : "exited"}: ${end.reason}`)];
  if (along.length) sentences.push(`${listed(along)}, linked to it, ended too.`);
  const handled = new Set(only(moment, "signal").map((one) => one.id));
  for (const other of only(moment, "crash").filter((one) => one !== end && !one.start && !handled.has(one.id)))
    sentences.push(asSentence(`Meanwhile ${name(other.id)} ${
      other.reason === "killed" ? "was killed" : `${other.crash && other.reason !== "shutdown" ? "crashed" : "ended"}: ${other.reason}`}`));
  for (const { id: by, what, strategy, left, later, tries } of decisions(moment)) {
    const stops = only(moment, "stop").filter((stop) => stop.by === by).map((stop) => name(stop.id, stop.pid)),
      starts = only(moment, "start").filter((start) => start.by === by);
    const below = only(moment, "start").some((start) => starts.some((other) => other.id === start.by)),
      alone = !stops.length && starts.length === 1;
    const started = !starts.length ? "" : alone && starts[0]?.id === id ? "started it again, with a new pid and a new state"
      : `started ${listed(starts.map((start) => name(start.id, start.pid)))}${alone ? " again" : ""}${below ? ", with its children" : ""}`;
    const limit = limits.get(by), boss = `${name(by)}${strategy ? ` (${strategy})` : ""}`;
    if (tries.length) {
      if (stops.length && what !== "give_up") sentences.push(`${boss} stopped ${listed(stops)}.`);
      sentences.push(...attempts(name(by), tries, moment, true));
      if (what === "give_up") sentences.push("Then it gave up.");
      else if (started) sentences.push(alone ? "The next start succeeded." : `Then it ${started}.`);
    } else if (what === "give_up") sentences.push(`${name(by)} gave up: ${limit ? overText(limit) : "it had no restarts left"}.`);
    else if (what === "drop" || what === "pause") sentences.push(unrestarted(name(by), "it", { what, later }));
    else if (stops.length) sentences.push(`${boss} stopped ${listed(stops)}${started && `, then ${started}`}.`);
    else if (started) sentences.push(`${boss} ${started}.`);
    if (what === "restart" && left !== null && limit)
      sentences.push(`${name(by)} had ${limitText(left, limit)}.`); // then: it may have more now
  }
  return [...sentences, abandoned(moment)].filter(Boolean).join(" ");
}

/** Return a reason in quotation marks, unless it has some or is a tuple. @param {string} reason */
const quoted = (reason) => (/^["'(]/.test(reason) ? reason : `'${reason}'`);

/** Return who asked for the first end: ` by your request over HTTP`. @param {Moment} moment */
export const byRequest = ({ request }) => (request ? ` by ${shortRequest(request)}` : "");

/**
 * Return what became of a child that its supervisor did not restart at once.
 * @param {string} by
 * @param {string} who
 * @param {Pick<Decision, "what"|"later">} decision
 */
function unrestarted(by, who, { what, later }) {
  if (what === "pause")
    return later
      ? `${by} waited ${elapsed(later)} after the give-up, then started ${who} again.`
      : `${by} starts ${who} again after a pause.`;
  return `${by} does not restart ${who}.${later ? ` It was started on request ${elapsed(later)} later.` : ""}`;
}

/**
 * Return whether a replay is slower than the restart was.
 * @param {Pick<Moment, "took">} moment
 * @param {number} ms  what the replay takes
 */
export const isSlow = ({ took }, ms) => took === null || took * 1000 < ms;

/** Return how a replay relates to the real time. @param {Pick<Moment, "took">} moment @param {number} ms  what the replay takes */
export function pace({ took }, ms) {
  if (took === null) return "slow-motion replay";
  return isSlow({ took }, ms) ? `slow-motion replay of ${elapsed(took)}` : `it took ${elapsed(took)}`;
}
