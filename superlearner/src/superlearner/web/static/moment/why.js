/**
 * The page /why/<event>: one restart, played.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { copyButton } from "../base/copying.js";
import { attribute, byId, chosen, icon, root, write } from "../base/dom.js";
import { processLink } from "../base/process-link.js";
import { time } from "../base/words.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { raised } from "./captions.js";
import { RestartDock } from "./dock.js";
import { isSupervisor } from "./layout.js";
import { all } from "./picture.js";
import { RestartStage } from "./stage.js";
import { fallen, headline, isSlow, namer, others, rows, span, step, victim } from "./story.js";

/** @import { Moment, MomentEvent } from "./schedule.js" */

const AGAIN_MS = 1000;
/** Requests for a restart that goes on. */
const MOST_AGAIN = 60;
/** Event numbers start over with the platform. A restart whose time differs by more than this is another one. */
const SAME_S = 5;

const page = byId("why", HTMLElement), head = byId("why-head", HTMLElement), body = byId("why-body", HTMLElement);
const query = new URLSearchParams(location.search);
const number = /\/why\/(\d+)$/.exec(location.pathname)?.[1];
const stage = new RestartStage(), dock = new RestartDock();
stage.setAttribute("fill", "");
stage.tabIndex = 0;
stage.role = "group";
const copy = copyButton(address, "Copy link", "Copy the link to this restart; it works until the platform restarts", "btn");
let asked = 0;

/** Return the address of this page and of what it shows now. */
function address() {
  const now = new URLSearchParams({ ...(chosen() ? { node: chosen() } : {}), ...(stage.moment ? { at: seconds(stage.moment) } : {}) });
  if (stage.stage && stage.stage < 6) now.set("stage", `${stage.stage}`);
  if (stage.ghost) now.set("ghost", stage.ghost);
  return `${location.origin}${location.pathname}${now.size ? `?${now}` : ""}`;
}

/** The time of a restart in its address. @param {Moment} moment */
const seconds = ({ at }) => `${Math.round(at)}`;

/** @param {string} path @param {Record<string, string>} [asks] */
const here = (path, asks = {}) => {
  const query = new URLSearchParams({ ...(chosen() ? { node: chosen() } : {}), ...asks });
  return `${root()}${path}${query.size ? `?${query}` : ""}`;
};

async function load() {
  try {
    /** @type {Moment} */ const moment = await request("GET", `/restarts/${number}`);
    if (query.has("at") && Math.abs(Number(query.get("at")) - moment.at) > SAME_S) gone();
    else show(moment);
  } catch (error) {
    if (stage.moment || !(error instanceof ApiError)) throw error;
    if (error.status === 404) gone();
    else failed(error);
  }
}

/** @param {Moment} moment */
function show(moment) {
  const first = stage.moment === null;
  if (JSON.stringify(stage.moment) !== JSON.stringify(moment)) {
    const { playing } = stage, ended = stage.time >= stage.score.end;
    stage.moment = moment;
    if (first) {
      mount(moment);
      const asks = Number(query.get("stage") ?? NaN);
      dock.follow(stage);
      if (others(moment).includes(query.get("ghost") ?? "")) stage.ghost = query.get("ghost");
      void document.fonts.ready.then(() => {
        stage.fit();
        stage.reveal();
        if (asks >= 0 && asks <= 6) stage.pose(asks);
        else stage.play();
      });
    } else if (ended) stage.seek(stage.score.end);
    else if (playing) stage.play();
    tell(moment);
  }
  page.dataset.ready = "moment";
  if (moment.going_on && (asked += 1) < MOST_AGAIN) setTimeout(() => void load().catch(() => {}), AGAIN_MS);
}

/** @param {Moment} moment */
function mount(moment) {
  const asks = new URLSearchParams(location.search);
  asks.set("at", seconds(moment));
  history.replaceState(null, "", `${root()}/why/${moment.id}?${asks}`);
  render(html`<div class="theatre"><div class="ground">${stage}</div>${dock}</div><aside class="facts" aria-label="What happened"></aside>`,
    body);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const on = event.target instanceof Element ? event.target : document.body;
    if (on.closest("input, textarea, select, [contenteditable], nav, header, pre") || (event.key === " " && on.closest("a, button")))
      return;
    stage.pressed(event);
  });
  stage.addEventListener("restart-time", follow);
}

