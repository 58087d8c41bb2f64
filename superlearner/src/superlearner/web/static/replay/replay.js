/**
 * The page /replay: plays the recording in its URL. It is loaded in parts; after that the server is not needed. Every
 * picture is a function of the playhead.
 *
 * @module
 */

import { ApiError, platform, request } from "../base/api.js";
import { copy } from "../base/copying.js";
import { attribute, byId, closest, detail, make, renew, write } from "../base/dom.js";
import { shortcuts } from "../shell/keys.js";
import { still } from "../base/motion.js";
import { colour, onTheme } from "../base/paint.js";
import { SlRecordings, freshName, replayAddress } from "../traces/recordings-list.js";
import { lastUpTo, placeAt, Reel, sentence } from "./reel.js";
import { SlReelEvents, SlReelProcess, SlReelTree } from "./replay-panels.js";
import { SlStage } from "./replay-stage.js";
import { yoursOnly } from "../live/scopes.js";
import { tabs } from "../components/tab-list.js";
import { complain, toast } from "../base/toast.js";
import { counted, failures, number, time } from "../base/words.js";

const SPEEDS = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 5, 10, 20];
const PART = 2000;
const RECAST_MS = 700;
/** Minimum interval between changes of the sentence during playback, so that it can be read. */
const SAY_MS = 250;

const page = byId("replay", HTMLElement);
const stage = byId("stage", SlStage);
const scrub = byId("scrub", HTMLInputElement);
const events = byId("events", SlReelEvents);
const tree = byId("tree", SlReelTree);
const process = byId("process", SlReelProcess);
const recordings = byId("recordings", SlRecordings);
const query = new URLSearchParams(location.search);
const name = query.get("recording") ?? "";

const reel = new Reel();
let even = true;
let at = 0;
let speed = 4;
let playing = false;
let before = 0;
let said = -Infinity;
/** The facts in the recording's header. @type {string[]} */ let facts = [];
/** @type {string|null} */ let chosen = null;

const times = () => (even ? reel.even : reel.real);
const end = () => times()[reel.events.length] ?? 0;
const place = () => placeAt(times(), reel.events.length, at);

/** Draw everything at the playhead. @param {boolean} [grown] */
function draw(grown = false) {
  const here = place();
  const step = lastUpTo(reel.steps, here);
  stage.paint(at);
  scrub.value = String(at);
  const now = reel.steps[step] ?? 0;
  attribute(scrub, "aria-valuetext",
    now
      ? `Event ${number(step + 1)} of ${number(reel.steps.length)}: ${sentence(reel, now)}`
      : `Before the first of ${counted(reel.steps.length, "event")}`);
  write(byId("clock", HTMLElement), `${((reel.real[here] ?? 0) / 1000).toFixed(3)} s`);
  write(byId("place", HTMLElement), `${number(step + 1)} of ${number(reel.steps.length)}`);
  if (!playing || performance.now() - said >= SAY_MS) {
    said = performance.now();
    write(byId("say", HTMLElement), now ? sentence(reel, now) : "");
  }
  page.dataset.place = String(here);
  events.show(reel, here, grown);
  const whole = reel.tree(here), yours = yoursOnly(whole);
  tree.show(reel.hides && yours.rows.size ? yours : whole, reel.treeless); // a recording may be of the platform alone
  if (!process.hidden) process.show(reel, chosen, here);
}

/** @param {number} to  milliseconds of the reel */
function seek(to) {
  at = Math.max(0, Math.min(end(), to));
  draw();
}

/** @param {number} to  number of an event */
function goTo(to) {
  play(false);
  seek(times()[to] ?? 0);
}

/** @param {number} by  number of steps */
function step(by) {
  const now = lastUpTo(reel.steps, place());
  const next = now + by;
  goTo(next < 0 ? 0 : reel.steps[Math.min(reel.steps.length - 1, next)] ?? 0);
}

