/**
 * The page /timeline: lifecycle events on a time axis, the tree at the chosen moment, and what happened around it. Live
 * at the right edge; a moment in the address opens it there. It reads what the server has in memory and starts no trace.
 *
 * @module
 */

import { ApiError, requestOn } from "../base/api.js";
import { copyButton } from "../base/copying.js";
import { attribute, byId, closest, detail, make, renew, write } from "../base/dom.js";
import { processLink } from "../base/process-link.js";
import { counted, number, precise } from "../base/words.js";
import { Feed, liveUrl } from "../live/live.js";
import { EMPTY, label, reduce, rowOf } from "../live/model.js";
import { showLost, showStatus } from "../live/status.js";
import { SlReelTree } from "../replay/replay-panels.js";
import { shortcuts } from "../shell/keys.js";
import "../traces/recordings-list.js";
import { SlAxis } from "./axis.js";
import { EventLog } from "./event-log.js";
import { showEventsAround, walk } from "./happened.js";
import { yoursFirst, yoursOnly } from "../live/scopes.js";
import { SlKinds } from "./kind-filter.js";
import { countKinds, countText, KINDS, kindsFrom, kindsText, momentFrom, ofKinds } from "./kinds.js";
import { KeptTrees } from "./kept-trees.js";
import { lifeOf } from "./life.js";
import { countNew, countUpTo, isAbout, markOf, meantBy, stepFrom } from "./past.js";
import { findKept, momentOf, storedTree } from "./stored-tree.js";

/** @import { Moment } from "../moment/schedule.js" */

/** Minimum interval between two drawings of tree and axis while the moment stays. */
const TREE_MS = 300;
/** With fewer events in the list, older ones are loaded. */
const FEW = 40;
/** The clocks of browser and server may differ by this much, in seconds. */
const AHEAD = 5;

const DERIVED = "The tree at that moment, from the events; “–” means unknown. Only a recording has states and mailboxes.";
const STORED = "The part of the tree that is stored with this restart; “–” means unknown.";

const page = byId("timeline", HTMLElement);
const axis = byId("axis", SlAxis);
const tree = byId("tree", SlReelTree);
const list = byId("happened", HTMLElement);
/** The crash loops that the list shows event by event. @type {Set<string>} */ const unfolded = new Set();
const only = byId("only", HTMLButtonElement);
const filter = byId("kinds", SlKinds);
const own = byId("own", HTMLButtonElement);
const panes = /** @type {NodeListOf<HTMLButtonElement>} */ (page.querySelectorAll(".panes button"));
const query = new URLSearchParams(location.search);
if (query.get("recording")) {
  query.set("view", "replay");
  location.replace(`?${query}`);
}

let model = EMPTY;
let fresh = 0;
/** The server's clock minus the browser's, in seconds. */
let ahead = 0;
/** Seconds since 1970; null: live; `problem`: why it is not the moment of the address. */
let { at, problem } = momentFrom(query);
/** The kinds of events in the list and on the axis. */
let kinds = kindsFrom(query);
/** The platform's own processes and their events are shown. */
let platform = query.get("platform") === "open";
/** The process whose events are listed. @type {import("../live/model.js").Row|null} */ let chosen = null;
/** The moment of the address; the time of its event may differ by microseconds. */ let asked = at;
let held = 0;
/** The listed events. @type {readonly import("./past.js").LogEvent[]} */ let shown = [];
let drawn = 0;
let timer = 0;
/** Number of the moments so far: a step that had to wait for events does not replace a later one. */
let turn = 0;
/** @type {import("../live/live.js").Status} */ let status = "connecting";

const trees = new KeptTrees();
const log = new EventLog(() => draw(), (path) => requestOn(model.node, "GET", path));
const feed = new Feed(liveUrl("supervisors"), onMessages, (now) => {
  status = now;
  showLost(status, fresh);
  draw();
});
const isGone = () => status === "gone";

/** @param {import("../live/model.js").Message[]} messages */
function onMessages(messages) {
  const { epoch, snapshots } = model;
  model = messages.reduce(reduce, model);
  if (model.gap) return feed.sync();
  fresh = Date.now() / 1000;
  if (model.snapshots > snapshots) ahead = model.now - fresh;
  if (model.epoch !== epoch) {
    chosen = null; // of another run
    void log.begin().then(begun);
    draw(true);
  }
  else if (messages.some((message) => message.k === "s" || message.e || message.n || message.x || message.p)) log.soon();
  treeSoon();
}

