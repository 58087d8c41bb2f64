/**
 * The start page: a live picture of one supervisor with the first steps, current problems, recent restarts, and links
 * to everything else.
 *
 * @module
 */

import { kill, platform, request } from "../base/api.js";
import { byId, chosen, detail, icon, make, nodeQuery, onlyOwn, renew, root, spoken, write } from "../base/dom.js";
import { describeServices, elsewhere, isDue, NONE } from "./elsewhere.js";
import { SlFamily } from "./family.js";
import { newest, restartText } from "./last-restarts.js";
import {
  ALONE, besideWhy, chainsOf, onceEach, ownStorms, processesOf, resumeHint, stateWithout, stoppedText, suspendedText, unknownBecause,
  withoutStorm,
} from "./problems.js";
import { answers, done, Explained, lastBranch, listed, sceneOf, storyOf, troubledBranch } from "./first-steps.js";
import { isSettled } from "../live/bursts.js";
import { Feed, liveUrl } from "../live/live.js";
import { EMPTY, label, reduce, tally } from "../live/model.js";
import { SHAPES } from "../base/marks.js";
import { processLink, whyAddress } from "../base/process-link.js";
import { pages } from "../shell/nav.js";
import { Held } from "../live/held.js";
import { burning, nameIn, restartsIn, stormText, Storms } from "../live/storms.js";
import { heldOn, heldWords, lostWords, showLost, showStatus } from "../live/status.js";
import { byRank, calmParts, isBefore, madeBeside, reduce as judged, signOf } from "../system/system-model.js";
import { complain } from "../base/toast.js";
import { counted, number, reasonedState, time } from "../base/words.js";

/** @import { Message, Model, Row } from "../live/model.js" */
/** @import { Scene } from "./first-steps.js" */

const KEY = "superlearner.first-steps";
const SHOWN = 5;
const LAST = 3;
/** Stored restarts that are read: callers that ended with their server are not listed. */
const READ = 50;
/** Time for which a give-up is shown if there is no monitor. */
const FRESH_S = 60;
/** An entry is complete after this time. */
const SETTLED_S = 0.5;

const page = byId("start", HTMLElement);
const family = byId("family", SlFamily);
const killIt = byId("kill-it", HTMLButtonElement);

/** @type {Model} */ let model = EMPTY;
let skew = 0;
/** Server time of the newest frame. */
let fresh = 0;
/** The reason why problems are unknown, or "". */
let unknown = "";
/** @type {Scene|null} */ let scene = null;
/** Feed entries up to this number precede the visit and complete no step. */
let known = 0;
const explained = new Explained();
/** The entry that was announced last. */
let announced = 0;
/** Restarts counted in the monitor's samples: later ones are not in them yet. @type {number|null} */ let sampled = null;
/** Findings of the node's monitor. @type {import("../system/system-model.js").Model|null} */ let found = null;

/** The newest restarts: of the chosen node, or of all nodes. @type {readonly Api.RestartLine[]} */
let storedRestarts = [];

/** Problems of all nodes; null before the first answer. @type {import("./elsewhere.js").Answer|null} */ let everywhere = null;

/** Whether a request to the nodes is under way. */
let asking = false;

/** Whether something has changed since that request began. */
let changed = false;

const storms = new Storms();
/** @type {readonly import("../live/storms.js").Line[]} */ let lines = [];
const held = new Held(byId("last", HTMLElement), byId("last-held", HTMLElement), list);
const heldWrong = new Held(byId("wrong", HTMLElement), byId("wrong-held", HTMLElement), () => wrong());

const feed = new Feed(liveUrl("supervisors"), onMessages, onStatus);
const findings = new Feed(liveUrl("system"), onFindings, () => {}); // the status line shows whether the server responds

