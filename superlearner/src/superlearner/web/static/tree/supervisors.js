/**
 * The page /supervisors: connects feed, model, tree, detail pane and event feed. All actions use the REST interface;
 * all data comes from the feed.
 *
 * @module
 */

import * as address from "./address.js";
import { Announcer } from "./announce.js";
import { attribute, byId, chosen, detail, make, renew, write } from "../base/dom.js";
import { SlFilters } from "./filter-bar.js";
import { ALL, filtered, fitting, fromAddress, toAddress } from "./filters.js";
import { shortcuts } from "../shell/keys.js";
import { Feed, liveUrl } from "../live/live.js";
import { EMPTY, reduce, rowOf, tally } from "../live/model.js";
import { platformRoot, yoursFirst } from "../live/scopes.js";
import { announce, heldWords, showStatus, silentWords } from "../live/status.js";
import { burning, nameIn, verb } from "../live/storms.js";
import { toast } from "../base/toast.js";
import { counted, MEANINGS, number, time } from "../base/words.js";
import { SlFeed } from "./feed.js";
import { RestartLive } from "../moment/live-stage.js";
import { SlMap } from "../map/map.js";
import { SlProcess } from "../process/process.js";
import { teach, tell } from "../teaching/teaching.js";
import { SlTree } from "./tree.js";
import { offers } from "./bulk-plan.js";
import { actsOn } from "./tree-acts.js";
import { Views } from "./views.js";

/** @import { Message, Model } from "../live/model.js" */

/** Above this rate single lines no longer fade, and counts and events follow in steps. */
const BUSY_EVENTS_PER_S = 10;
/** Minimum interval between these steps: faster changes are unreadable, and each lays out the page again. */
const BUSY_PAUSE_MS = 250;

const page = byId("supervisors", HTMLElement);
const tree = byId("tree", SlTree);
const map = byId("map", SlMap);
const pane = byId("process", SlProcess);
const events = byId("events", SlFeed);
const live = byId("restart", RestartLive);
const find = byId("find", HTMLInputElement);
const filters = byId("filters", SlFilters);
const views = new Views(byId("views", HTMLElement), byId("divide", HTMLElement));
const announcer = new Announcer(byId("announce", HTMLElement));

/** @type {Model} */ let model = EMPTY;
/** The same with the reader's own trees first. @type {Model} */ let scoped = EMPTY;
let skew = 0;
/** Server time of the newest frame, for "as of". */
let fresh = 0;
/** @type {string|null} */ let shown = null;
/** Time of the last update of the event list. */
let listed = 0;

const { begin, end, hold, many } = actsOn(tree, () => model);

const feed = new Feed(liveUrl("supervisors"), onMessages, onStatus);

/** @param {Message[]} messages */
function onMessages(messages) {
  const before = model;
  /** @type {Set<string>} */
  const touched = new Set();
  for (const message of messages) {
    model = reduce(model, message);
    if (message.k === "d") for (const [key] of message.p ?? []) touched.add(key);
    if (message.k === "d") for (const { key } of message.n ?? []) touched.add(key);
    if (message.k === "s") skew = message.now - Date.now() / 1000;
  }
  if (model.gap) {
    if (!before.gap) feed.sync();
    return;
  }
  fresh = Date.now() / 1000 + skew;
  const busy = (model.health?.events_per_s ?? 0) > BUSY_EVENTS_PER_S;
  const step = !busy || model.snapshots !== before.snapshots || performance.now() - listed > BUSY_PAUSE_MS;
  if (step) burn();
  if (model === before) return;
  const replaced = model.snapshots !== before.snapshots;
  attribute(page, "data-ready", model.rows.size ? "tree" : "empty");
  const fallen = ![...model.rows.values()].some(({ kind }) => kind === "supervisor");
  if (fallen) void explainEmptyTree();
  else page.removeAttribute("data-fallen");
  page.dataset.seq = String(model.seq);
  const told = messages.findLast((message) => message.k === "d" && message.t !== undefined);
  attribute(tree, "data-busy", busy);
  scoped = yoursFirst(model, scoped);
  views.count(model.rows);
  tree.show(scoped, skew, replaced ? null : touched);
  map.show(scoped, skew, replaced ? null : touched);
  if (step) {
    events.show(model.feed, model.epoch); // the next heartbeat shows what is left out now
    count();
    filters.count(model, fresh);
    listed = performance.now();
  }
  tell(model);
  live.show(model.feed, (key) => model.rows.has(key), skew);
  follow();
  if (replaced) announcer.skip(model.feed);
  else announcer.hear(model.feed);
  if (!arrived && model.rows.size) arrive();
  if (filters.wanted.recent && told === undefined) apply(); // rows expire from this filter after a minute, without a frame
  if (before.health !== model.health || replaced) vitals();
  if (told?.k === "d") page.dataset.at = String(told.t); // this frame is on the page: benchmarks measure the latency here
}

