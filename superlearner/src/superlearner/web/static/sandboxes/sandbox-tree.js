/**
 * The living tree of the sandbox that is shown, from the live feed of its node, and the lines at which its processes
 * crashed.
 *
 * @module
 */

import { platform, requestOn } from "../base/api.js";
import { attribute, byId, detail, root, write } from "../base/dom.js";
import { Feed, liveUrl } from "../live/live.js";
import { EMPTY, reduce } from "../live/model.js";
import { lostWords } from "../live/status.js";
import { RestartLive } from "../moment/live-stage.js";
import { gaveUp } from "../moment/story.js";
import { Announcer } from "../tree/announce.js";
import { SlTree } from "../tree/tree.js";
import { actsOn } from "../tree/tree-acts.js";
import { followProcess, selectProcess, wireSelection } from "./sandbox-selection.js";
import { crashOfEnd, isStopped, lastEnd, limitIn, lineInSource, raisedInOutput, topOf } from "./sandbox-words.js";

/** @import { FeedEvent, Message, Model } from "../live/model.js" */
/** @import { Sandbox } from "./sandbox-words.js" */
/** @import { Crash } from "./sandbox-bench.js" */
/**
 * @typedef {{at: number, pid: string|null, name: string|null, what: string, reason: string, where: string|null,
 *   hint: string|null}} Failure
 */

/** Minimum interval between questions for lines while many processes crash. */
const PAUSE_MS = 300;

const tree = byId("tree", SlTree);
const pane = byId("one", HTMLElement);
const replay = byId("replay", RestartLive);
const announcer = new Announcer(byId("announce", HTMLElement));
/** @type {Model} */ let model = EMPTY;
/** The newest picture with a top process: it stays when the program ends. @type {Model} */ let last = EMPTY;
/** @type {Feed|null} */ let feed = null;
/** The program that the feed follows: a restarted sandbox is another. */ let life = "";
/** The run of the sandbox whose tree is shown. */
let run = "";
/** The run whose crashes are told no more. */ let replaced = "";
let node = "";
let id = "";
/** The module that has the source; null for one that was typed. @type {string|null} */ let module = null;
let skew = 0;
let fresh = 0;
let waiting = 0;
/** More crashes came while waiting. */ let again = false;
/** The newest crash that was told. */ let told = 0;
/** Since when the code runs, for a page that was opened later and has reported no crash; else 0. */ let begun = 0;
/** The newest such time: one look at the crashes before is enough. */ let sought = 0;
/** The crash of this program that was reported last. @type {Failure|null} */ let crashed = null;
/** The sandbox of which the replay shows a restart; "" for none of this program. */ let played = "";
/** Lines by pid. @type {Map<string, number>} */ const lines = new Map();
/** @typedef {(events: readonly FeedEvent[], lines: ReadonlyMap<string, number>, node: string, run: string) => void} OnEvents */
/** @type {OnEvents} */ let onEvents = () => {};
/** @type {(crash: Crash|null) => void} */ let onCrash = () => {};

const { begin, end } = actsOn(tree, () => model, () => node);

/** @type {() => void} */ let onSelect = () => {};
/** @type {() => void} */ let onRows = () => {};

/**
 * @param {typeof onEvents} events  gets the events, oldest first, the lines of crashed processes, the node while it runs, and the run
 * @param {typeof onCrash} crash  gets each new crash, and null if something else ended the program
 * @param {typeof onSelect} select  called when a process is selected
 * @param {typeof onRows} rows  called when only the rows have changed
 */
export function wireTree(events, crash, select, rows) {
  onRows = rows;
  onSelect = select;
  onEvents = events;
  onCrash = crash;
  tree.addEventListener("sl-kill", (event) => void end(detail(event).keys));
  tree.addEventListener("sl-start", (event) => void begin(detail(event)));
  tree.addEventListener("sl-select", (event) => {
    link();
    selectProcess(detail(event), model.rows, node, skew);
    if (detail(event)) onSelect();
  });
  wireSelection((key, part) => location.assign(`${treeOf(key)}&tab=${part}`));
  replay.addEventListener("restart-down", () => tree.hold(replay.down));
  // On a phone it covers lines
  replay.addEventListener("restart-open", (event) => requestAnimationFrame(() => tree.bring(/** @type {any} */ (detail(event)))));
  replay.stage.addEventListener("restart-play", () => (played = id));
  replay.addEventListener("click", (event) => { // the page of the restart went with the program
    if (life || !(event.target instanceof Element && event.target.closest("a"))) return;
    event.preventDefault();
    playAgain();
  });
  // It covers them
  for (const below of pane.querySelectorAll(".tabs, [role=tabpanel]")) below.addEventListener("focusin", () => replay.leave());
  tree.addEventListener("sl-why", (event) => location.assign(`${treeOf(detail(event))}&tab=why`));
}

