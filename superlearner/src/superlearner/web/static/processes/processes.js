/**
 * The table of the place Tree: the list of all processes of a node. Its URL has the view; the live feed sends the visible
 * rows, at most twice a second.
 *
 * @module
 */

import { attribute, byId, closest, detail, make, renew, write } from "../base/dom.js";
import { shortcuts } from "../shell/keys.js";
import { Feed, liveUrl } from "../live/live.js";
import { copied, end, endAll, measured } from "./process-acts.js";
import { address, columnsOf, lookOf, nameOf } from "./process-columns.js";
import { lineAt, NOTHING, pinOf, take } from "./process-list.js";
import { openMenu } from "./process-menu.js";
import { keep, keptPins, missing, toggled } from "./process-pins.js";
import { addressOf, askOf, FILTERS, filtersOf, unfiltered, viewOf } from "./process-view.js";
import { announce, lostWords, showStatus } from "../live/status.js";
import { SlTable } from "../components/table.js";
import { number } from "../base/words.js";

/** @import { Line } from "./process-list.js" */

/** Rows requested beyond the drawn ones. */
const AHEAD = 40;
const TYPING_MS = 120;

const page = byId("processes", HTMLElement);
const table = byId("table", SlTable);
const find = byId("find", HTMLInputElement);
const filters = byId("filters", HTMLFormElement);
const menu = byId("menu", HTMLElement);
const chooser = byId("columns", HTMLElement);
const pause = byId("pause", HTMLButtonElement);
const own = byId("own", HTMLButtonElement);

let list = NOTHING;
let view = viewOf(new URLSearchParams(location.search));
let part = { first: 0, end: 60 };
let asked = "";
let hovered = false;
let skew = 0;
/** Time of the first frame: the age of earlier processes is unknown. @type {number|null} */ let since = null;
/** @type {string[]} */ let pins = view.pins ?? keptPins();
/** @type {Map<string, string>} */ const memory = new Map();
/** Selected rows, for when they are scrolled out of view. @type {Map<string, Line>} */ const chosenLines = new Map();

const now = () => Date.now() / 1000 + skew;
const feed = new Feed(liveUrl("processes"), (frames) => onFrames(frames), onStatus);

const held = () => pause.getAttribute("aria-pressed") === "true" || hovered || menu.matches(":popover-open");

function ask() {
  const around = { first: Math.max(0, part.first - AHEAD), end: part.end + AHEAD };
  return askOf(view, around, { pins, hold: held(), columns: table.columns.shown.map(({ id }) => id) });
}

/** Request the current view if it has changed. */
function look() {
  const question = ask();
  const text = JSON.stringify(question);
  if (text === asked) return;
  asked = text;
  feed.look(liveUrl("processes", question), question);
}

/** @param {any[]} frames */
function onFrames(frames) {
  for (const frame of frames) list = take(list, frame);
  if (list.gap) return feed.sync();
  skew = list.now - Date.now() / 1000;
  since ??= list.now;
  page.dataset.ready = list.total || list.pins.length ? "list" : list.all && (filtersOf(view) || view.search) ? "nothing" : "list";
  for (const line of list.lines.values()) if (table.selected.has(line.pid)) chosenLines.set(line.pid, line);
  show();
}

function show() {
  table.show({
    total: list.total,
    rowAt: (index) => lineAt(list, index),
    keyOf: (row) => row.pid,
    pins: list.pins.map(({ pin, row }) => row ?? missing(pin, now())),
    dress: (element, row) => {
      attribute(element, "data-state", row.status);
      attribute(element, "data-look", row.gone ? "stopped" : lookOf(row));
      attribute(element, "data-gone", Boolean(row.gone));
      attribute(element, "data-full", row.message_queue_len > 0);
    },
  });
  const fit = filtersOf(view) || view.search;
  write(byId("count", HTMLElement), fit ? `${number(list.total)} of ${number(list.all)}` : number(list.all));
  write(byId("counted", HTMLElement), list.all === 1 ? "process" : "processes");
  own.hidden = !list.platform && view.whose !== "platform";
  renew(own, [document.createTextNode("Platform"), make("span", {}, "'s own:"), document.createTextNode(` ${number(list.platform)}`)]);
  write(byId("order", HTMLElement),
    held() ? (pause.getAttribute("aria-pressed") === "true" ? "Order paused" : "Order held while you point at it") : "");
  write(byId("nothing-text", HTMLElement), list.missing ? `No process has the name “${view.below}”.` : "No process matches.");
}