/** The stored give-up that ended the last tree, by the epoch in which it was read. @type {{epoch: string|null, end: any}|null} */
let storedGiveUp = null;

/** Say how the last tree ended; a feed that began after that end does not know it. */
async function explainEmptyTree() {
  const { downfall, readStoredEnd, showDownfall } = await import("../live/downfall.js");
  if (!downfall(model) && storedGiveUp?.epoch !== model.epoch) {
    storedGiveUp = { epoch: model.epoch, end: null };
    storedGiveUp.end = await readStoredEnd(model.node);
  }
  const fallen = showDownfall(model, byId("empty", HTMLElement), storedGiveUp?.end);
  attribute(page, "data-fallen", fallen); // above the processes that run on
}

/** @param {import("../live/live.js").Status} status */
function onStatus(status) {
  showStatus(status);
  page.dataset.status = status;
  events.live(status !== "gone");
  byId("lost", HTMLElement).hidden = status === "live" || status === "connecting" || status === "gone"; // the shell shows what is gone
  const text = byId("lost-text", HTMLElement);
  if (heldWords()) announce(text, silentWords());
  else if (status === "silent")
    write(text, `${silentWords(fresh ? ` since ${time(fresh)}` : "")} Its terminal${chosen() ? " or log" : ""} says which one.`);
  else if (status === "lost") write(text, fresh
    ? `The connection is lost; trying again. What you see is as of ${time(fresh)}.`
    : "The server does not answer; trying again. Is superlearner still running in its terminal?");
}

/** Update the pane with its row. */
function follow() {
  if (shown === null) return;
  const row = model.rows.get(shown);
  if (row) pane.show(row, skew, model.node);
  else pane.lost();
}

/** Update the counts beside the title, which are unobtrusive if all is well. */
function count() {
  const { running, stuck, suspended, restarting, crashed } = tally(model);
  const { restarts } = model;
  for (const [id, value, text] of /** @type {[string, number, string][]} */ ([
    ["count-running", running, "running"], ["count-stuck", stuck, "not answering"],
    ["count-suspended", suspended, "suspended"], ["count-restarting", restarting, "restarting"],
    ["count-crashed", crashed, "crashed"], ["count-restarts", restarts, restarts === 1 ? "restart" : "restarts"],
  ])) {
    const element = byId(id, HTMLElement);
    attribute(element, "hidden", value === 0 && id !== "count-running" && id !== "count-restarts");
    attribute(element, "data-value", String(value));
    write(element.querySelector("b") ?? element, number(value));
    write(element.querySelector("span") ?? element, text);
  }
}

/** Show beside the counts what ends again and again, with the way to it. */
function burn() {
  const [line, ...more] = burning(events.lines, fresh);
  const button = byId("burning", HTMLElement);
  attribute(button, "data-key", line?.event.key);
  attribute(button, "hidden", line === undefined);
  if (!line) return;
  const what = `${number(line.count)}× ${nameIn(line.event)} ${verb(line.event)}`;
  attribute(button, "title", `${what} so far. Show its process`);
  renew(button, [
    make("span", {}, what),
    ...(more.length ? [make("small", { title: more.map(({ event }) => nameIn(event)).join(", ") }, `+${number(more.length)} more`)] : []),
  ]);
}

/** Update the line at the lower edge; unknown values are marked. */
function vitals() {
  const { health } = model;
  const lag = health?.loop_lag_ms;
  write(byId("vitals-node", HTMLElement), model.node);
  /** @type {[string, string|null][]} */
  const told = health === null ? [] : [
    [counted(health.processes, "process", "processes"), MEANINGS.processes],
    [`${counted(health.events_per_min, "event")} in the last minute`, MEANINGS.events],
    [`loop lag ${lag === null || lag === undefined ? "unknown" : `${lag.toFixed(1)} ms`}`, MEANINGS.lag],
    [counted(health.viewers, "viewer"), null],
  ];
  renew(byId("vitals", HTMLElement), told.map(([text, title]) => make("span", { title }, text)));
}

/** @param {string|null} key */
function look(key) {
  shown = key !== null && model.rows.get(key)?.kind === "group" ? null : key;
  pane.show(shown === null ? null : model.rows.get(shown) ?? null, skew, model.node);
  attribute(page, "data-detail", shown !== null);
  tree.bring(key); // on a phone the details cover a part of the tree
  map.bring(key);
  remember();
}