/** Write everything around the stage. @param {Moment} moment */
function tell(moment) {
  const name = namer(moment), who = name(victim(moment)), pid = newest(moment);
  const end = all(moment.root).find(({ id }) => id === victim(moment));
  const title = `Why ${headline(moment)}`;
  document.title = `${title} · SuperLearner`;
  stage.ariaLabel = `${title}. Space plays and pauses, the arrow keys step.`;
  write(byId("announce", HTMLElement), moment.summary);
  const links = () => html`${pid ? processLink(pid, `Open ${who}`, { class: "btn wide" }) : nothing}<a class="btn quiet wide"
    href=${here("/timeline", { at: moment.at.toFixed(6) })}>Show in the timeline</a>`;
  const notes = [
    moment.going_on ? "This restart has not ended yet." : "",
    moment.complete ? "" : "Some of its events are no longer in memory. You see those that are.",
    end && !isSupervisor(end) && end.state === null ? `No state of ${who} was kept.` : "",
    moment.storm
      ? `This child was also restarted ${moment.storm === 1 ? "once" : `${moment.storm} times`} within 20 s before or after.`
      : "",
  ].filter(Boolean);
  render(html`<h1>${fallen(moment) === null ? nothing : icon("gave-up", "glyph")}${title}</h1>
    <p class="hint"><time datetime=${new Date(moment.at * 1000).toISOString()}>${time(moment.at)}</time></p>
    <div class="acts">${links()}${copy}</div>`, head);
  const facts = body.querySelector(".facts"), slow = isSlow(moment, stage.duration);
  if (!(facts instanceof HTMLElement)) return;
  render(html`${moment.line ? raised(moment.line) : nothing}${notes.map((note) => html`<p class="note" data-level="info">${note}</p>`)}
    <h2>What happened</h2>
    <ol class="steps">${rows(moment).map(({ event, from: place, to, times }) => {
      const { who: subject, text, more } = step(moment, event, times);
      return html`<li><button type="button" data-event=${place} data-last=${to} data-kind=${event.kind}
        data-what=${event.kind === "decide" ? event.what : ""} @click=${() => seek(place)}>
        ${mark(event)}<span><b>${subject}</b> ${text} ${!more ? nothing
          : event.kind === "decide" ? html`· ${more}`
          : html`<code>${more}</code>`}</span><time>${place ? `+${span(event.at)}` : "0"}</time></button></li>`;
    })}</ol>
    <p class="hint real">${moment.took === null
      ? nothing
      : html`In reality this took <b>${span(moment.took)}</b>. `}${slow ? "Slowed down so you can follow it." : ""}</p><div
        class="acts">${links()}</div>`,
    facts);
  follow();
}

/** @param {MomentEvent} event */
function mark(event) {
  const shapes = { crash: "crashed", link: "crashed", signal: "up", decide: "supervisor", stop: "stopped", start: "running" };
  return icon(event.kind === "decide" && event.what === "give_up" ? "gave-up" : shapes[event.kind], "glyph");
}

/** Show the moment in which an event is done. @param {number} place */
function seek(place) {
  const shares = { crash: 0.5, go: 1, decide: 0.5, stopped: 0.01, started: 0.5 };
  stage.seek(Math.max(...stage.score.cues.map((cue) => (cue.event === place ? cue.at + cue.dur * shares[cue.kind] : 0))));
}

/** Mark the events that have happened on the stage. */
function follow() {
  const { cues } = stage.score, now = stage.time;
  const begun = Math.max(-1, ...cues.filter(({ at }) => at < now).map(({ event }) => event));
  for (const button of body.querySelectorAll(".steps button")) {
    if (!(button instanceof HTMLElement)) continue;
    const place = Number(button.dataset.event), last = Number(button.dataset.last);
    attribute(button, "data-done", place <= begun);
    attribute(button, "aria-current", place <= begun && begun <= last && stage.stage < 6 ? "step" : null);
  }
}

/** Return the pid of the process that ended, or of the one in its place. @param {Moment} moment */
function newest(moment) {
  const id = victim(moment),
    starts = moment.events.flatMap((event) => (event.kind === "start" && event.id === id && event.pid ? [event.pid] : []));
  return starts.at(-1) ?? all(moment.root).find((node) => node.id === id)?.pid ?? null;
}

/** An event that is unknown, forgotten, or not part of a restart. */
function gone() {
  page.dataset.ready = "gone";
  document.title = "Restart not in memory · SuperLearner";
  render(html`<h1>Restart ${number}</h1>`, head);
  render(html`<div class="void"><h2>This restart is no longer in memory</h2>
    <p>A node keeps its newest events only, and forgets them when it ends. Event ${number} is not among them, or is not part of a
    restart.</p>
    <p class="acts"><a class="btn primary" href=${here("/timeline")}>Open the timeline</a>
    <a class="btn" href=${here("/supervisors")}>Go to the supervision tree</a></p></div>`,
    body);
}

/** @param {ApiError} error */
function failed(error) {
  page.dataset.ready = "failed";
  render(html`<h1>Restarts</h1>`, head);
  render(html`<div class="void" role="alert"><h2>${error.message}</h2>${error.hint ? html`<p>${error.hint}</p>` : nothing}
    <p><button type="button" class="btn" @click=${() => void load()}>Try again</button></p></div>`, body);
}

head.replaceChildren();
body.replaceChildren();
void load();
