/**
 * The page /timeline: lifecycle events on a time axis, the tree at the chosen moment, and what happened around it. Live
 * at the right edge; a moment in the address opens it there. It reads what the server has in memory and starts no trace.
 *
 * @module
 */

import { ApiError } from "../base/api.js";
import { copyButton } from "../base/copying.js";
import { attribute, byId, write } from "../base/dom.js";
import { counted, number } from "../base/words.js";
import { Feed, liveUrl } from "../live/live.js";
import { EMPTY, label, reduce, rowOf } from "../live/model.js";
import { showLost, showStatus } from "../live/status.js";
import { SlReelTree } from "../replay/replay-panels.js";
import { shortcuts } from "../shell/keys.js";
import "../traces/recordings-list.js";
import { SlAxis } from "./axis.js";
import { EventLog } from "./event-log.js";
import { precise, showHappened, walk } from "./happened.js";
import { yoursFirst } from "../live/scopes.js";
import { KeptTrees } from "./kept-trees.js";
import { countUpTo, isAbout, stepFrom } from "./past.js";

/** Minimum interval between two drawings of tree and axis while the moment stays. */
const TREE_MS = 300;

const page = byId("timeline", HTMLElement);
const axis = byId("axis", SlAxis);
const tree = byId("tree", SlReelTree);
const list = byId("happened", HTMLElement);
const only = byId("only", HTMLButtonElement);
const asked = new URLSearchParams(location.search);
if (asked.get("recording")) {
  asked.set("view", "replay");
  location.replace(`?${asked}`);
}

let model = EMPTY;
let fresh = 0;
/** The server's clock minus the browser's, in seconds. */
let ahead = 0;
/** Seconds since 1970; null: live. @type {number|null} */ let at = Number(asked.get("at")) || null;
/** The process whose events are listed. @type {import("../live/model.js").Row|null} */ let chosen = null;
let held = 0;
let drawn = 0;
let timer = 0;

const trees = new KeptTrees();
const log = new EventLog(() => draw(), (error) => {
  const words = error instanceof ApiError ? [error.message, error.hint].filter(Boolean).join(" ") : "The events cannot be read now.";
  note(words);
});
const feed = new Feed(liveUrl("supervisors"), onMessages, (status) => {
  showStatus(status);
  showLost(status, fresh);
});

/** @param {import("../live/model.js").Message[]} messages */
function onMessages(messages) {
  const { epoch, snapshots } = model;
  model = messages.reduce(reduce, model);
  if (model.gap) return feed.sync();
  fresh = Date.now() / 1000;
  if (model.snapshots > snapshots) ahead = model.now - fresh;
  if (model.epoch !== epoch) void log.begin().then(begun);
  else if (messages.some((message) => message.k === "s" || message.e || message.n || message.x || message.p)) log.soon();
  treeSoon();
}

function begun() {
  if (at !== null && at >= now()) go(null);
  else draw(true);
  page.dataset.ready = "yes";
}

const now = () => Math.max(Date.now() / 1000 + ahead, log.events.at(-1)?.at ?? 0);
const listed = () => {
  const row = chosen;
  return row ? log.events.filter((event) => isAbout(event, row)) : log.events;
};

/** @param {string} words */
function note(words) {
  const line = byId("note", HTMLElement);
  write(line, words);
  line.hidden = words === "";
}

/** Go to a moment. @param {number|null} to  seconds since 1970; null: live */
function go(to) {
  at = to === null || to >= now() ? null : to;
  const query = new URLSearchParams(location.search);
  if (at === null) query.delete("at");
  else query.set("at", at.toFixed(6));
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
  held = 0;
  draw(true);
}

/** @param {number} by  -1 or 1 */
function step(by) {
  const next = stepFrom(listed(), at, by);
  if (next === at && by < 0) void log.all();
  go(next);
}

