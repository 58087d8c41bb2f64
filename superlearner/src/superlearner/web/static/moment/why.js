/**
 * The page /why/<event>: one restart, played.
 *
 * @module
 */

import { ApiError, request } from "../base/api.js";
import { byId, chosen, icon, root, write } from "../base/dom.js";
import { processLink } from "../base/process-link.js";
import { time } from "../base/words.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { others } from "./details.js";
import { all } from "./picture.js";
import { linkButton, saveButton } from "./share.js";
import { fallen, namer, victim } from "./story.js";
import { notesOf, Theatre, titleOf } from "./theatre.js";

/** @import { Moment } from "./schedule.js" */

const AGAIN_MS = 1000;
/** Requests for a restart that goes on. */
const MOST_AGAIN = 60;
/** Event numbers start over with the platform. A restart whose time differs by more than this is another one. */
const SAME_S = 5;

const page = byId("why", HTMLElement), head = byId("why-head", HTMLElement), body = byId("why-body", HTMLElement);
const query = new URLSearchParams(location.search);
const number = /\/why\/(\d+)$/.exec(location.pathname)?.[1];
const theatre = new Theatre(body), { stage } = theatre;
const copy = linkButton(address, "Copy the link to this restart; it works until the platform restarts");
const read = () => request("GET", `/restarts/${number}/file`), saves = [saveButton(read, "btn wide"), saveButton(read)];
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
    if (first) {
      const address = new URLSearchParams(location.search), asks = Number(query.get("stage") ?? NaN);
      address.set("at", seconds(moment));
      history.replaceState(null, "", `${root()}/why/${moment.id}?${address}`);
      theatre.open(moment);
      if (others(moment).includes(query.get("ghost") ?? "")) stage.ghost = query.get("ghost");
      void document.fonts.ready.then(() => {
        stage.fit();
        stage.reveal();
        if (asks >= 0 && asks <= 6) stage.pose(asks);
        else stage.play();
      });
    } else {
      stage.moment = moment;
      if (ended) stage.seek(stage.score.end);
      else if (playing) stage.play();
    }
    tell(moment);
  }
  page.dataset.ready = "moment";
  if (moment.going_on && (asked += 1) < MOST_AGAIN) setTimeout(() => void load().catch(() => {}), AGAIN_MS);
}

/** Write everything around the stage. @param {Moment} moment */
function tell(moment) {
  const who = namer(moment)(victim(moment)), pid = newest(moment), title = titleOf(moment);
  document.title = `${title} · SuperLearner`;
  write(byId("announce", HTMLElement), moment.summary);
  const links = () => html`${pid ? processLink(pid, `Open ${who}`, { class: "btn wide" }) : nothing}<a class="btn quiet wide"
    href=${here("/timeline", { at: moment.at.toFixed(6) })}>Show in the timeline</a>`;
  render(html`<h1>${fallen(moment) === null ? nothing : icon("gave-up", "glyph")}${title}</h1>
    <p class="hint"><time datetime=${new Date(moment.at * 1000).toISOString()}>${time(moment.at)}</time></p>
    <div class="acts">${links()}${saves[0]}${copy}</div>`, head);
  theatre.tell(moment, title, notesOf(moment), html`<div class="acts">${links()}${saves[1]}</div>`);
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