/** @param {Message[]} messages */
function onMessages(messages) {
  const before = model;
  for (const message of messages) {
    model = reduce(model, message);
    if (message.k === "s") skew = message.now - Date.now() / 1000;
  }
  if (model.gap) {
    if (!before.gap) feed.sync();
    return;
  }
  fresh = Date.now() / 1000 + skew;
  if (model === before) return;
  if (before.epoch !== model.epoch) sampled = null;
  sampled ??= model.restarts;
  if (before.epoch !== model.epoch) {
    begin();
    void readRestarts();
    void readOthers();
  }
  if (before.rows !== model.rows || before.feed !== model.feed || !model.rows.size) draw();
  if (before.feed !== model.feed) {
    lines = storms.take(restartsIn(model.feed), model.epoch);
    void readRestarts();
    family.play(model.feed, skew);
  }
  if (before.rows !== model.rows || before.feed !== model.feed) steps();
  if (before.rows !== model.rows || before.restarts !== model.restarts) count();
  if (before.rows !== model.rows || before.feed !== model.feed || before.snapshots !== model.snapshots || burns) wrong();
  page.dataset.ready = scene ? "scene" : "none";
}

/** @param {import("../live/live.js").Status} status */
function onStatus(status) {
  showStatus(status);
  showLost(status, fresh);
  if (status === "silent" && !asked) void readRestarts(); // no picture will ask for them
  if (status === "silent" && !everywhere) void readOthers();
  unknown = unknownBecause(status, lostWords(status, 0));
  page.dataset.ready = stateWithout(page.dataset.ready, unknown && heldWords());
  wrong();
}

/** Update the anomalies after each sample of the monitor. @param {unknown[]} frames */
function onFindings(frames) {
  for (const frame of frames) {
    found = judged(found, frame);
    if (!found) return findings.sync();
  }
  if (!found) return;
  findings.expect(found.interval);
  sampled = model.epoch === null ? null : model.restarts;
  if (!asking && isDue(everywhere, model.node)) void readOthers();
  wrong();
}

/** Read the problems of all nodes. */
async function readOthers() {
  changed = true;
  if (asking) return;
  asking = true;
  while (changed) {
    changed = false;
    try {
      everywhere = onlyOwn() ? NONE : await platform("GET", "/cluster/anomalies");
    } catch {
      everywhere ??= NONE; // the status line shows whether the server responds
    }
    wrong();
  }
  asking = false;
}

/** Load the page again when a service is attached, lost or detached: services stand before the platform's own tree. */
async function followServices() {
  /** @type {{name: string, state: string}[]|null} */ const all = await platform("GET", "/nodes/attached").catch(() => null);
  if (all && describeServices(all) !== page.dataset.services) location.reload();
}

/** Return the start of the visit, which survives reloads. */
function begin() {
  const newest = model.feed.reduce((most, event) => Math.max(most, event.id), 0);
  const place = `${model.epoch} ${model.node}`;
  try {
    const [was, from] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    known = was === place ? Number(from) : newest;
    sessionStorage.setItem(KEY, JSON.stringify([place, known]));
  } catch {
    known = newest;
  }
}

/** Return the URL of a process in the tree. @param {string} key @param {string} [node] */
const inTree = (key, node = chosen()) => `${root()}/supervisors?${new URLSearchParams({ process: key, ...(node ? { node } : {}) })}`;

function draw() {
  // The picture does not change while it plays, or while the pointer or the focus is on it
  const stays = scene !== null && (family.busy || family.matches(":hover, :focus-within"));
  scene = sceneOf(model, scene?.supervisor.key ?? null, stays ? null : troubledBranch(model) ?? lastBranch(model.feed));
  byId("wait", HTMLElement).hidden = true;
  byId("no-scene", HTMLElement).hidden = scene !== null;
  family.hidden = scene === null;
  if (scene) family.show(scene, skew, (row) => inTree(row.key));
  else nothing();
}

/** Say why no supervisor is drawn. */
function nothing() {
  const one = storedGiveUp();
  void import("../live/downfall.js").then(({ showDownfall, storedEnd }) =>
    showDownfall(model, byId("no-scene", HTMLElement), one && storedEnd(one)));
}

/** Return the stored give-up of the node's tree, if the monitor says that it is down. */
const storedGiveUp = () => found?.anomalies.some(({ evidence }) => evidence.give_ups)
  ? storedRestarts.find(({ node, gave_up, restarted }) => gave_up && !restarted && (node ?? model.node) === model.node) ?? null : null;