function begun() {
  if (at !== null && at >= now()) {
    const late = at > now() + AHEAD;
    go(null);
    if (late) problem = "The moment in the address is still to come. Now is shown instead.";
  }
  draw(true);
  if (listed().length < FEW) void log.all();
  if (at === null && query.has("event")) void goToEvent(query.get("event") ?? "");
  page.dataset.ready = "yes";
}

/** Go to the restart of the address. @param {string} id  its id, or the number of one of its events */
async function goToEvent(id) {
  query.delete("event");
  address({ event: null });
  try {
    asked = momentOf(await requestOn(model.node, "GET", `/restarts/${encodeURIComponent(id)}`));
    go(asked);
  } catch (error) {
    const there = error instanceof ApiError && ![404, 410, 422].includes(error.status);
    problem = there ? error.words : `The event in the address, “${id.slice(0, 40)}”, is not stored. Now is shown instead.`;
    draw();
  }
}

const now = () => Math.max(Date.now() / 1000 + ahead, log.events.at(-1)?.at ?? 0);
/** The events about the chosen process, of all kinds; without one, also the kept restarts. */
const about = () => {
  const row = chosen, events = platform ? log.events : log.events.filter((event) => !event.critical);
  return row ? events.filter((event) => isAbout(event, row)) : log.kept?.length ? [...log.kept, ...events] : events;
};
const listed = () => ofKinds(about(), kinds);

/** Return why the events are not here. */
const failure = () => (log.error instanceof ApiError ? log.error.words : "The events cannot be read now.");

/** @param {string} words */
function note(words) {
  write(byId("note-text", HTMLElement), words);
  byId("note", HTMLElement).hidden = words === "";
  byId("retry", HTMLButtonElement).hidden = log.error === null;
}

/** Go to a moment. @param {number|null} to  seconds since 1970; null: live */
function go(to) {
  turn += 1;
  at = to === null || to >= now() ? null : to;
  problem = "";
  address({ at: at === null ? null : at.toFixed(6) });
  held = 0;
  draw(true);
}

/** Change the address; null removes a parameter. @param {Record<string, string|null>} changed */
function address(changed) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changed)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${String(query).replaceAll("%2C", ",")}` : ""}`);
}

/** @param {readonly import("./kinds.js").Kind[]} wanted */
function show(wanted) {
  kinds = wanted;
  address({ kind: kindsText(kinds) });
  draw(true);
  if (listed().length < FEW) void log.all();
}

/** Go to the next event of the list in a direction; without one, stay. @param {number} by  -1 or 1 */
async function step(by) {
  while (by < 0 && reaches() && stepFrom(listed(), at, by) === at) if (!(await older())) return;
  const next = stepFrom(listed(), at, by);
  if (next === at || next === null) return;
  go(next);
  keepFocus();
}

/** Load older events, or else kept restarts; return whether the moment is still the same. */
async function older() {
  const mine = turn;
  if (log.whole) await log.more();
  else await log.all();
  return mine === turn;
}

/** Return whether older events or restarts can be loaded. */
const reaches = () => log.error === null && (!log.whole || (chosen === null && log.kept !== null && log.goesOn));

const crashes = () => about().filter((event) => markOf(event) === "crash");

/** Go to the next failure in a direction; without one, stay. @param {number} by  -1 or 1 */
async function toCrash(by) {
  while (by < 0 && reaches() && stepFrom(crashes(), at, by) === at) if (!(await older())) return;
  const next = stepFrom(crashes(), at, by);
  if (next === at || next === null) return;
  if (!kinds.includes("crashes")) show([...kinds, "crashes"]);
  go(next);
  keepFocus();
}

/** Take the focus from a button that has just been disabled; some browsers have then moved it to the body. */
function keepFocus() {
  const focused = document.activeElement;
  if (focused === document.body || (focused instanceof HTMLButtonElement && focused.disabled)) axis.focus();
}