/** Return the URL of the page of the tree. @param {string|null} [key]  of a process */
const treeOf = (key) => `${root()}/supervisors?node=${encodeURIComponent(node)}${key ? `&process=${encodeURIComponent(key)}` : ""}`;

/** Point the link to the chosen process. */
function link() {
  byId("open-tree", HTMLAnchorElement).href = treeOf([...tree.selected].at(-1));
}

/** The pid of the top process; null if nothing runs. */
export const top = () => topOf(model.rows);

/** The rows of the tree. */
export const rowsNow = () => model.rows;

/** The time by the clock of the node, in seconds. */
export const nowThere = () => Date.now() / 1000 + skew;

/** Follow a sandbox. @param {Sandbox} one */
export function follow(one) {
  const runs = one.status === "running";
  const next = runs ? `${one.node} ${one.os_pid} ${one.restart_count} ${one.created_at}` : "";
  const before = run;
  run = `${one.created_at} ${one.restart_count}`;
  if (one.id !== id || run !== before && !runs) { // a run that is starting, or failed to, has no processes
    replay.follow(one.node);
    played = "";
    model = last = EMPTY;
    tree.show(model, 0);
    if (one.id === id) followProcess(model.rows, 0);
    else selectProcess(null, model.rows, one.node, 0);
    onEvents([], lines, "", run);
  }
  if (one.status === "ended" && life && !isStopped(one)) explainEnd(one);
  id = one.id;
  node = one.node;
  module = one.configuration.supervisor_module;
  attribute(pane, "data-runs", runs);
  link();
  if (one.status === "ended") stopAll();
  if (next === life) return;
  life = next;
  feed?.stop();
  feed = null;
  if (runs || one.status !== "ended") replay.follow(node);
  if (!runs) return onEvents(model.feed, lines, "", run); // the restarts are gone with the program; the loaded replay can still play
  told = Date.now() / 1000 - 1;
  begun = sought = 0;
  crashed = null;
  played = "";
  lines.clear();
  feed = new Feed(liveUrl("supervisors", {}, node), onMessages, onStatus);
  feed.start();
}

/** Show the last tree with no process running: the feed of a program that ends removes rows one after another. */
function stopAll() {
  if (model === last && [...model.rows.values()].every(({ state }) => state === "stopped")) return;
  model = last = { ...last, feed: model.feed, rows: stopped(last.rows) };
  tree.show(model, skew);
  followProcess(model.rows, skew);
}

/** Return the rows as stopped, without their budgets. @param {Model["rows"]} rows @returns {Model["rows"]} */
const stopped = (rows) => new Map([...rows].map(([key, row]) => [key, { ...row, state: "stopped", pid: null, budget: null }]));

/** Return whether the replay below the tree shows that the whole tree gave up. */
export function fell() {
  const moment = played === id ? replay.stage.moment : null;
  return moment !== null && gaveUp(moment, moment.root.id);
}

/** Play the replay below the tree again. */
export function playAgain() {
  replay.hidden = false;
  replay.stage.play();
}

/** Stop following. */
export function leave() {
  feed?.stop();
  feed = null;
  replay.follow("");
  life = id = "";
}

/** Tell only crashes from now on. */
export function fromNow() {
  told = Date.now() / 1000;
  begun = 0;
  crashed = null;
}

/** Also report an earlier crash of the running code, for a page that was opened after it. @param {number} at  when it began to run */
export function since(at) {
  if (at === sought || !life || crashed) return;
  sought = begun = at;
  if (model.feed.some(({ parts }) => parts?.reason)) later();
}