/** Tick off steps from events of the feed; what is played now is written when it has been seen. */
function steps() {
  const newest = scene && storyOf(model.feed, scene, known);
  if (newest && newest.id !== announced && done(scene, newest).read) {
    write(byId("announce", HTMLElement), newest.text);
    announced = newest.id;
  }
  const unsettled = newest && newest.id !== explained.story?.id && !isSettled(newest) && Date.now() / 1000 + skew - newest.at < SETTLED_S;
  if (unsettled) setTimeout(steps, 1000 * SETTLED_S); // it is to be played, once its end is known
  const story = explained.take(newest, family.busy || Boolean(unsettled), performance.now());
  const reached = done(scene, story);
  let current = "";
  for (const item of byId("steps", HTMLElement).children) {
    if (!(item instanceof HTMLElement)) continue;
    const name = /** @type {keyof typeof reached} */ (item.dataset.step ?? "look");
    if (reached[name] !== "done" in item.dataset) {
      if (reached[name]) item.dataset.done = "";
      else delete item.dataset.done;
      item.querySelector(".vh")?.remove();
      if (reached[name]) item.querySelector("h3")?.append(make("span", { class: "vh" }, " (done)"));
    }
    if (!reached[name] && !current) current = name;
    item.ariaCurrent = !reached[name] && current === name ? "step" : null;
  }
  const victim = scene?.victim ?? null;
  killIt.disabled = !victim?.pid;
  if (scene && victim) {
    const name = label(victim), boss = label(scene.supervisor);
    write(byId("look-text", HTMLElement), `${boss} is a supervisor. It started ${listed(scene.children.map(label))}, and watches `
      + `${scene.children.length === 1 ? "it: if it ends" : "them: if one ends"}, it is started again.`);
    const killed = story?.kind !== "gave_up" && reached.kill ? story?.parts?.who ?? name : name; // perhaps by its button in the picture
    write(byId("kill-title", HTMLElement).firstChild ?? byId("kill-title", HTMLElement), `Kill ${killed}`);
    write(killIt, reached.kill && killed === name ? `Kill ${name} again` : `Kill ${name}`);
  }
  byId("read-wait", HTMLElement).hidden = story !== null;
  byId("answers", HTMLElement).hidden = story === null;
  byId("next", HTMLElement).hidden = !reached.read;
  if (!story || !scene) return;
  const told = answers(story);
  write(byId("answer-why", HTMLElement), told.why);
  write(byId("answer-who", HTMLElement), told.who);
  write(byId("answer-left", HTMLElement), told.left);
  const beginning = pages().find(({ id }) => id === "learn");
  renew(byId("next", HTMLElement), [ // replacing a link during a click would lose the click
    ...(story.event ? [make("a", { href: whyAddress(story.ref ?? story.event) }, "Watch it again")] : []),
    make("a", { href: inTree(story.key ?? scene.supervisor.key) }, "See it in the whole tree"),
    make("a", { href: beginning?.href ?? `${root()}/docs/start` },
      beginning ? "Go on with the learning path" : "Write your own supervisor"),
  ]);
}

/** @param {Row|null|undefined} row */
async function end(row) {
  if (!row?.pid) return;
  killIt.disabled = true;
  try {
    await kill(row.pid);
  } catch (error) {
    complain(error, `Kill ${label(row)}`);
  }
  killIt.disabled = !scene?.victim?.pid;
}

function count() {
  const { running, stuck, suspended, restarting, crashed } = tally(model);
  for (const [id, value, text] of /** @type {[string, number, string][]} */ ([
    ["running", running, "running"], ["stuck", stuck, "not answering"], ["suspended", suspended, "suspended"],
    ["restarting", restarting, "restarting"],
    ["crashed", crashed, "crashed"], ["restarts", model.restarts, model.restarts === 1 ? "restart" : "restarts"],
  ])) {
    const element = byId(`start-${id}`, HTMLElement);
    element.hidden = value === 0 && id !== "running" && id !== "restarts";
    write(element.querySelector("b") ?? element, number(value));
    write(element.querySelector("span") ?? element, text);
  }
  write(byId("start-node", HTMLElement), model.node);
}