/** Draw everything at the moment. @param {boolean} [moved]  the moment or the filter changed */
function draw(moved = false) {
  const events = listed(), meant = at === null || at !== asked ? at : meantBy(about(), at);
  if (meant !== at) {
    at = meant;
    moved = true;
  }
  const count = at === null ? events.length : countUpTo(events, at);
  const first = log.events[0]?.at ?? now(), missing = at !== null && at < first;
  page.dataset.live = String(at === null);
  showStatus(status, at !== null);
  drawAxis(events);
  if (log.events.length && (axis.begin < first || at !== null || !events.length)) void log.all();
  const oldest = log.kept?.[0]?.at ?? first;
  const from = Math.min(at ?? oldest, axis.begin); // so that no restarts are missing in the chart
  if (from < oldest) void log.more(from);
  write(byId("clock", HTMLElement), at === null ? "Now" : precise(at));
  const every = about();
  write(byId("count", HTMLElement),
    !events.length && !log.whole
      ? ""
      : `${countText(events, count, every, kinds)}${
        log.whole && log.kept?.length && log.goesOn ? `; loaded back to ${precise(oldest)}` : ""}`);
  const failed = crashes(), none = log.read < 0;
  filter.show(kinds, none ? null : countKinds(every));
  showOwn();
  byId("live-now", HTMLButtonElement).disabled = at === null;
  byId("back", HTMLButtonElement).disabled = none || (!reaches() && stepFrom(events, at, -1) === at);
  byId("forward", HTMLButtonElement).disabled = none || at === null || stepFrom(events, at, 1) === null;
  byId("crash-forward", HTMLButtonElement).disabled = none || at === null || stepFrom(failed, at, 1) === null;
  byId("crash-back", HTMLButtonElement).disabled = none || (!reaches() && stepFrom(failed, at, -1) === at);
  note(log.error !== null ? failure()
    : problem || (missing && log.whole && log.events.length ? `The server has no events in memory before ${precise(first)}.${
      !log.kept || log.goesOn ? ""
        : (at ?? first) < oldest ? " Nothing is kept from this moment." : " Before that, only restarts and problems are kept."}` : ""));
  only.hidden = chosen === null;
  if (chosen) write(only, `Only ${label(chosen)}: show all`);
  showList(events, moved);
  if (!moved && byId("missing", HTMLElement).hidden) return treeSoon();
  drawTree();
  const event = events[count - 1];
  if (at !== null && event && !tree.hidden) reveal([event.pid, event.data["supervisor_pid"]]);
}

/** Scroll to the first of these processes that the tree shows. @param {(string|null)[]} pids */
function reveal(pids) {
  const box = byId("inside", HTMLElement);
  const lines = [...tree.querySelectorAll("button")];
  const line = pids.map((pid) => lines.find((one) => pid !== null && one.dataset.pid === pid)).find(Boolean);
  if (!line) return;
  const [seen, wanted] = [box.getBoundingClientRect(), line.getBoundingClientRect()];
  if (wanted.top < seen.top + 40 || wanted.bottom > seen.bottom - 90) box.scrollTop += wanted.top - seen.top - seen.height / 2;
}

/** Offer the platform's own processes, with their number as on other pages. */
function showOwn() {
  const count = model.health?.platform;
  if (count !== undefined) {
    own.hidden = !count && !platform;
    write(byId("own-count", HTMLElement), number(count));
  }
  attribute(own, "aria-pressed", String(platform));
}

function drawAxis(events = listed()) {
  const last = at === null ? undefined : events[countUpTo(events, at) - 1];
  const marks = new Set(kinds.flatMap((kind) => KINDS[kind].marks));
  const known = log.events[0]?.at ?? 0;
  axis.show({
    events, at, now: now(), first: log.kept?.[0]?.at ?? known, known, whole: log.whole && !log.goesOn, marks,
    said: at === null ? "Live" : `${precise(at)}${last ? `: ${last.text}` : ""}`,
  });
  byId("further", HTMLButtonElement).disabled = axis.widest;
}

/** @param {readonly import("./past.js").LogEvent[]} events */
function showRows(events) {
  held = 0;
  shown = events;
  list.dataset.shown = String(events.length);
  showEventsAround(list, events, at, page.hasAttribute("data-why"), unfolded, about(), log.events[0]?.at ?? Infinity);
}