/** Tell no crash of the run that is followed, whose program another one replaces; or tell them again. @param {boolean} over */
export function ignore(over) {
  replaced = over ? run : "";
}

/** @param {Message[]} messages */
function onMessages(messages) {
  const before = model;
  /** @type {Set<string>} */ const touched = new Set();
  for (const message of messages) {
    model = reduce(model, message);
    if (message.k === "d") for (const [key] of message.p ?? []) touched.add(key);
    if (message.k === "d") for (const { key } of message.n ?? []) touched.add(key);
    if (message.k === "s") skew = message.now - Date.now() / 1000;
  }
  if (model.gap) {
    if (!before.gap) feed?.sync();
    return;
  }
  fresh = Date.now() / 1000 + skew;
  if (model === before) return;
  const renewed = model.snapshots !== before.snapshots;
  pane.dataset.seq = String(model.seq);
  const runs = top() !== null;
  if (runs) last = model;
  const rows = runs ? model.rows : stopped(last.rows);
  if (runs || !last.rows.size) tree.show(model, skew, renewed ? null : touched);
  else tree.show({ ...last, feed: model.feed, rows }, skew);
  followProcess(rows, skew);
  if (renewed) announcer.skip(model.feed);
  else announcer.hear(model.feed);
  if (before.feed === model.feed) return onRows();
  if (!document.activeElement?.closest("#part-process")) // it would cover the answer to a message
    replay.show(model.feed, (key) => last.rows.has(key), skew); // rows leave with a tree that gives up
  onEvents(model.feed, lines, node, run);
  if (model.feed.some(lineless)) later();
}

/** @param {import("../live/live.js").Status} status */
function onStatus(status) {
  pane.dataset.status = status;
  const lost = byId("one-lost", HTMLElement);
  write(lost, lostWords(status, fresh, ""));
  lost.hidden = lost.textContent === "";
}

/** Return whether an event is a crash whose line has not been asked for. @param {FeedEvent} event */
const lineless = (event) => Boolean(event.parts?.reason && event.pid && !lines.has(event.pid));

/** Ask for the lines of crashes soon. */
function later() {
  again = waiting !== 0;
  if (again) return;
  void ask();
  waiting = setTimeout(() => {
    waiting = 0;
    if (again) later();
  }, PAUSE_MS);
}

async function ask() {
  const about = run;
  /** @type {Failure[]} */ const failures = await requestOn(node, "GET", "/errors?per_page=20&fold=false").catch(() => []);
  if (about !== run || !failures.length) return; // they may be those of the program before
  for (const event of model.feed) if (lineless(event)) lines.set(event.pid ?? "", 0); // killed, or crashed outside the text
  for (const { pid, where } of failures) if (pid) lines.set(pid, lineOf(where));
  onEvents(model.feed, lines, life ? node : "", run);
  const newest = failures.find(({ where }) => lineOf(where));
  const line = lineOf(newest?.where);
  if (run === replaced || !newest || !line || newest.at - skew <= told && (!begun || newest.at < begun)) return;
  begun = 0;
  told = newest.at - skew;
  crashed = newest;
  onCrash({ name: newest.name ?? newest.what, line, reason: newest.reason, hint: newest.hint });
}

/** @param {string|null|undefined} where */
const lineOf = (where) => lineInSource(where, module);

/** Report the crash that ended the program; one reported before stays only if it is that one. @param {Sandbox} one */
function explainEnd({ id: about, reason }) {
  if (run === replaced) return;
  const end = lastEnd(model.feed), last = crashOfEnd(reason ?? "");
  // A restart that failed has no end here
  if (crashed && (end?.pid === crashed.pid || reason?.includes(crashed.reason) || last?.line === lineOf(crashed.where))) return;
  if (crashed) onCrash(null);
  if ((end?.crashed ?? true) && !/killed/.test(reason ?? "") && !limitIn(reason ?? "") && !last) void fromOutput(about);
}

/** Find the line of the last crash of a program that has ended in what it printed. @param {string} about */
async function fromOutput(about) {
  const of = run;
  const answer = await platform("GET", `/sandboxes/${encodeURIComponent(about)}/output`).catch(() => null);
  const found = raisedInOutput(answer?.text ?? "");
  if (about === id && of === run && run !== replaced && found) onCrash({ name: about, ...found, hint: null });
}