/** Draw everything at the moment. @param {boolean} [moved]  the moment or the filter changed */
function draw(moved = false) {
  const events = listed();
  const count = at === null ? events.length : countUpTo(events, at);
  const first = log.events[0]?.at ?? now();
  page.dataset.live = String(at === null);
  drawAxis(events);
  if (at !== null && axis.begin < first) void log.all();
  write(byId("clock", HTMLElement), at === null ? "Now" : precise(at));
  write(byId("count", HTMLElement), at === null ? counted(events.length, "event") : `${number(count)} of ${counted(events.length, "event")}`);
  byId("live-now", HTMLButtonElement).disabled = at === null;
  byId("forward", HTMLButtonElement).disabled = at === null;
  note(at !== null && log.events.length && at < first ? `The server has no events in memory before ${precise(first)}. The tree is as it was then.` : "");
  only.hidden = chosen === null;
  if (chosen) write(only, `Only ${label(chosen)}: show all`);
  showList(events, moved);
  if (!moved) return treeSoon();
  drawTree();
  const event = events[count - 1];
  if (at !== null && event) reveal([event.pid, event.data["supervisor_pid"]]);
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

function drawAxis(events = listed()) {
  const last = at === null ? undefined : events[countUpTo(events, at) - 1];
  axis.show({ events, at, now: now(), first: log.events[0]?.at ?? 0, said: at === null ? "Live" : `${precise(at)}${last ? `: ${last.text}` : ""}` });
}

/** While somebody reads the list, live events wait. @param {readonly import("./past.js").LogEvent[]} events @param {boolean} moved */
function showList(events, moved) {
  const reads = at === null && !moved && (list.matches(":hover") || list.contains(document.activeElement));
  if (reads && list.childElementCount) {
    held = events.length - Number(list.dataset.shown ?? 0);
  } else {
    held = 0;
    list.dataset.shown = String(events.length);
    showHappened(list, events, at, page.hasAttribute("data-why"));
  }
  write(byId("held", HTMLElement), held > 0 ? `${number(held)} new, held while you read` : "");
  byId("none", HTMLElement).hidden = events.length > 0;
  list.hidden = events.length === 0;
}

function treeSoon() {
  if (timer) return;
  timer = setTimeout(drawTree, Math.max(0, drawn + TREE_MS - performance.now()));
}

/** Return the tree at the moment. */
const treeNow = () => trees.at(model, log.events, at, now());

function drawTree() {
  clearTimeout(timer);
  timer = 0;
  drawn = performance.now();
  if (at === null) drawAxis(); // it moves with each frame of the live feed, which come at least every few seconds
  const past = yoursFirst(treeNow());
  tree.hidden = past.rows.size === 0;
  tree.show(past, false);
  write(byId("as-of", HTMLElement), at === null ? "as it is now" : `as it was at ${precise(at)}`);
  byId("unknown", HTMLElement).hidden = at === null;
}

axis.addEventListener("sl-moment", (event) => go(/** @type {CustomEvent} */ (event).detail));
axis.addEventListener("sl-step", (event) => step(/** @type {CustomEvent} */ (event).detail));
byId("back", HTMLButtonElement).onclick = () => step(-1);
byId("forward", HTMLButtonElement).onclick = () => step(1);
byId("live-now", HTMLButtonElement).onclick = () => go(null);
byId("closer", HTMLButtonElement).onclick = () => axis.zoom(1 / 1.5);
byId("further", HTMLButtonElement).onclick = () => axis.zoom(1.5);
byId("share", HTMLElement).append(copyButton(() => {
  const address = new URL(location.href);
  address.searchParams.set("at", (at ?? now()).toFixed(6));
  return address.href;
}, "Copy link", "Copy link to this moment", "btn"));
list.addEventListener("click", (event) => {
  const to = event.target instanceof Element ? event.target.closest("button")?.dataset.at : undefined;
  if (to !== undefined) go(Number(to));
});
list.addEventListener("keydown", (event) => walk(list, event));
for (const leaves of ["pointerleave", "focusout"]) list.addEventListener(leaves, () => held && requestAnimationFrame(() => draw()));
tree.addEventListener("sl-lane", (event) => {
  const row = rowOf(treeNow(), /** @type {CustomEvent} */ (event).detail) ?? null;
  chosen = row === null || row.key === chosen?.key ? null : row;
  draw(true);
});
only.onclick = () => {
  chosen = null;
  draw(true);
  list.querySelector("button")?.focus();
};
shortcuts([
  { keys: ["←", "→"], text: "On the time axis: previous event, next event" },
]);
attribute(page, "data-ready", "loading");
list.replaceChildren();
feed.start();
