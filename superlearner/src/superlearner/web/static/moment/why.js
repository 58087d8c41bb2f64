/**
 * The page /why/<id>: one restart, played.
 *
 * @module
 */

import { ApiError, requestOn } from "../base/api.js";
import { byId, chosen, icon, nodeQuery, root, spoken, write } from "../base/dom.js";
import { processLink, whyAddress } from "../base/process-link.js";
import { placeOf } from "../live/storms.js";
import { nodes } from "../shell/nodes.js";
import { sentence, time } from "../base/words.js";
import { momentOf } from "../timeline/stored-tree.js";
import { html, nothing, render } from "../vendor/lit-html.js";
import { others } from "./details.js";
import { all } from "./picture.js";
import { linkButton, saveButton } from "./share.js";
import { fallen, isServiceChange, namer, victim } from "./story.js";
import { notesOf, Theatre, titleOf } from "./theatre.js";

/** @import { Moment } from "./schedule.js" */

const AGAIN_MS = 1000;
/** Requests for a restart that goes on. */
const MOST_AGAIN = 60;
/** Most links to kept restarts of the same minute as a sum. */
const MOST_KEPT = 20;

const page = byId("why", HTMLElement), head = byId("why-head", HTMLElement), body = byId("why-body", HTMLElement);
const query = new URLSearchParams(location.search), node = query.get("node") ?? chosen();
/** Its id, or in an old address the number of an event, which needs its time, since numbers start over with the program. */
const id = /\/why\/([\w.]+)$/.exec(location.pathname)?.[1] ?? "";
const theatre = new Theatre(body), { stage } = theatre;
const copy = linkButton(address, "Copy the link to this restart; it works as long as it is kept");
const read = () => ask("/file"), save = saveButton(read);
let asked = 0;

/** Return the address of this page, with the stage at which it is paused. */
function address() {
  const now = new URLSearchParams(node ? { node } : {});
  if (stage.moment && !stage.moment.ref) now.set("at", seconds(stage.moment));
  if (!stage.playing && stage.stage && stage.stage < 6) now.set("stage", `${stage.stage}`);
  if (stage.ghost) now.set("ghost", stage.ghost);
  return `${location.origin}${location.pathname}${now.size ? `?${now}` : ""}`;
}

/** The time of a restart in its address. @param {Moment} moment */
const seconds = ({ at }) => `${Math.round(at)}`;

/** The name of the default node. */
const usual = byId("node", HTMLSelectElement).options[0]?.textContent;

/** Return the node of a restart, "" for the default one. @param {Moment} moment */
const nodeOf = ({ node: there }) => chosen() || (there && there !== usual ? there : "");

/** @param {Moment} moment @param {string} path @param {Record<string, string>} [more] */
const of = (moment, path, more) => `${root()}${path}${nodeQuery(nodeOf(moment), more)}`;

/** @param {string} path */
const here = (path) => `${root()}${path}${nodeQuery(chosen())}`;

/** Ask about this restart. @param {string} what */
function ask(what) {
  const at = query.get("at") ?? "", old = at && !id.includes(".") ? `?at=${encodeURIComponent(at)}` : "";
  return requestOn(node, "GET", `/restarts/${id}${what}${old}`);
}

async function load() {
  try {
    const moment = await ask(""), itsNode = moment.node ?? "";
    if (!node && itsNode !== usual && nodes().includes(itsNode)) return go(itsNode);
    (moment.incident ? showIncident : show)(moment);
  } catch (error) {
    if (stage.moment || !(error instanceof ApiError)) throw error;
    if (error.status === 410) showGone(error, await readMinute());
    else if ([403, 404, 422].includes(error.status)) showGone(error); // 422: the address has no valid id
    else showFailure(error);
  }
}

/** Show this restart on the page of its node, so that everything on the page is about this node. @param {string} node */
function go(node) {
  query.set("node", node);
  location.replace(`${location.pathname}?${query}`);
}

/** Return the restarts of the same minute as this one; none if they cannot be read. @returns {Promise<Api.RestartLine[]>} */
async function readMinute() {
  try {
    return await requestOn(node, "GET", `/restarts?fold=false&per_page=100&beside=${id}`);
  } catch {
    return [];
  }
}