/** @param {boolean} on */
function play(on) {
  if (on === playing) return;
  if (on && at >= end()) at = 0;
  playing = on;
  write(byId("play", HTMLButtonElement), on ? "Pause" : "Play");
  page.dataset.playing = String(on);
  attribute(byId("say", HTMLElement), "aria-live", on ? "off" : null); // screen readers should not read four sentences a second
  if (on) {
    before = performance.now();
    requestAnimationFrame(frame);
  }
  draw();
}

/** @param {number} now */
function frame(now) {
  if (!playing) return;
  const next = at + Math.max(0, now - before) * (SPEEDS[speed] ?? 1);
  before = now;
  const shown = still() ? times()[reel.steps[lastUpTo(reel.steps, placeAt(times(), reel.events.length, next))] ?? 0] ?? 0 : next;
  if (still() && shown <= at) before = now - (next - at) / (SPEEDS[speed] ?? 1); // time goes on while the picture waits for the next event
  else at = shown;
  if (next >= end()) {
    at = end();
    if (reel.complete) play(false);
  }
  draw();
  if (playing) requestAnimationFrame(frame);
}

/** @param {number} by */
function faster(by) {
  speed = Math.max(0, Math.min(SPEEDS.length - 1, speed + by));
  byId("speed", HTMLSelectElement).value = String(speed);
}

/** Draw the density of events and the crashes above the scrubber. */
function density() {
  const canvas = byId("density", HTMLCanvasElement);
  const g = canvas.getContext("2d");
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!g || !width) return;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  g.scale(devicePixelRatio, devicePixelRatio);
  const bars = new Array(Math.max(1, Math.floor(width / 5))).fill(0);
  const all = end() || 1;
  for (const one of reel.steps) bars[Math.min(bars.length - 1, Math.floor(((times()[one] ?? 0) / all) * bars.length))] += 1;
  const most = Math.max(1, ...bars);
  g.fillStyle = colour("ink3");
  g.globalAlpha = 0.55;
  bars.forEach((bar, index) => bar && g.fillRect(index * 5, height - Math.max(2, (bar / most) * (height - 12)), 3.5, height));
  g.globalAlpha = 1;
  g.fillStyle = colour("crash");
  for (const one of reel.crashes) {
    const x = Math.min(width - 5, Math.max(5, ((times()[one] ?? 0) / all) * width));
    g.beginPath();
    g.moveTo(x, 0);
    g.lineTo(x + 5, 9);
    g.lineTo(x - 5, 9);
    g.fill();
  }
}

/** Update everything after loading more or changing the time scale. */
function renewAll() {
  stage.show(reel, times());
  stage.recast();
  scrub.max = String(end());
  density();
  lanes();
  const own = byId("own", HTMLButtonElement);
  own.hidden = !reel.platform;
  write(byId("own-count", HTMLElement), number(reel.platform));
  attribute(own, "aria-pressed", String(!reel.hides));
  const length = `${((reel.real[reel.events.length] ?? 0) / 1000).toFixed(3)} s`;
  write(byId("about", HTMLElement),
    [...facts, failures(reel.crashes.map((place) => reel.events[place - 1]?.[4] ?? "")), length].join(" · "));
  renew(byId("crashes", HTMLElement),
    reel.crashes.slice(0, 12)
      .map((one) =>
        make("button", { type: "button", class: "btn quiet danger", "data-place": one },
          `▲ ${((reel.real[one] ?? 0) / 1000).toFixed(3)} s`)));
  draw(true);
}

/** Fill the choice of lanes: supervisors with children that take part. */
function lanes() {
  const select = byId("only", HTMLSelectElement);
  const shown = [...reel.people.values()].filter(({ pid }) => reel.shows(pid));
  const names = [...new Set(shown.flatMap((person) => (person.supervisor ? [person.supervisor] : [])))].sort();
  const old = select.value;
  renew(select, ["", ...names].map((one) => make("option", { value: one }, one ? `Below ${one}` : "All lanes")));
  select.value = names.includes(old) ? old : "";
}