/** @param {import("../live/live.js").Status} status */
function onStatus(status) {
  showStatus(status);
  page.dataset.status = status;
  const lost = byId("lost", HTMLElement);
  const words = lostWords(status, list.now);
  lost.hidden = words === "";
  announce(byId("lost-text", HTMLElement), words);
}

/** Change the view and its URL. @param {Partial<import("./process-view.js").View>} change */
function go(change) {
  view = { ...view, ...change };
  const query = addressOf(view, new URLSearchParams(location.search)).toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  dress();
  look();
}

/** Set the controls to the view. */
function dress() {
  if (find.value.trim() !== view.search) find.value = view.search; // a trailing space starts the next word
  for (const name of FILTERS) {
    const control = filters.elements.namedItem(name);
    if ((control instanceof HTMLInputElement || control instanceof HTMLSelectElement) && control.value.trim() !== view[name])
      control.value = view[name];
  }
  const order = byId("f-sort", HTMLSelectElement);
  order.value = view.sort;
  const set = filtersOf(view);
  write(byId("filters-open", HTMLElement), set ? `Filters: ${set}` : "Filters");
  attribute(own, "aria-pressed", String(view.whose !== ""));
  byId("clear", HTMLElement).hidden = !set && !view.search;
  table.order(view.sort.replace("-", ""), view.sort.startsWith("-"));
}

/** @param {Line & {gone?: boolean, pin?: string}} row */
function items(row) {
  const pin = row.pin ?? pinOf(row);
  const isPinned = pins.includes(pin);
  const pinning = { text: isPinned ? "Unpin" : "Pin to the top", key: "p", run: () => pinIt(row) };
  if (row.gone) return [pinning];
  return [
    { text: "Show in the tree", key: "Enter", href: address("/supervisors", { process: row.pid }) },
    { text: "Trace its messages", href: address("/timeline", { view: "messages", process: row.pid }) },
    pinning,
    { text: "Only those below it", run: () => go({ ...unfiltered(view), below: row.name ?? row.pid }) },
    { text: "Measure memory", run: () => void measure(row) },
    { text: `Copy pid ${row.pid}`, key: "c", run: () => void copied(row.pid, "Pid") },
    { text: row.critical ? "Kill…" : "Kill", key: "Del", danger: true, run: () => void end(row) },
  ];
}

/** @param {Line} row */
async function measure(row) {
  const shown = table.columns.shown.map(({ id }) => id);
  if (!shown.includes("memory")) {
    table.columns.choose([...shown, "memory"]);
    changedColumns();
  }
  memory.set(row.pid, "…");
  show();
  memory.set(row.pid, await measured(row));
  show();
}

/** @param {Line & {pin?: string}} row */
function pinIt(row) {
  const pin = row.pin ?? pinOf(row);
  pins = toggled(pins, pin);
  keep(pin, pins.includes(pin));
  go({ pins });
}

function changedColumns() {
  table.drawHead();
  go({ columns: table.columns.chosen });
  table.columns.fill(chooser, changedColumns);
}

function selection() {
  for (const pid of chosenLines.keys()) if (!table.selected.has(pid)) chosenLines.delete(pid);
  for (const line of list.lines.values()) if (table.selected.has(line.pid)) chosenLines.set(line.pid, line);
  byId("several", HTMLElement).hidden = table.selected.size < 2;
  write(byId("kill-selected", HTMLElement), `Kill ${number(table.selected.size)} selected`);
}

function clear() {
  table.selected.clear();
  selection();
  table.draw();
}

async function killSelected() {
  if (await endAll([...table.selected], [...chosenLines.values()])) clear();
}

table.addEventListener("sl-range", (event) => {
  part = detail(event);
  const covered = part.first >= list.offset && part.end <= list.offset + list.order.length;
  if (!covered) look();
});
table.addEventListener("sl-sort", (event) => go({ sort: `${detail(event).descending ? "-" : ""}${detail(event).id}` }));
table.addEventListener("sl-open", (event) =>
  !detail(event).row.gone && location.assign(address("/supervisors", { process: detail(event).row.pid })));