/** Go to a process by key or pid. @param {string} target */
function goTo(target) {
  const key = model.rows.has(target) ? target : rowOf(model, target)?.key;
  if (key === undefined || !tree.isConnected) {
    toast(`${target} is not in the tree.`, { hint: "It has ended, or no supervisor started it.", level: "bad" });
    return;
  }
  const row = model.rows.get(key), fits = fitting(filters.wanted, now);
  if (find.value || (row && fits && !fits(row))) {
    find.value = "";
    filters.show({ ...ALL });
    apply();
  }
  tree.reveal(key);
}

/** Handle a click on a cell of the map. @param {{key: string, add: boolean}} what */
function pick({ key, add }) {
  if (!add) goTo(key);
  else {
    const keys = new Set(tree.selected);
    if (!keys.delete(key)) keys.add(key);
    tree.select([...keys]);
  }
}

const now = () => Date.now() / 1000 + skew;

/** @param {string} query */
function seek(query) {
  find.value = query;
  filters.show({ ...filters.wanted, q: query.trim() });
  apply();
}

/** Apply the filters to list and map. */
function apply() {
  const fits = fitting(filters.wanted, now);
  tree.search(fits);
  map.filter(fits);
  showMatches();
  remember();
}

/** Show the number of matches. */
function showMatches() {
  const { q } = filters.wanted;
  const some = q !== "" || filtered(filters.wanted), matches = some ? tree.found : [], none = some && !matches.length;
  const found = matches.filter(({ row }) => !row.critical).length;
  const all = [...model.rows.values()].filter((row) => row.kind !== "group" && !row.critical).length;
  byId("nothing", HTMLElement).hidden = !none;
  write(byId("nothing-text", HTMLElement),
    !none ? ""
      : filtered(filters.wanted) ? `No process fits ${q ? `“${q}” and these filters` : "these filters"}.`
      : `No process matches “${q}”.`);
  write(byId("found", HTMLElement), q === "" || !found ? "" : `${number(found)} of ${number(all)}`);
  filters.tell(some ? found : null, all);
}

/** The URL parameters of this page. */
const WORDS = ["q", "state", "kind", "strategy", "class", "recent", "mailbox", "process", "platform", "closed"];

/** Write the view into the URL. */
function remember() {
  if (!arrived) return;
  const root = platformRoot(scoped);
  address.tell(WORDS, () => [
    ...toAddress(filters.wanted),
    ...[...new Set([...tree.selected].slice(0, 50))].map((key) => /** @type {[string, string]} */ (["process", spelled.get(key) ?? key])),
    ...(root !== null && !tree.closed.has(root) ? [/** @type {[string, string]} */ (["platform", "open"])] : []),
    ...[...tree.closed]
      .filter((key) => key !== root && model.kids.has(key))
      .map((key) => /** @type {[string, string]} */ (["closed", key])),
  ], "process");
}

/** The names by which the URL refers to processes. @type {Map<string, string>} */
const spelled = new Map();
let arrived = false;

/** Handle the first snapshot: finds the processes in the URL by key, name, pid or id. */
function arrive() {
  arrived = true;
  const asked = address.asked();
  const closed = asked.getAll("closed").filter((key) => model.kids.has(key));
  const root = platformRoot(scoped), open = asked.get("platform") === "open";
  if (closed.length || open)
    tree.close([...(closed.length ? closed : tree.closed), ...(root === null ? [] : [root])].filter((key) => key !== root || !open));
  if (root !== null && tree.closed.has(root)) map.fold(root);
  if (filters.wanted.q || filtered(filters.wanted)) apply();
  select(asked.getAll("process"));
}