/** Begin with the lanes around a crash; the others are a choice away. @param {string|null} boss */
function around(boss) {
  const select = byId("only", HTMLSelectElement);
  if (!boss || select.value) return;
  select.value = boss;
  stage.recast(boss);
}

/** Go to where the page opens, as soon as that part is loaded; return whether it is there. */
function open() {
  const last = query.get("at");
  if (last) {
    const to = Number(last) || 0;
    if (to > reel.events.length && !reel.complete) return false;
    goTo(Math.min(reel.events.length, to));
    return true;
  }
  if (playing || at !== 0) return true;
  const first = reel.ownFirst;
  if (first) seek(times()[first] ?? 0);
  return first > 0;
}

async function load() {
  let opened = false;
  let cast = -Infinity;
  try {
    for (let from = /** @type {number|null} */ (0); from !== null;) {
      const part = await platform("GET", `/recordings/${encodeURIComponent(name)}/frames?place=${from}&limit=${PART}`);
      reel.add(part);
      if (from === 0) head(part);
      from = part.next_place;
      page.dataset.ready = from === null ? "yes" : "some";
      write(byId("loaded", HTMLElement),
        from === null ? "" : `${Math.round((reel.events.length / Math.max(1, reel.last)) * 100)} % loaded`);
      if (from === null || performance.now() - cast > RECAST_MS) {
        cast = performance.now();
        renewAll();
      }
      opened ||= open();
    }
    around(reel.ownTrouble);
    if (query.has("play")) {
      const here = new URL(location.href);
      here.searchParams.delete("play"); // a link to a moment does not play
      history.replaceState(null, "", here);
      play(true);
    }
    if (!reel.events.length) failed("This recording is empty.", "Nothing had happened when it was stopped. Record for a little longer.");
  } catch (error) {
    const known = error instanceof ApiError;
    failed(known && error.code === "recording_not_found" ? `There is no recording ${name}.` : known ? error.message : "It cannot be read.",
      known && error.code === "recording_not_found" ? "It was deleted, or lies on another machine: ask for the file, and open it here."
        : known ? error.hint
        : "");
    if (!known) throw error;
  }
}

/** @param {any} part */
function head(part) {
  byId("player", HTMLElement).hidden = false;
  byId("begin", HTMLElement).hidden = true;
  write(byId("title", HTMLElement), part.name);
  facts = [
    part.node, part.started_at ? time(part.started_at) : "", counted(part.last, "event"),
    part.dropped ? `${number(part.dropped)} over the rate` : "",
  ].filter(Boolean);
  const problem = byId("problem", HTMLElement);
  problem.hidden = part.complete;
  write(problem, part.complete ? "" : `It has no proper end: ${part.problem}. What is before that is played.`);
}

/** @param {string} text @param {string} hint */
function failed(text, hint) {
  page.dataset.ready = "failed";
  byId("player", HTMLElement).hidden = true;
  byId("begin", HTMLElement).hidden = false;
  const note = byId("failed", HTMLElement);
  note.hidden = false;
  write(note, [text, hint].filter(Boolean).join(" "));
}

/** Record the example of the empty page: record, sell, kill, sell, stop. */
async function example() {
  const button = byId("try-go", HTMLButtonElement);
  button.disabled = true;
  const made = freshName("checkout");
  const sell = (/** @type {number} */ amount) =>
    request("POST", "/processes/cart/message", { message: ["sell", amount], message_type: "call" }).catch(() => null);
  try {
    await request("POST", "/recordings", { name: made, states: true });
    for (const amount of [12, 7, 30]) await sell(amount);
    await request("DELETE", "/processes/ledger", { reason: "kill" });
    for (const amount of [5, 18, 9]) await sell(amount);
    await request("POST", "/processes/ledger/message", { message: ["book", 1, -5], message_type: "call" }).catch(() => null);
    await sell(21);
    await platform("POST", `/recordings/${made}/stop`);
    location.assign(`${replayAddress(made)}&play=1`);
  } catch (error) {
    complain(error, "Record the checkout");
    button.disabled = false;
  }
}

