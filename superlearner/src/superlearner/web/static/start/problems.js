/**
 * The problems of the shown node: which ones are listed, and why they are unknown. Pure.
 *
 * @module
 */

import { cli, command, quoted } from "../base/commands.js";
import { nameIn } from "../live/storms.js";
import { label } from "../live/model.js";
import { counted, time } from "../base/words.js";

/** @import { Model, Row } from "../live/model.js" */
/** @import { Line } from "../live/storms.js" */

const RESTARTS = new Set(["restart_storm", "crash_loop"]);
/** Types of anomalies about a process that does not keep up. */
const SLOW = ["long_callback", "mailbox_growth", "mailbox_backlog", "call_timeouts"];
/** The type of the anomaly about crashes without a supervisor. */
export const ALONE = "unsupervised_crash";
const DOWN = ["restarting", "crashed", "gave_up", "stopped"];

/**
 * Return the anomalies without a line of a storm: a supervisor that gives up in a loop is one problem, with one count, and so is one whose
 * child crashes in a loop, unless it will never give up.
 * @template {{type: string, name?: string|null, evidence: Record<string, any>}} A
 * @param {readonly A[]} anomalies
 * @param {readonly Line[]} burning  the storms that go on
 * @param {Pick<Model, "rows">} model
 * @returns {A[]}
 */
export function withoutStorm(anomalies, burning, { rows }) {
  const falling = new Set(burning.filter(({ event }) => event.kind === "gave_up").map(({ event }) => nameIn(event)));
  const busy = new Set(burning.map(({ event }) => rows.get(event.sup ?? "")?.name));
  return anomalies.filter(({ type, name, evidence }) => (!evidence.give_ups || !falling.has(name ?? ""))
    && (!RESTARTS.has(type) || evidence.give_ups || evidence.endless || !busy.has(name ?? "")));
}

/**
 * Return the storms that no other line describes: that of a supervisor which gave up, or restarts without end, covers its children, and
 * the anomaly about crashes without a supervisor says what to try.
 * @param {readonly Line[]} burning
 * @param {readonly {type?: string, name?: string|null, evidence: Record<string, any>}[]} anomalies
 * @param {Pick<Model, "rows">} model
 * @returns {Line[]}
 */
export function ownStorms(burning, anomalies, { rows }) {
  const falling = burning.filter(({ event }) => event.kind === "gave_up").map(({ event }) => nameIn(event));
  const endless = anomalies.flatMap(({ name, evidence }) => evidence.endless || evidence.give_ups ? [name ?? ""] : []);
  const described = new Set([...falling, ...endless]);
  const alone = new Set(anomalies.flatMap(({ type, name, evidence }) => (type === ALONE ? [name ?? evidence.what] : [])));
  return burning.filter(({ event }) => {
    if (!event.sup && alone.has(nameIn(event))) return false;
    const above = rows.get(event.sup ?? "")?.name ?? "";
    return event.kind === "gave_up" ? !described.has(above) : !described.has(above) && !falling.includes(nameIn(event));
  });
}

/**
 * Return the processes and anomalies without those that another line describes: an anomaly says more than the state of its process, a
 * deadlock more than the calls in it, a crash loop more than its child, and a supervisor that is down implies its children.
 * @template {Pick<Row, "pid"|"state"|"key"|"parent"|"id"|"name">} R
 * @template {{type: string, pid?: string|null, name?: string|null, last?: string|null, evidence: Record<string, any>}} A
 * @param {readonly R[]} rows
 * @param {readonly A[]} anomalies
 * @param {readonly Line[]} burning  the storms that are listed
 * @param {Pick<Model, "rows">} model
 * @returns {{rows: R[], anomalies: A[]}}
 */