/** Select the processes in the URL and show one of them. @param {string[]} asked */
function select(asked) {
  const rows = [...model.rows.values()];
  spelled.clear();
  for (const text of asked) {
    const bare = text.replace(/^#PID|[<>]/g, "");
    const row = model.rows.get(text) ?? rows.find((one) => one.name === text || one.pid === bare) ?? rows.find((one) => one.id === text);
    if (row) spelled.set(row.key, text);
    else toast(`${text.slice(0, 80)} is not in the tree.`, { hint: "It may have ended, or it is on another node.", level: "bad" });
  }
  const keys = [...spelled.keys()];
  if (keys.length === 1 && keys[0] !== undefined) tree.reveal(keys[0]);
  else if (keys.length || tree.selected.size) tree.select(keys);
}

/** Apply the URL after Back and Forward. */
function goBack() {
  if (!arrived) return;
  const asked = address.asked();
  filters.show(fromAddress(asked));
  find.value = filters.wanted.q;
  apply();
  select(asked.getAll("process"));
}

function leave() {
  tree.select([]);
  tree.point(tree.cursor);
}

tree.addEventListener("sl-kill", (event) => void end(detail(event).keys, detail(event)));
tree.addEventListener("sl-start", (event) => void begin(detail(event)));
tree.addEventListener("sl-select", (event) => look(detail(event)));
tree.addEventListener("sl-selection", (event) => {
  const keys = /** @type {string[]} */ (detail(event));
  map.select(tree.selected);
  const several = byId("several", HTMLElement);
  several.hidden = keys.length < 2;
  write(byId("kill-selected", HTMLButtonElement), `Kill ${number(keys.length)} selected`);
  for (const word of ["restart", "terminate"])
    attribute(byId(`${word}-selected`, HTMLElement), "aria-label",
      `${word[0]?.toUpperCase()}${word.slice(1)} ${number(keys.length)} selected`);
  remember();
});
map.addEventListener("sl-pick", (event) => pick(detail(event)));
tree.addEventListener("sl-arranged", showMatches);
tree.addEventListener("sl-fold", remember);
filters.addEventListener("sl-filter", () => {
  if (find.value.trim() !== filters.wanted.q) find.value = filters.wanted.q;
  apply();
});
filters.addEventListener("sl-all", () => tree.select(tree.lines.filter((line) => line.match).map((line) => line.row.key), false));
pane.addEventListener("sl-kill", (event) => void end([detail(event).key], detail(event)));
pane.addEventListener("sl-start", (event) => void begin(detail(event)));
pane.addEventListener("sl-hold", (event) => void hold(detail(event).key, detail(event).action));
pane.addEventListener("sl-bulk", (event) => many(detail(event).action, [detail(event).key]));
pane.offers = (row) => offers(model, row);
pane.find = (pid) => rowOf(model, pid);
pane.addEventListener("sl-goto", (event) => goTo(detail(event)));
pane.addEventListener("sl-close", leave);
pane.addEventListener("predict-kill", (event) => (live.held = detail(event)));
for (const name of ["predict-question", "predict-played"]) pane.addEventListener(name, () => (live.held = ""));
live.addEventListener("restart-down", () => tree.hold(live.down));
live.addEventListener("restart-open", (event) => requestAnimationFrame(() => { // it takes the place of lines
  for (const key of [model.kids.get(detail(event))?.at(-1), detail(event)]) tree.bring(key ?? null);
}));
events.addEventListener("sl-goto", (event) => goTo(detail(event)));
byId("burning", HTMLElement).onclick = ({ currentTarget }) =>
  currentTarget instanceof HTMLElement && currentTarget.dataset.key && goTo(currentTarget.dataset.key);
teach({ tree, map, pane, events, goTo });
byId("kill-selected", HTMLButtonElement).onclick = () => many("kill");
byId("restart-selected", HTMLButtonElement).onclick = () => many("restart");
byId("terminate-selected", HTMLButtonElement).onclick = () => many("terminate");
byId("clear-selected", HTMLButtonElement).onclick = leave;
byId("open-all", HTMLButtonElement).onclick = () => tree.toggleAll(true);
byId("close-all", HTMLButtonElement).onclick = () => tree.toggleAll(false);
byId("clear-search", HTMLButtonElement).onclick = () => {
  filters.show({ ...ALL });
  seek("");
  find.focus();
};
find.oninput = () => seek(find.value);
find.onkeydown = (event) => {
  if (event.key === "Escape") seek("");
  else if (event.key !== "Enter" && event.key !== "ArrowDown") return;
  event.preventDefault();
  const first = tree.lines.find((line) => line.match)?.row.key ?? null;
  tree.point(event.key === "Escape" ? tree.cursor : first);
};

shortcuts([
  { keys: ["/"], text: "Find a process", run: () => find.select() },
  { keys: ["↑", "↓", "Home", "End"], text: "Move in the tree" },
  { keys: ["→", "←"], text: "Open or close a branch, go to child or parent" },
  { keys: ["Enter"], text: "Show the details of a process" },
  { keys: ["Shift Enter"], text: "Why did it restart?" },
  { keys: ["Space"], text: "Add to the selection, or take out" },
  { keys: ["Shift ↑", "Shift ↓"], text: "Extend the selection" },
  { keys: ["Ctrl A"], text: "Select all that are shown" },
  {
    keys: ["w"], text: "Show only what is wrong, or everything again",
    run: () => byId("filters", HTMLElement).querySelector("button")?.click(),
  },
  { keys: ["a … z"], text: "Jump to a name" },
  {
    keys: ["Del", "Delete"], text: "Kill the process, or all that are selected",
    run: () => tree.selected.size > 1 && tree.kill([...tree.selected], true),
  },
  { keys: ["Escape"], text: "Close the details", run: leave },
]);

const typed = find.value; // input before this script ran
filters.show(fromAddress(address.asked()));
find.value = filters.wanted.q;
if (typed && !find.value) seek(typed);
window.addEventListener("popstate", goBack);
feed.start();