/** Return the line about problems that are not listed, with a link to them. @param {number} count @param {string} href */
const more = (count, href) => (count > 0 ? [make("li", {}, make("a", { href }, `and ${number(count)} more`))] : []);

/** What the platform says before its advice about a service that does not answer. */
const ADVICE = /; (?=if it never returns, end |continue it with `)/;

/** Whether a storm is shown, which ends without a frame of its own. */
let burns = false;

/** Show problems that need attention, with links. */
function wrong() {
  if (!scene) nothing();
  const all = burning(lines, Date.now() / 1000 + skew), burnt = ownStorms(all, found?.anomalies ?? [], model);
  burns = all.length > 0;
  const { rows, anomalies } = onceEach([...model.rows.values()].filter(({ state, restart }) =>
    ["crashed", "gave_up", "stuck", "suspended", "restarting"].includes(state) || (state === "stopped" && restart === "permanent")),
    withoutStorm(found?.anomalies ?? [], all, model), burnt, model);
  anomalies.sort(byRank);
  const away = elsewhere(everywhere, model.node || chosen(), found !== null), holds = unknown && heldWords();
  const system = pages().find(({ id }) => id === "system")?.href ?? `${root()}/docs/monitoring`;
  const fallen = gaveUp(new Set([...rows.map(({ key }) => key), ...burnt.map(({ event }) => event.key ?? ""),
    ...anomalies.filter(({ evidence }) => evidence.give_ups).flatMap(({ name, evidence }) => [name, ...evidence.above ?? []])]));
  const own = burnt.filter(({ event }) => !fallen.flat().some(({ key }) => key === event.sup)); // its give-up says it
  const others = [
    ...away.slice(0, SHOWN).map(({ node, text, one }) => make("li", ...severe(one?.severity),
      make("a", { href: `${root()}/${nodeQuery(node)}` }, make("code", {}, node)),
      ...tried(text.startsWith(`${node} `) ? text.slice(node.length) : `: ${text}`), ...(one ? whereabouts(one, node) : []))),
    ...more(away.length - SHOWN, `${root()}/system${nodeQuery(away[SHOWN]?.node)}`),
  ];
  const items = [
    ...own.slice(0, SHOWN).map((line) => make("li", { "data-look": "crashed" }, icon("crashed", "glyph"),
      make("a", { href: inTree(line.event.key ?? "") }, nameIn(line.event)), ` ${stormText(line)}`)),
    ...more(own.length - SHOWN, `${root()}/supervisors${nodeQuery()}`),
    ...rows.slice(0, SHOWN).map((row) => make("li", { "data-look": row.state }, icon(SHAPES[row.state] ?? "crashed", "glyph"),
      make("a", { href: inTree(row.key) }, label(row)),
      row.state === "stopped"
        ? ` ${stoppedText(row, model)}`
        : row.state === "suspended" ? ` ${suspendedText(row)}`
        : ` ${reasonedState(row)}`,
      ...(row.state === "suspended" ? trying(resumeHint(row, page.dataset.services ? model.node : chosen() ?? "")) : []))),
    ...(rows.length > SHOWN ? [make("li", {}, "and ", make("a", { href: `${root()}/supervisors` },
      counted(rows.length - SHOWN, "more process", "more processes")), " in the tree")] : []),
    ...fallen.map((chain) =>
        make("li", { "data-look": "gave_up" }, icon("gave-up", "glyph"),
          make("a", { href: momentOf(chain[0]?.parts?.who) ?? system }, listed(chain.map(({ parts }) => parts?.who ?? "A supervisor"))),
          ` gave up at ${time(chain[0]?.at ?? 0)}`)),
    ...anomalies.slice(0, SHOWN)
      .map((one) => make("li", ...severe(one.severity),
        make("a", { href: (one.evidence.give_ups && momentOf(one.name)) || system },
          `${one.type.replaceAll("_", " ")}, ${one.severity}`),
        `: ${one.description}`, ...whereabouts(one))),
    ...more(anomalies.length - SHOWN, system),
  ];
  if (page.dataset.services) {
    for (const item of items) item.querySelector(".glyph")?.after(make("code", {}, model.node), ": ");
    items.unshift(...others);
  }
  else items.push(...others);
  if (holds) items.unshift(make("li", ...severe(), ...tried(heldOn(model.node || chosen(), holds))));
  write(byId("wrong-title", HTMLElement), away.length || page.dataset.services || !model.node ? "Problems" : `Problems on ${model.node}`);
  if (!heldWrong.allows(items.map(() => ({ count: 1 })))) return;
  if (!items.length && everywhere) {
    const calm = unknown || !model.rows.size ? [unknown || "There is no tree to look at."]
      : page.dataset.services ? ["Nothing is wrong now."]
      : calmParts(found, found === null ? model.restarts : sampled === null ? 0 : model.restarts - sampled,
        storedRestarts.some((one) => (one.node ?? model.node) === model.node && isBefore(found, one)), model.restarts,
        madeBeside(model.node, storedRestarts, Date.now() / 1000 + skew, storedRestarts.length >= READ));
    items.push(make("li", { class: "hint" }, ...calm));
  }
  renew(byId("wrong", HTMLElement), items);
}

/** Return the look and the icon of a problem; without a severity, a node is lost. @param {string} [severity] */
const severe = (severity = "critical") => {
  const sign = signOf(severity);
  return /** @type {const} */ ([{ "data-look": sign === "crashed" ? "crashed" : "restarting" }, icon(sign, "glyph")]);
};

/** Return what is known of a problem, and what to try. @param {string} text */
function tried(text) {
  const [what = "", hint] = text.split(ADVICE);
  return [...spoken(what), ...trying(hint)];
}

/** Return what to try. @param {string|undefined} hint  none if there is no advice */
const trying = (hint) => hint ? [make("div", { class: "hint" }, "Try: ", ...spoken(hint))] : [];

/**
 * Return when an anomaly began, links to its processes, or to the replay of a give-up, and what to do.
 * @param {Pick<Api.AnomalyLine, "type"|"since"|"pid"|"name"|"evidence"|"hint">} one @param {string} [node]
 */
function whereabouts(one, node) {
  const isOver = one.type === ALONE || one.evidence.give_ups;
  const why = one.type === ALONE ? crashOf(one, node) : one.evidence.give_ups ? momentOf(one.name, node) : null;
  return [
    ` · began ${time(Date.parse(one.since) / 1000)}`,
    ...(isOver ? [] : processesOf(one)).flatMap(({ pid, text }) => [" · ", processLink(pid, text, {}, node)]),
    ...(why ? [" · ", make("a", { href: why }, "Why?")] : []),
    ...trying(why ? besideWhy(one.hint) : one.hint),
  ];
}

/**
 * Return the address of the replay of a supervisor's last give-up; null if it is not known.
 * @param {string|null|undefined} name @param {string} [node]  another node than the shown one
 */
function momentOf(name, node) {
  const event = node ? null : model.feed.findLast(({ kind, parts }) => kind === "gave_up" && parts?.who === name);
  const of = node ?? model.node;
  const stored = storedRestarts.find((one) => one.gave_up && one.fallen?.includes(name ?? "") && (one.node ?? model.node) === of);
  const id = event?.ref ?? event?.event ?? stored?.ref;
  return id ? whyAddress(id, node) : null;
}

/**
 * Return the address of the last stored crash of a process without a supervisor; null until it is stored.
 * @param {Pick<Api.AnomalyLine, "since"|"name"|"evidence">} one @param {string} [node]  another node than the shown one
 */
function crashOf({ since, name, evidence }, node) {
  const stored = storedRestarts.find((row) => row.incident && row.crash && (row.node ?? model.node) === (node ?? model.node)
    && row.line?.startsWith(`${name ?? evidence.what} `) && row.at >= Date.parse(since) / 1000 - 1);
  return stored?.ref ? whyAddress(stored.ref, node) : null;
}

/**
 * Return supervisors that gave up since the monitor's last sample, newest first, those of one cause as one: they may run again already,
 * so they are no finding yet.
 * @param {Set<string|null|undefined>} told  those shown in other lines
 */
function gaveUp(told) {
  const looked = found?.points.at(-1)?.[found.columns.indexOf("at")];
  const from = Math.max(Date.now() / 1000 + skew - FRESH_S, typeof looked === "number" && found ? looked - found.interval : 0);
  /** @type {Map<string|null|undefined, import("../live/model.js").FeedEvent>} */ const newest = new Map();
  for (const event of model.feed)
    if (event.kind === "gave_up" && event.at > from && !told.has(event.key) && !told.has(event.parts?.who)) newest.set(event.key, event);
  return chainsOf([...newest.values()]).reverse().slice(0, SHOWN);
}

/** Show the last restarts; not while the reader points at the list. */
function last() {
  if (held.allows(lastRestarts())) list();
}

/** Return the number of rows at first: on a platform that runs no tree, the list beside the services has the whole height. */
const atFirst = () => page.dataset.services && page.dataset.ready === "none" ? 10 : LAST;

const lastRestarts = (most = unfolded ? Infinity : atFirst()) => newest({ node: model.node, stored: storedRestarts }, most);

let unfolded = false;

/** Return the button that unfolds the list; none if it has no more entries. */
function unfolding() {
  if (lastRestarts(Infinity).length <= atFirst()) return [];
  const button = make("button", { type: "button", class: "link", "aria-expanded": String(unfolded) },
    unfolded ? "Show fewer" : "Show more");
  button.onclick = () => {
    unfolded = !unfolded;
    list();
    byId("last", HTMLElement).querySelector("button")?.focus();
  };
  return [make("li", { class: "hint" }, button)];
}

/** Restarts were asked for. */ let asked = false;
/** A request for them is under way. */ let reading = false;
/** They have changed since. */ let stale = false;
/** An answer has come. */ let loaded = false;

/** Read the newest restarts, one request after the other; the feed of the shown node says only that there is something new. */
async function readRestarts() {
  stale = true;
  if (reading) return;
  reading = true;
  while (stale) {
    if (asked) await new Promise((done) => setTimeout(done, 1000 * SETTLED_S)); // most settle in this time
    asked = true;
    stale = false;
    try {
      /** @type {Api.RestartLine[][]} */ const [restarts = [], falls = []] = await Promise.all([
        request("GET", `/restarts?only=restarts&per_page=${READ}`), request("GET", "/restarts?only=give_ups&per_page=1"),
      ]);
      storedRestarts = [...restarts, ...falls.filter((fall) => restarts.every(({ ref }) => ref !== fall.ref))];
      loaded = true;
    } catch {
      continue; // the status line shows whether the server responds
    }
    last();
    wrong();
  }
  reading = false;
}

function list() {
  const items = lastRestarts().map((one) => {
    const { node, at, stored: { kept, incident, ref } } = one, of = node === model.node ? chosen() : node;
    const shows = ref && (kept || one.count > 1 || incident);
    return make("li", {},
      make("time", { datetime: new Date(at * 1000).toISOString() }, time(at)),
      make("a", { href: shows ? whyAddress(ref, of) : inTimeline(of, at) }, ...spoken(restartText(one))),
      ...(node === model.node ? [] : [make("a", { class: "hint", href: inTimeline(of, at) }, make("code", {}, node))]));
  });
  renew(byId("last", HTMLElement),
    items.length
      ? [...items, ...unfolding()]
      : [make("li", { class: "hint" }, loaded ? "None yet. Restarts appear here." : "Not loaded yet.")]);
}

/** Return the address of a moment in the timeline of a node. @param {string} node @param {number} at */
const inTimeline = (node, at) => `${root()}/timeline${nodeQuery(node, { at: at.toFixed(6) })}`;

family.addEventListener("restart-end", steps);
family.addEventListener("sl-kill", (event) => void end(model.rows.get(detail(event))));
killIt.onclick = () => {
  // A narrow window has the picture above the steps
  family.scrollIntoView({ block: family.offsetHeight > page.clientHeight ? "start" : "nearest" });
  void end(scene?.victim);
};
last();
feed.start();
findings.start();
window.addEventListener("sl-restarts", () => void readRestarts());
if (!chosen() && !onlyOwn()) window.addEventListener("sl-nodes", () => void followServices());
for (const change of ["sl-nodes", "sl-restarts"]) window.addEventListener(change, () => void readOthers());