export function onceEach(rows, anomalies, burning, model) {
  const circles = anomalies.filter(({ type, last }) => type === "call_cycle" && !last).flatMap(({ evidence }) => evidence.circle);
  const locked = new Set(circles.map((one) => one.pid));
  const left = anomalies.filter(({ type, pid }) => type !== "long_callback" || !locked.has(pid));
  const reported = new Set([...locked, ...left.flatMap(({ type, pid }) => SLOW.includes(type) ? [pid] : [])]);
  const loops = anomalies.filter(({ type }) => RESTARTS.has(type)), storms = new Set(burning.map(({ event }) => event.key));
  const falling = new Set(burning.flatMap(({ event }) => event.kind === "gave_up" ? [event.key] : []));
  const looping = new Set(loops.flatMap(({ name, evidence }) => [name, ...evidence.above ?? []]));
  const isInLoop = (/** @type {R} */ { key, name, parent, id }) => storms.has(key) || falling.has(parent ?? "")
    || (name !== null && looping.has(name)) || loops.some((one) => one.name === model.rows.get(parent ?? "")?.name
      && one.evidence.newest?.some((/** @type {any} */ entry) => entry.child_id === id));
  const down = new Set(rows.filter(({ state }) => DOWN.includes(state)).map(({ key }) => key));
  const unstarted = left.filter(({ type }) => type === "failed_start");
  const isUnstarted = (/** @type {R} */ { parent, id }, above = model.rows.get(parent ?? "")) => unstarted.some(({ evidence }) =>
    evidence.child_id === id && [above?.name, above?.pid].includes(evidence.supervisor));
  const known = (/** @type {R} */ row) => (row.state === "stuck" && reported.has(row.pid))
    || (row.state === "stopped" && (down.has(row.parent ?? "") || isUnstarted(row))) || (DOWN.includes(row.state) && isInLoop(row));
  return { rows: rows.filter((row) => !known(row)), anomalies: left };
}

/**
 * Return give-ups as one row each cause: of a supervisor, and of those above it that gave up because it did.
 * @template {{key?: string|null, sup?: string|null}} E
 * @param {readonly E[]} events  oldest first
 * @returns {E[][]}
 */
export function chainsOf(events) {
  /** @type {E[][]} */ const chains = [];
  for (const event of events) {
    const below = chains.find((chain) => event.key && chain.at(-1)?.sup === event.key);
    if (below) below.push(event);
    else chains.push([event]);
  }
  return chains;
}

/**
 * Return why the problems of a node are unknown, or "".
 * @param {import("../live/live.js").Status} status
 * @param {string} lost  the sentence about a lost connection; "" if there is one
 */
export const unknownBecause = (status, lost) => (status === "gone" ? "The node is gone; its problems are unknown." : lost);

/**
 * Return the state of a page that has no picture yet: a node that cannot answer sends none.
 * @param {string|undefined} ready
 * @param {string} held  what holds its event loop
 */
export const stateWithout = (ready, held) => ready === "loading" && held ? "silent" : ready === "silent" && !held ? "loading" : ready;

/** Return the predicate about a suspended process. @param {Pick<Row, "since"|"doing"|"mailbox">} row */
export const suspendedText = ({ since, doing, mailbox }) => `has been suspended since ${time(since)}${doing ? ` by ${doing}` : ""}${mailbox
  ? `: ${counted(mailbox, "message waits", "messages wait")}` : ""}`;

/**
 * Return the command that resumes a suspended process.
 * @param {Pick<Row, "name"|"pid">} row
 * @param {string} node  the value of `--node`; "" for the default node
 * @param {string} [begin]  the beginning of commands
 */
export const resumeHint = ({ name, pid }, node, begin = cli()) =>
  `\`${command(`process resume ${quoted(name ?? pid ?? "")}${node && ` --node ${quoted(node)}`}`, begin)}\``;

/**
 * Return what to say about a stopped process; it may start again with its supervisor if that has ended, too.
 * @param {Pick<Row, "parent"|"last">} row
 * @param {Pick<Model, "rows">} model
 */
export function stoppedText({ parent, last }, { rows }) {
  if (last?.start) return `is stopped; its last start failed: ${last.reason}`;
  const supervisor = rows.get(parent ?? "");
  return supervisor?.pid === null ? `was stopped with ${label(supervisor)}` : "was stopped; nothing starts it again";
}

/**
 * Return the processes that an anomaly is about, to be linked: the circle of a deadlock, or the one that it names.
 * @param {{pid?: string|null, name?: string|null, evidence?: Record<string, any>}} anomaly
 * @returns {{pid: string, text: string}[]}
 */
export function processesOf({ pid, name, evidence }) {
  const circle = /** @type {{pid: string, name: string|null}[]} */ (evidence?.circle ?? (pid ? [{ pid, name }] : []));
  return circle.map((one) => ({ pid: one.pid, text: one.name ?? one.pid }));
}

/**
 * Return a hint without the command that explains the same as the link *Why?* beside it.
 * @param {string|undefined} hint
 */
export const besideWhy = (hint) =>
  hint?.split("; ").filter((part) => !/^`[^`]* error why [^`]*` explains (it|the newest one)$/.test(part)).join("; ");