/** While somebody reads the list, live events wait. @param {readonly import("./past.js").LogEvent[]} events @param {boolean} moved */
function showList(events, moved) {
  list.hidden = events.length === 0; // a hidden list does not scroll
  const reads = at === null && !moved && (list.matches(":hover") || list.contains(document.activeElement));
  if (reads && list.childElementCount) {
    held = countNew(shown, events);
  } else showRows(events);
  write(byId("held", HTMLElement), held > 0 ? `${number(held)} new, held while you read` : "");
  const hidden = log.whole ? about().length - events.length : 0;
  const button = byId("show-hidden", HTMLButtonElement);
  byId("none", HTMLElement).hidden = events.length > 0;
  write(byId("none-text", HTMLElement),
    log.error !== null ? "The events could not be read."
      : !log.whole ? "Reading the events."
      : hidden ? "No events of these kinds yet. Kill a process and read here what its supervisor did."
      : "No child was started or ended yet. Kill a process and read here what its supervisor did.");
  button.hidden = hidden === 0;
  write(button, `Show ${counted(hidden, "hidden event")}`);
  byId("older", HTMLButtonElement).hidden = !log.whole || !log.kept?.length || !log.goesOn;
}

function treeSoon() {
  if (timer) return;
  timer = setTimeout(drawTree, Math.max(0, drawn + TREE_MS - performance.now()));
}

/** What is stored of kept restarts, by their ids; null: nothing, or it is being read. @type {Map<string, Moment|null>} */
const stored = new Map();

/** Return the tree at the moment, if it is known: before the events in memory, what is stored of a restart that went on then. */
function treeNow() {
  const known = trees.at(model, log, at, now()), ref = known.state === "unknown" && at !== null ? findKept(log.kept ?? [], at)?.ref : null;
  if (!ref) return known;
  const moment = stored.get(ref);
  if (moment === undefined) void readStored(ref);
  return moment ? { state: /** @type {const} */ ("stored"), model: storedTree(moment, at ?? 0) } : known;
}

/** @param {string} ref */
async function readStored(ref) {
  stored.set(ref, null);
  try {
    const moment = await requestOn(model.node, "GET", `/restarts/${ref}`);
    if (!moment.incident) stored.set(ref, moment);
  } catch {
    return; // its tree is not known
  }
  draw(true);
}

function drawTree() {
  clearTimeout(timer);
  timer = 0;
  drawn = performance.now();
  if (at === null) drawAxis(); // it moves with each frame of the live feed, which come at least every few seconds
  const { state, model: found } = treeNow(), past = found && (platform ? yoursFirst : yoursOnly)(found);
  showOwn();
  const empty = past !== null && !past.kids.get("")?.length;
  byId("none-yours", HTMLElement).hidden = !empty;
  tree.hidden = past === null || empty;
  if (past) tree.show(past, false, at);
  write(byId("as-of", HTMLElement),
    at !== null ? `${past ? "as it was at" : "at"} ${precise(at)}`
      : isGone() && fresh ? `as it was at ${precise(fresh)}`
      : "as it is now");
  byId("unknown", HTMLElement).hidden = state !== "then" && state !== "stored";
  write(byId("unknown", HTMLElement), state === "stored" ? STORED : DERIVED);
  showMissing(state);
  showLife(past);
}

/** Say why there is no tree. @param {ReturnType<typeof treeNow>["state"]} state */
function showMissing(state) {
  const failed = state === "loading" && log.error !== null, first = log.events[0]?.at;
  byId("missing", HTMLElement).hidden = ["now", "then", "stored"].includes(state);
  byId("missing", HTMLElement).dataset.state = failed ? "failed" : state;
  write(byId("missing-text", HTMLElement),
    failed ? "The tree of this moment cannot be shown: the events could not be read."
      : state === "unknown" ? "What ran at this moment is not known."
      : isGone() ? "The node is gone; its tree is not known."
      : at === null ? "Loading the tree…"
      : "Loading the tree of this moment…");
  const button = byId("first", HTMLButtonElement);
  button.hidden = state !== "unknown" || first === undefined;
  if (first !== undefined) write(button, `Go to ${precise(first)}`);
}