const panel = tabs(byId("tab-events", HTMLElement).parentElement ?? page, () => draw(true));

byId("play", HTMLButtonElement).onclick = () => play(!playing);
byId("back", HTMLButtonElement).onclick = () => step(-1);
byId("step", HTMLButtonElement).onclick = () => step(1);
byId("even", HTMLInputElement).onchange = () => {
  const here = place();
  even = byId("even", HTMLInputElement).checked;
  at = times()[here] ?? 0;
  renewAll();
};
byId("only", HTMLSelectElement).onchange = () => stage.recast(byId("only", HTMLSelectElement).value);
byId("own", HTMLButtonElement).onclick = () => {
  reel.show(reel.hides);
  renewAll();
};
byId("closer", HTMLButtonElement).onclick = () => stage.zoom(0.5);
byId("further", HTMLButtonElement).onclick = () => stage.zoom(2);
byId("link", HTMLButtonElement).onclick = async () => {
  const here = new URL(location.href);
  here.searchParams.set("at", String(place()));
  if (await copy(here.href)) {
    toast("The link to this moment is copied.", { hint: "It leads here for everybody who reaches this platform." });
    return;
  }
  history.replaceState(null, "", here);
  toast("The address of this page leads to this moment now.");
};
byId("save", HTMLButtonElement).onclick = () => void recordings.save({ name });
byId("try-go", HTMLButtonElement).onclick = () => void example();
byId("speed", HTMLSelectElement).replaceChildren(
  ...SPEEDS.map((value, index) => make("option", { value: index, selected: index === speed }, `${value < 1 ? `1/${1 / value}` : value}×`)));
byId("speed", HTMLSelectElement).onchange = () => (speed = Number(byId("speed", HTMLSelectElement).value));
byId("crashes", HTMLElement).onclick = (event) => {
  const one = Number(closest(event.target, "button")?.dataset["place"] ?? 0);
  if (one) goTo(one);
};
scrub.oninput = () => {
  play(false);
  seek(Number(scrub.value));
};
scrub.onkeydown = (event) => {
  const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 25, PageDown: -25 }[event.key];
  if (by === undefined && event.key !== " ") return;
  event.preventDefault();
  if (by === undefined) play(!playing);
  else step(by);
};
page.addEventListener("sl-seek", (event) => goTo(detail(event)));
page.addEventListener("sl-lane", (event) => {
  chosen = detail(event);
  panel("process");
});
new ResizeObserver(density).observe(byId("density", HTMLCanvasElement));
onTheme(density);

shortcuts([
  { keys: ["Space"], text: "Play or pause" },
  { keys: ["←", "→"], text: "The event before, the next one" },
  { keys: ["Home"], text: "The beginning", run: () => goTo(0) },
  { keys: ["End"], text: "The end", run: () => goTo(reel.events.length) },
  { keys: ["["], text: "Slower", run: () => faster(-1) },
  { keys: ["]"], text: "Faster", run: () => faster(1) },
  { keys: ["+"], text: "Closer", run: () => stage.zoom(0.5) },
  { keys: ["-"], text: "Further away", run: () => stage.zoom(2) },
]);

document.addEventListener("keydown", (event) => {
  const by = { " ": 0, ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by === undefined || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey
    || byId("player", HTMLElement).hidden || document.querySelector("dialog[open]"))
    return;
  const target = /** @type {Element} */ (event.target);
  // Space activates them
  if (target.matches("input, select, textarea") || (by === 0 && target.matches("a, summary, button:not(#events button)"))) return;
  event.preventDefault();
  if (by === 0) play(!playing);
  else step(by);
});

if (name) void load();
else {
  page.dataset.ready = "empty";
  byId("begin", HTMLElement).hidden = false;
}
request("GET", "/processes?per_page=1&search=checkout_sup").then((found) => (byId("try", HTMLElement).hidden = !found.length),
  () => undefined);
