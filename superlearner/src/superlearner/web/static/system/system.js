/**
 * The system page: metrics over time with a common cursor, problems, message flow, log, thresholds.
 *
 * @module
 */

import { SlAnomalies } from "./anomalies.js";
import { SlChart } from "../components/chart.js";
import { ChartGroup } from "../components/chart-group.js";
import { nearest, withUnit } from "../components/chart-scale.js";
import { request } from "../base/api.js";
import { byId, chosen, icon, make, renew, reshape, write } from "../base/dom.js";
import { shortcuts } from "../shell/keys.js";
import { Feed, liveUrl } from "../live/live.js";
import { csv, save } from "../base/save.js";
import { showLost, showStatus } from "../live/status.js";
import { kindOf, pictures } from "./system-charts.js";
import { calmParts, RANKS, reduce, secondsOf, withStored } from "./system-model.js";
import { tooFew, trends } from "./system-trends.js";
import { tabs } from "../components/tabs.js";
import { SlThresholds } from "./thresholds.js";
import { complain, toast } from "../base/toast.js";
import { counted, duration, elapsed, number, time } from "../base/words.js";

/** @import { Model } from "./system-model.js" */

/** Ranges of the charts, by their name in the URL (`?range=1h`). */
const RANGES = new Map([["1m", 60], ["10m", 600], ["1h", 3600]]);
const USUAL = "10m";
const SHOWN_TRENDS = 6;
/** On a younger platform charts show its lifetime, at least this many seconds. */
const LEAST = 30;

const page = byId("system", HTMLElement);
const anomalies = byId("anomalies", SlAnomalies);
const thresholds = byId("thresholds", SlThresholds);
const charts = byId("charts", HTMLElement);
const group = new ChartGroup();
/** @type {Model|null} */ let model = null;
/** Anomalies that are stored. @type {import("./system-model.js").Anomaly[]} */ let stored = [];
/** @type {SlChart[]} */ let made = [];
/** @type {import("../components/chart.js").Picture[]} */ let shown = [];
/** @type {Record<string, number>} */ let limits = {};
/** The range at which the charts are paused; null: they advance. @type {{from: number, to: number}|null} */ let still = null;
/** The number of the newest announced anomaly. @type {number|null} */ let heard = null;
/** The moment in the URL, until the first points have arrived; NaN: none. */
let wanted = Date.parse(new URL(location.href).searchParams.get("at") ?? "") / 1000;
let range = RANGES.get(new URL(location.href).searchParams.get("range") ?? USUAL) ?? 600;
let view = "figures";
/** Views that are loaded when first opened. @type {import("./log-view.js").SlLog|null} */ let log = null;
/** @type {import("./talk.js").SlTalk|null} */ let talk = null;

const feed = new Feed(liveUrl("system"), (messages) => {
  for (const message of messages) {
    const next = reduce(model, message);
    if (!next) return feed.sync();
    if (next.epoch !== model?.epoch) void readStored();
    if (model && next.epoch !== model.epoch) {
      heard = null;
      letGo();
    }
    model = next;
  }
  if (!model) return;
  feed.expect(model.interval);
  show();
  if (wanted && model.points.length) bring(wanted);
  if (view === "talk") void talk?.refresh();
}, (status) => {
  showStatus(status);
  showLost(status, Number(model?.points.at(-1)?.[0] ?? 0));
  if (status === "silent" && !model) void readStored(); // no frame will ask for them
});

function show() {
  if (!model) return anomalies.show([], stored.toReversed());
  const last = model.points.at(-1);
  const known = last !== undefined;
  page.dataset.ready = known ? "points" : "waiting";
  byId("first-point", HTMLElement).hidden = known;
  charts.hidden = !known;
  write(byId("first-point-text", HTMLElement),
    `This node is looked at every ${duration(model.interval)}. The first point comes within that time.`);
  anomalies.show(model.anomalies, withStored(model, stored), calmParts(model));
  showState();
  announce();
  if (!known) return;
  const at = (/** @type {string} */ name) => last[model?.columns.indexOf(name) ?? 0];
  const seconds = Number(at("seconds")) || 1;
  write(byId("figure-lag", HTMLElement), withUnit(Number(at("loop_lag_ms")), "ms"));
  write(byId("figure-processes", HTMLElement), number(Number(at("processes"))));
  write(byId("figure-messages", HTMLElement), rate(Number(at("messages_per_s"))));
  write(byId("figure-restarts", HTMLElement), rate(Number(at("restarts")) / seconds));
  drawCharts();
}

/** Read the anomalies of earlier attachments and of before the platform started: the feed has only those that it saw. */
async function readStored() {
  try {
    stored = (await request("GET", "/system/anomalies?ended=true")).anomalies;
    show();
  } catch {
    // the status line shows whether the server responds
  }
}

/** @param {number} value */
const rate = (value) => withUnit(value, "per_s").replace("/s", "");