/** Say what is known of the chosen process. @param {import("../live/model.js").Model|null} past */
function showLife(past) {
  const box = byId("life", HTMLElement);
  box.hidden = chosen === null || past === null;
  if (chosen === null || past === null) return;
  const { name, pid, facts, runs } = lifeOf(chosen, past, isGone() ? EMPTY : model, log.events);
  renew(box, [
    make("h3", {}, name, " ", pid === null ? null : make("span", { class: "badge" }, pid)),
    make("p", {}, facts.join(" "), " ", runs && pid !== null ? processLink(pid, "Open it", { class: "link" }) : null),
  ]);
}

/** On a narrow page, show the events or the tree. @param {string} wanted */
function pane(wanted) {
  page.dataset.pane = wanted === "tree" ? "tree" : "events";
  for (const button of panes) attribute(button, "aria-pressed", String(button.dataset.pane === page.dataset.pane));
}

for (const button of panes) button.onclick = () => {
  pane(button.dataset.pane ?? "events");
  address({ pane: page.dataset.pane === "tree" ? "tree" : null });
  draw(true);
};
axis.addEventListener("sl-moment", (event) => go(detail(event)));
axis.addEventListener("sl-step", (event) => void step(detail(event)));
axis.addEventListener("sl-zoom", () => draw());
filter.addEventListener("sl-kinds", (event) => show(detail(event)));
byId("show-hidden", HTMLButtonElement).onclick = () => {
  show(/** @type {import("./kinds.js").Kind[]} */ (Object.keys(KINDS)));
  list.querySelector("button")?.focus();
};
byId("older", HTMLButtonElement).onclick = () => void log.more();
byId("crash-back", HTMLButtonElement).onclick = () => void toCrash(-1);
byId("crash-forward", HTMLButtonElement).onclick = () => void toCrash(1);
byId("back", HTMLButtonElement).onclick = () => void step(-1);
byId("forward", HTMLButtonElement).onclick = () => void step(1);
byId("live-now", HTMLButtonElement).onclick = () => {
  go(null);
  keepFocus();
};
window.addEventListener("sl-restarts", () => log.storedSoon());
byId("retry", HTMLButtonElement).onclick = () => void log.retry().then(keepFocus);
byId("first", HTMLButtonElement).onclick = () => {
  go(log.events[0]?.at ?? null);
  keepFocus();
};
byId("closer", HTMLButtonElement).onclick = () => axis.zoom(1 / 1.5);
byId("further", HTMLButtonElement).onclick = () => axis.zoom(1.5);
byId("share", HTMLElement).append(copyButton(() => {
  const address = new URL(location.href);
  address.searchParams.set("at", (at ?? now()).toFixed(6));
  return address.href;
}, "Copy link", "Copy link to this moment", "btn"));
list.addEventListener("click", (event) => {
  const { at: to, loop } = closest(event.target, "button")?.dataset ?? {};
  if (to !== undefined) go(Number(to));
  if (loop === undefined) return;
  const { scrollTop } = list;
  if (!unfolded.delete(loop)) unfolded.add(loop);
  showRows(listed());
  list.scrollTop = scrollTop;
});
list.addEventListener("keydown", (event) => walk(list, event));
for (const leaves of ["pointerleave", "focusout"]) list.addEventListener(leaves, () => {
  if (held || list.dataset.shown !== String(listed().length)) requestAnimationFrame(() => draw());
});
tree.addEventListener("sl-lane", (event) => {
  const { model: found } = treeNow(), row = (found && rowOf(found, detail(event))) ?? null;
  chosen = row === null || row.key === chosen?.key ? null : row;
  draw(true);
});
own.onclick = () => {
  platform = !platform;
  chosen = null; // it may not be shown any more
  address({ platform: platform ? "open" : null });
  draw(true);
};
only.onclick = () => {
  chosen = null;
  draw(true);
  list.querySelector("button")?.focus();
};
shortcuts([
  { keys: ["←", "→"], text: "On the time axis: previous event, next event" },
  { keys: ["p"], text: "Previous failure", run: () => void toCrash(-1) },
  { keys: ["n"], text: "Next failure", run: () => void toCrash(1) },
]);
attribute(page, "data-ready", "loading");
list.replaceChildren();
list.hidden = true;
pane(query.get("pane") ?? "events");
drawAxis([]); // the kinds of the address decide on its height
feed.start();