table.addEventListener("sl-menu", (event) => {
  const { row, x, y } = detail(event);
  openMenu(menu, nameOf(row), items(row), x, y);
});
table.addEventListener("sl-select", selection);
table.addEventListener("click", (event) => {
  const more = closest(event.target, ".more");
  const line = more?.closest(".grid-row");
  const row = line instanceof HTMLElement ? table.at(Number(line.dataset.index)) : undefined;
  if (more && row) openMenu(menu, nameOf(row), items(row), more.getBoundingClientRect().left, more.getBoundingClientRect().bottom);
});
table.addEventListener("sl-delete", (event) => {
  const { row } = detail(event);
  if (table.selected.size > 1) void killSelected();
  else if (row && !row.gone) void end(row);
});
table.addEventListener("keydown", (event) => {
  const row = table.current;
  if (!row || event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element && event.target.closest(".grid-row")))
    return;
  if (event.key === "p") pinIt(row);
  else if (event.key === "c" && !row.gone) void copied(row.pid, "Pid");
  else if (event.key === "m") openMenuAtRow(event.target);
  else if (event.key === "Escape") clear();
});

/** @param {Element} target */
function openMenuAtRow(target) {
  const box = target.getBoundingClientRect();
  openMenu(menu, nameOf(table.current), items(table.current), box.left + 40, box.bottom);
}

// Rows do not move while the pointer is over them.
const hover = (/** @type {boolean} */ on) => {
  hovered = on;
  look();
  show();
};
table.addEventListener("pointerover", (event) => {
  const over = event.pointerType === "mouse" && event.target instanceof Element && event.target.closest(".grid-row") !== null;
  if (over !== hovered) hover(over);
});
table.addEventListener("pointerleave", () => hovered && hover(false));
menu.addEventListener("toggle", () => {
  look();
  show();
});
pause.onclick = () => {
  attribute(pause, "aria-pressed", pause.getAttribute("aria-pressed") === "true" ? "false" : "true");
  look();
  show();
};

own.onclick = () => go({ whose: view.whose ? "" : "platform" });

let typing = 0;
find.oninput = () => {
  clearTimeout(typing);
  typing = setTimeout(() => go({ search: find.value.trim() }), TYPING_MS);
};
find.onkeydown = (event) => {
  if (event.key === "Escape") go({ search: "" });
  if (event.key === "ArrowDown" || event.key === "Enter") {
    event.preventDefault();
    table.reveal(0, true);
  }
};
filters.oninput = () => {
  const given = new FormData(filters);
  const text = (/** @type {string} */ name) => String(given.get(name) ?? "").trim();
  clearTimeout(typing);
  typing = setTimeout(
    () => go({
      search: find.value.trim(), sort: text("sort") || view.sort, type: text("type"), status: text("status"), what: text("what"),
      mailbox: text("mailbox").replace(/\D/g, "").slice(0, 9), supervised: text("supervised"), below: text("below"),
    }),
    TYPING_MS);
};
filters.onsubmit = (event) => event.preventDefault();
for (const id of ["clear", "clear-nothing"]) byId(id, HTMLButtonElement).onclick = () => go(unfiltered(view));
byId("kill-selected", HTMLButtonElement).onclick = () => void killSelected();
byId("clear-selected", HTMLButtonElement).onclick = clear;
for (const [button, opened] of /** @type {[string, HTMLElement][]} */ ([
  ["columns-open", chooser], ["filters-open", byId("filters-box", HTMLElement)],
])) {
  opened.addEventListener("beforetoggle", () => {
    const box = byId(button, HTMLButtonElement).getBoundingClientRect();
    opened.style.top = `${box.bottom + 4}px`;
    opened.style.right = `${Math.max(8, innerWidth - box.right)}px`;
  });
}
window.addEventListener("popstate", () => {
  view = viewOf(new URLSearchParams(location.search));
  pins = view.pins ?? keptPins();
  dress();
  look();
});

shortcuts([
  { keys: ["/"], text: "Find a process", run: () => find.select() },
  { keys: ["↑", "↓", "Page Up", "Page Down", "Home", "End"], text: "Move in the list" },
  { keys: ["Enter"], text: "Show the process in the tree" },
  { keys: ["Space", "Shift ↑", "Shift ↓"], text: "Select, extend the selection" },
  { keys: ["m"], text: "Menu of the process" },
  { keys: ["p"], text: "Pin the process to the top, or unpin it" },
  { keys: ["c"], text: "Copy its pid" },
  { keys: ["Del"], text: "Kill the process, or all that are selected" },
  { keys: ["Alt ←", "Alt →"], text: "On a title: a narrower or wider column" },
]);

table.describe("Processes", "processes", columnsOf({ now, since: () => since, memory }));
table.columns.choose(view.columns);
table.columns.fill(chooser, changedColumns);
dress();
asked = JSON.stringify(ask());
feed.url = liveUrl("processes", ask());
feed.start();