/** @param {Moment} moment */
function show(moment) {
  const first = stage.moment === null;
  if (JSON.stringify(stage.moment) !== JSON.stringify(moment)) {
    const { playing } = stage, ended = stage.time >= stage.score.end;
    if (first) {
      const address = new URLSearchParams(location.search), asks = Number(query.get("stage") ?? NaN);
      if (moment.ref) address.delete("at");
      else address.set("at", seconds(moment));
      history.replaceState(null, "", `${root()}/why/${moment.ref || moment.id}${address.size ? `?${address}` : ""}`);
      theatre.open(moment);
      if (others(moment).includes(query.get("ghost") ?? "")) stage.ghost = query.get("ghost");
      if (!isServiceChange(moment)) void document.fonts.ready.then(() => {
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
    if (first && !moment.current && !isServiceChange(moment)) void findRunning(moment);
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
    href=${of(moment, "/timeline", { at: momentOf(moment).toFixed(6) })}>Show in the timeline</a>`;
  render(html`<h1>${fallen(moment) === null ? nothing : icon("gave-up", "glyph")}${spoken(title)}</h1>
    <p class="hint"><time datetime=${new Date(moment.at * 1000).toISOString()}>${time(moment.at)}</time>${
      nodeOf(moment) ? html` <code>${nodeOf(moment)}</code>` : nothing}</p>
    <div class="acts">${links()}${isServiceChange(moment) ? nothing : save}${copy}</div>`, head);
  theatre.tell(moment, title, notesOf(moment), html`<div class="acts">${links()}</div>`);
}

/** The process that runs under the name of the one that ended in an earlier program; null if none is known. @type {string|null} */
let running = null;

/** Find that process. @param {Moment} moment */
async function findRunning(moment) {
  const name = all(moment.root).find((node) => node.id === victim(moment))?.name;
  if (!name) return;
  try {
    const found = await requestOn(nodeOf(moment), "GET", `/processes/${encodeURIComponent(name)}/info`);
    if (!found.alive || found.name !== name) return;
    running = found.pid;
  } catch {
    return; // nothing runs under this name
  }
  tell(moment);
}

/** Return the pid of the process that ended, or of the one in its place now; null if there is none. @param {Moment} moment */
function newest(moment) {
  if (isServiceChange(moment)) return null;
  if (!moment.current) return running;
  if (moment.moved) return moment.events.flatMap((event) => (event.kind === "start" && event.pid ? [event.pid] : [])).at(-1) ?? null;
  const id = victim(moment),
    starts = moment.events.flatMap((event) => (event.kind === "start" && event.id === id && event.pid ? [event.pid] : []));
  return starts.at(-1) ?? all(moment.root).find((node) => node.id === id)?.pid ?? null;
}

/**
 * Show a restart of which only a line is kept, or nothing. For the sum of a crash loop, add the facts and links of kept ones.
 * @param {ApiError} error
 * @param {Api.RestartLine[]} [minute]
 */
function showGone(error, minute = []) {
  const line = error.status === 410 ? error.message : "", kept = minute.filter((one) => one.kept);
  const sum = minute.find((one) => !one.kept && (one.count ?? 1) > 1), { name, reason, where, supervisor, strategy } = sum ?? {};
  const first = sum ?? kept[0], at = first && placeOf(first);
  page.dataset.ready = "gone";
  document.title = `${line || "Restart not known"} · SuperLearner`;
  render(html`<h1>${line || "This restart is not known"}</h1>`, head);
  render(html`<div class="void">${line
    ? html`<h2>Only this line of it is kept</h2>${sum ? html`<p>In a crash loop, the first 100 restarts of each minute are kept;
      the others are only counted.</p>` : nothing}${reason ? html`<p>The last one kept before them: ${name} ended with <code
        class="reason">${reason}</code>${where ? html` at <code>${where}</code>` : nothing}${supervisor
          ? html`, restarted by ${supervisor}${strategy ? ` (${strategy})` : ""}` : nothing}.</p>` : nothing}${kept.length && sum
        ? html`<h3>Kept in this minute: ${kept.length}</h3><ol class="plain">${kept.slice(0, MOST_KEPT).map((one) => html`<li>
          <a class="link" href=${whyAddress(one.ref ?? "", chosen())}>${time(one.at)} ${one.line}</a></li>`)}</ol>`
        : nothing}`
    : html`<h2>Nothing is kept about ${id}</h2><p>It is not part of a restart, the platform no
      longer keeps it, or it belongs to another user.</p>`}
    <p class="acts"><a class="btn primary" href=${at === undefined
      ? here("/timeline")
      : `${root()}/timeline${nodeQuery(chosen() || sum?.node || "", { at: at.toFixed(6) })}`}>${at === undefined
        ? "Open the timeline"
        : "Show in the timeline"}</a>
    <a class="btn" href=${here("/supervisors")}>Go to the supervision tree</a></p></div>`,
    body);
}

/** Show the evidence of an incident, such as a hang, which has no replay. @param {Moment} moment */
function showIncident(moment) {
  const { what = "", why, where, source, handling, values, ended_by: ends, limit, hint } = moment.facts ?? {};
  const code = (/** @type {string} */ text) => html`<code>${text}</code>`;
  page.dataset.ready = "gone";
  document.title = `${moment.summary} · SuperLearner`;
  render(html`<h1>${spoken(what ?? "")}</h1>`, head);
  render(html`<div class="void"><p>${sentence(why ?? "")}</p><dl class="known">${[["Where", where], ["Line", source && code(source)],
    ["Handled", handling && code(handling)], ["Evidence", values],
    ["Ended by", ends && restartLinks(ends)], ["Limit", limit], ["To try", hint && spoken(hint)]]
    .map(([word, text]) => (text ? html`<dt>${word}</dt><dd>${text}</dd>` : nothing))}</dl>
    <p class="acts"><a class="btn primary" href=${of(moment, "/timeline", { at: moment.at.toFixed(6) })}>Show in the timeline</a>
    <a class="btn" href=${of(moment, "/system")}>Open System</a></p></div>`, body);
}

/** Return links to restarts: "till crashed and was restarted (9f3a0c1b22d4.7); cart crashed (9f3a0c1b22d4.9)". @param {string} text */
const restartLinks = (text) => [...text.matchAll(/(.+?) \(([\da-f]{12}\.\d+)\)(?:; )?/g)].map(([, line, ref = ""], place) =>
  html`${place ? ", " : ""}<a class="link" href=${whyAddress(ref, chosen())}>${line}</a>`);

/** @param {ApiError} error */
function showFailure(error) {
  page.dataset.ready = "failed";
  render(html`<h1>Restarts</h1>`, head);
  render(html`<div class="void" role="alert"><h2>${error.message}</h2>${error.hint ? html`<p>${error.hint}</p>` : nothing}
    <p><button type="button" class="btn" @click=${() => void load()}>Try again</button></p></div>`, body);
}

head.replaceChildren();
body.replaceChildren();
void load();