/** Show the worst anomaly in the bar. */
function showState() {
  const state = byId("state", HTMLAnchorElement);
  const active = model?.anomalies ?? [];
  const worst = active.reduce((most, one) => Math.max(most, RANKS.indexOf(one.severity)), -1);
  state.dataset.level = worst < 0 ? "none" : RANKS[worst];
  const svg = state.querySelector("svg");
  if (svg) reshape(svg, worst < 0 ? "running" : worst === 0 ? "gave-up" : "crashed");
  const text = state.querySelector("span");
  if (text)
    write(text, worst < 0 ? "no problems"
      : active.length === 1 ? kindOf(active[0]?.type ?? "") : counted(active.length, "anomaly", "anomalies"));
}

/** Announce new anomalies to screen readers; the first ones are on the page. */
function announce() {
  const active = model?.anomalies ?? [];
  const fresh = heard === null ? [] : active.filter((one) => one.number > /** @type {number} */ (heard));
  heard = Math.max(heard ?? 0, ...active.map((one) => one.number));
  if (fresh.length) write(byId("announce", HTMLElement), fresh.map((one) => `${kindOf(one.type)}: ${one.description}`).join(". "));
}

function drawCharts() {
  if (!model) return;
  shown = pictures(model, limits);
  const newest = Number(model.points.at(-1)?.[0] ?? 0);
  if (!made.length) {
    made = shown.map(() => new SlChart());
    for (const chart of made) chart.group = group;
    charts.append(...made);
  }
  if (still) group.show(still.from, still.to);
  else group.show(Math.max(newest - range, Math.min(Number(model.points[0]?.[0]), newest - LEAST)), newest);
  shown.forEach((picture, place) => made[place]?.show(picture));
  byId("now", HTMLButtonElement).hidden = still === null;
  showTrends();
}

function showTrends() {
  const { from, to } = group.span;
  const found = trends(shown, from, to);
  write(byId("trends-hint", HTMLElement),
    found.length ? "" : tooFew(shown, from, to) ? "Too little data for a trend yet."
      : `No clear trend over ${elapsed(Math.round(to - from))}.`);
  renew(byId("trends-list", HTMLElement), found.slice(0, SHOWN_TRENDS).map((one) => make("li", { class: "trend" },
    icon("up", one.rises ? "icon rises" : "icon falls"),
    make("p", {},
      make("b", {}, one.name === one.title || one.title.startsWith(one.name) ? one.title : `${one.title}, ${one.name}`),
      ` ${one.steady ? (one.rises ? "rose" : "fell") : one.rises ? "rises" : "falls"} from ${withUnit(one.from, one.unit)} `
        + `to ${withUnit(one.to, one.unit)}${one.steady ? `, and has been steady for ${elapsed(Math.round(one.steady))}` : ""}`),
    make("p", { class: "hint" },
      `${one.perMinute > 0 ? "+" : "−"}${withUnit(Math.abs(one.perMinute), one.unit).replace("/s", "/s ")} a minute over `
        + `${elapsed(Math.round(one.seconds))}${one.steady ? " before that" : `, in ${counted(one.samples, "point")}`}`))));
}

/** @param {number} seconds */
function setRange(seconds) {
  range = seconds;
  still = null;
  storeRange();
  for (const input of byId("ranges", HTMLElement).querySelectorAll("input")) input.checked = Number(input.value) === seconds;
  drawCharts();
}

/** Put the range into the URL, for reloads and links. */
function storeRange() {
  const here = new URL(location.href);
  const word = [...RANGES].find(([, seconds]) => seconds === range)?.[0] ?? USUAL;
  if (word === USUAL) here.searchParams.delete("range");
  else here.searchParams.set("range", word);
  if (here.href !== location.href) history.replaceState(history.state, "", here);
}

/** Pause all charts at a range. @param {number} from @param {number} to */
function stand(from, to) {
  still = { from, to };
  for (const input of byId("ranges", HTMLElement).querySelectorAll("input")) input.checked = false;
  drawCharts();
}

function letGo() {
  still = null;
  group.hold(null);
  setRange(range);
}

/** Go to a moment. @param {number} at */
function goTo(at) {
  if (!bring(at)) return;
  choose("figures");
  byId("moment", HTMLElement).scrollIntoView({ block: "nearest" });
}

/** Put the common cursor at a moment and show it in the charts if they have its samples. @param {number} at */
function bring(at) {
  wanted = NaN;
  const newest = Number(model?.points.at(-1)?.[0] ?? 0);
  const oldest = Number(model?.points[0]?.[0] ?? 0);
  if (!model?.points.length || at < oldest - 60) {
    toast(`There are no figures of ${time(at)} any more.`, { hint: "The page has those of the last hour.", level: "bad" });
    storeMoment();
    return false;
  }
  const wide = [...RANGES.values()].find((one) => one >= newest - at + 20);
  if (wide !== undefined && wide <= 600 && newest - at < wide * 0.9) setRange(wide);
  else stand(at - 60, at + 60);
  group.hold(at);
  return true;
}

/** Put the moment into the URL, for reloads and links. */
function storeMoment() {
  const here = new URL(location.href);
  if (group.held === null) here.searchParams.delete("at");
  else here.searchParams.set("at", new Date(group.held * 1000).toISOString());
  if (here.href !== location.href) history.replaceState(history.state, "", here);
}

function showMoment() {
  const at = group.held;
  const moment = byId("moment", HTMLElement);
  moment.hidden = at === null;
  storeMoment();
  if (at === null) return;
  write(byId("moment-title", HTMLElement), `Moment ${time(at)}`);
  const figures = shown.map((picture) => {
    const place = nearest(picture.times.at, at);
    const value = picture.series[0]?.values[place];
    return value ? `${picture.title.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase())} ${withUnit(value, picture.unit)}` : "";
  }).filter(Boolean);
  write(byId("moment-text", HTMLElement), figures.slice(0, 5).join(", "));
}

/** Return the visible content as rows with columns. */
function onScreen() {
  if (view === "log") return { name: "log", rows: log?.rows() ?? [] };
  if (view === "talk") return { name: "topology", rows: talk?.rows() ?? [] };
  if (view === "thresholds")
    return {
      name: "thresholds",
      rows: Object.entries(limits)
        .filter(([name]) => name.startsWith("anomaly_") || name === "scan_interval")
        .map(([setting, value]) => ({ setting, value })),
    };
  const { from, to } = group.span;
  const columns = model?.columns ?? [];
  const points = (model?.points ?? []).filter((point) => Number(point[0]) >= from && Number(point[0]) <= to);
  return {
    name: "figures",
    rows: points.map((point) => ({
      timestamp: new Date(Number(point[0]) * 1000).toISOString(),
      ...Object.fromEntries(columns.map((name, place) => [name, point[place] ?? null])),
    })),
  };
}

/** @param {"json"|"csv"} format */
function exportVisible(format) {
  const { name, rows } = onScreen();
  if (!rows.length) {
    toast("There is nothing on the screen to export.");
    return;
  }
  const file = `superlearner-${name}-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${format}`;
  if (format === "csv") save(file, "text/csv", csv(Object.keys(rows[0] ?? {}), rows));
  else
    save(file, "application/json",
      JSON.stringify(
        {
          what: name,
          node: chosen() || document.documentElement.dataset.node,
          exported_at: new Date().toISOString(), rows,
          ...(name === "figures"
            ? {
              anomalies: [...(model?.anomalies ?? []), ...(model ? withStored(model, stored) : [])].filter((one) =>
                secondsOf(one.since) <= group.span.to && (one.until === null || secondsOf(one.until) >= group.span.from)),
            }
            : {}),
        },
        null, 1));
}

/** @param {number|null} [at]  show only lines around this moment */
async function openLog(at = null) {
  try {
    const { SlLog } = await import("./log-view.js");
    log = byId("log", SlLog);
    log.open();
    if (at !== null) log.around(at);
  } catch (error) {
    complain(error, "Open the log");
  }
}

async function openTalk() {
  try {
    const { SlTalk } = await import("./talk.js");
    talk = byId("talk", SlTalk);
    await talk.refresh();
  } catch (error) {
    complain(error, "Open who talks to whom");
  }
}

const choose = tabs(byId("views", HTMLElement), (opened) => {
  view = opened;
  if (opened === "talk") void openTalk();
  if (opened === "log") void openLog();
  if (opened === "thresholds") void thresholds.load();
});

byId("ranges", HTMLElement).onchange = (event) => event.target instanceof HTMLInputElement && setRange(Number(event.target.value));
byId("now", HTMLButtonElement).onclick = letGo;
byId("export-json", HTMLButtonElement).onclick = () => exportVisible("json");
byId("export-csv", HTMLButtonElement).onclick = () => exportVisible("csv");
byId("moment-end", HTMLButtonElement).onclick = letGo;
byId("moment-log", HTMLButtonElement).onclick = () => {
  const at = group.held;
  choose("log");
  if (at !== null) void openLog(at);
};
anomalies.addEventListener("sl-moment", (event) => event instanceof CustomEvent && goTo(event.detail));
thresholds.addEventListener("sl-limits", (event) => {
  if (!(event instanceof CustomEvent)) return;
  limits = event.detail;
  if (model?.points.length) drawCharts();
});
group.addEventListener("sl-moment", showMoment);
group.addEventListener("sl-span", (event) => event instanceof CustomEvent && stand(event.detail.from, event.detail.to));
shortcuts([
  { keys: ["1"], text: "The last minute", run: () => setRange(60) },
  { keys: ["2"], text: "The last ten minutes", run: () => setRange(600) },
  { keys: ["3"], text: "The last hour", run: () => setRange(3600) },
  { keys: ["n"], text: "Back to now", run: letGo },
  { keys: ["←", "→"], text: "On a chart: move the cursor of all charts; Enter holds the moment, Escape lets it go" },
  { keys: ["Shift Enter"], text: "On a chart: show only the time between the held moment and the cursor" },
]);
setRange(range);
feed.start();
